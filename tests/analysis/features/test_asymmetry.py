"""Folding gives the known asymmetry of known shapes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.analysis.features.asymmetry import asymmetry
from dermscan.analysis.features.specimen import prepare
from dermscan.domain import Frame, LesionMask

Paint = Callable[..., tuple[Frame, LesionMask]]
Fill = Callable[..., NDArray[np.bool_]]
Points = Callable[..., NDArray[np.float64]]
DARK, PALE = (70, 40, 30), (160, 105, 80)


def two_colors(side: int, degrees: float) -> NDArray[np.uint8]:
    """A frame that is dark on one side of a line through its middle."""
    y, x = np.mgrid[0:side, 0:side] - side / 2
    beyond = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees)) > 0
    return np.where(beyond[..., None], DARK, PALE).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 17, 45, 80])
def test_a_disc_a_square_and_an_ellipse_are_symmetric_however_they_lie(
    paint: Paint, polygon: Fill, ellipse: Points, rectangle: Points, degrees: float
) -> None:
    for points in (ellipse(100, 100), ellipse(120, 60, degrees), rectangle(160, 160, degrees)):
        found = asymmetry(prepare(*paint(polygon(points))))
        assert found.score == 0
        assert found.index < 0.05


@pytest.mark.parametrize("degrees", [0, 30, 45, 77])
def test_a_disc_dark_on_one_half_is_asymmetric_in_one_axis(
    paint: Paint, polygon: Fill, ellipse: Points, degrees: float
) -> None:
    found = asymmetry(prepare(*paint(polygon(ellipse(110, 110)), two_colors(400, degrees))))
    assert found.score == 1
    assert found.index < 0.05


@pytest.mark.parametrize("degrees", [0, 25])
def test_an_ellipse_dark_on_a_slanting_half_is_asymmetric_in_both(
    paint: Paint, polygon: Fill, ellipse: Points, degrees: float
) -> None:
    found = asymmetry(prepare(*paint(polygon(ellipse(150, 70, degrees)), two_colors(400, degrees + 45))))
    assert found.score == 2


def test_an_isosceles_triangle_folds_on_one_axis(paint: Paint, polygon: Fill) -> None:
    found = asymmetry(prepare(*paint(polygon(np.array([[-90.0, 70.0], [90.0, 70.0], [0.0, -140.0]])))))
    assert found.score == 1
    assert found.index < 0.05


def test_a_lopsided_shape_folds_on_no_axis(paint: Paint, polygon: Fill) -> None:
    points = np.array([[-150.0, 80.0], [110.0, 80.0], [140.0, 30.0], [-20.0, 20.0], [-120.0, -120.0]])
    found = asymmetry(prepare(*paint(polygon(points))))
    assert found.score == 2
    assert found.index > 0.1


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(0.3, 2.5), degrees=st.floats(0, 180))
def test_size_and_lie_change_little(paint: Paint, polygon: Fill, star: Points, scale: float, degrees: float) -> None:
    side = round(450 * max(scale, 0.5))
    one = asymmetry(prepare(*paint(polygon(star(130, 0.25, 3), 450))))
    other = asymmetry(prepare(*paint(polygon(star(130 * scale, 0.25, 3, degrees), side))))
    assert other.index == pytest.approx(one.index, abs=0.04)
    assert other.score == one.score
