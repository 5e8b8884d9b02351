"""All measures together, and the score made of them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dermscan.analysis.features import measure
from dermscan.analysis.features.measuring import total_dermoscopy_score
from dermscan.domain import Frame, LesionMask

Paint = Callable[..., tuple[Frame, LesionMask]]
Fill = Callable[..., NDArray[np.bool_]]
Points = Callable[..., NDArray[np.float64]]


def test_a_plain_dark_disc(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    frame, mask = paint(polygon(ellipse(110, 110)), mm_per_pixel=0.02)
    found = measure(frame, mask)
    assert (found.asymmetry, found.border, found.color) == (0, 8, 1)
    assert found.asymmetry_index < 0.05
    assert found.border_irregularity == pytest.approx(1, abs=0.02)
    assert found.diameter_px == pytest.approx(221, abs=2)
    assert found.diameter_mm == pytest.approx(0.02 * found.diameter_px)
    assert found.area_px == mask.area_px
    assert (found.tds_low, found.tds_high) == (1.8, 3.8)


def test_without_a_scale_there_are_no_millimetres(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert measure(*paint(polygon(ellipse(50, 80)))).diameter_mm is None


def test_the_same_picture_measures_the_same_twice(paint: Paint, polygon: Fill, star: Points) -> None:
    specimen = paint(polygon(star(110, 0.2, 7)))
    assert measure(*specimen) == measure(*specimen)


@pytest.mark.parametrize(("counts", "score"), [((0, 0, 1, 1), 1.0), ((2, 8, 6, 5), 8.9), ((1, 4, 3, 2), 4.2)])
def test_the_total_score_is_that_of_stolz(counts: tuple[int, int, int, int], score: float) -> None:
    assert total_dermoscopy_score(*counts) == pytest.approx(score)


@settings(deadline=None, max_examples=40)
@given(pixels=arrays(np.bool_, (20, 30)), level=st.integers(0, 255), stretch=st.integers(1, 12))
def test_any_mask_that_is_not_empty_can_be_measured(
    paint: Paint, pixels: NDArray[np.bool_], level: int, stretch: int
) -> None:
    pixels[9:12, 14:17] = True
    mask = np.kron(pixels, np.ones((stretch, stretch), bool))
    found = measure(*paint(mask, (level, level // 2, level // 3)))
    assert 0 <= found.asymmetry <= 2
    assert 0 <= found.asymmetry_index <= 1
    assert 0 <= found.border <= 8
    assert 1 <= found.color <= 6
    assert found.diameter_px > 0
    assert found.border_irregularity > 0
    assert 1.0 <= found.tds_low == pytest.approx(found.tds_high - 2)


def test_a_lesion_of_a_single_pixel_in_a_corner_is_measured(paint: Paint) -> None:
    mask = np.zeros((40, 40), bool)
    mask[0, 0] = True
    assert measure(*paint(mask)).area_px == 1


def test_a_lesion_over_the_whole_frame_is_measured(paint: Paint) -> None:
    found = measure(*paint(np.ones((120, 160), bool)))
    assert found.diameter_px == pytest.approx(200)
    assert found.border == 0
