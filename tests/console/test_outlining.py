"""Outlining anew with the shipped bundle: what is shown while the box moves is what is filed, only smaller."""

import dataclasses
import re

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from clinic import drawn_scan
from dermscan.analysis.preparation import PromptPoint
from dermscan.bundle.loading import Bundle
from dermscan.console.drawing import outline, traced
from dermscan.console.outlining import SHOWN, Outliner, Sketch
from dermscan.domain import LesionMask, Roi, Scan
from dermscan.settings import ModelSettings

BOX = Roi(40, 30, 120, 90)


@pytest.fixture(scope="module")
def outliner(bundle: Bundle) -> Outliner:
    return Outliner(ModelSettings(bundle=bundle.folder, unsigned=True))


def magnified(times: int) -> Scan:
    """A scan of a drawn lesion, `times` as large."""
    scan = drawn_scan(0)
    size = 160 * times, 120 * times
    pixels = np.asarray(cv2.resize(scan.frame.pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    frame = dataclasses.replace(scan.frame, pixels=pixels)
    said = dataclasses.replace(scan.assessment, roi=scaled(BOX, times), mask=None, features=None)
    return dataclasses.replace(scan, frame=frame, assessment=said)


def scaled(box: Roi, times: float) -> Roi:
    return Roi(*(times * value for value in (box.x0, box.y0, box.x1, box.y1)))


def filled(path: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels inside a path."""
    numbers = np.array([float(value) for value in re.findall(r"[\d.]+", path)])
    corners = np.round(numbers.reshape(-1, 1, 2) - 0.5).astype(np.int32)
    return cv2.fillPoly(np.zeros(shape, np.uint8), [corners], 1) > 0


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)))


@pytest.mark.parametrize("times", [4, 16])
def test_what_is_shown_is_what_is_filed(outliner: Outliner, times: int) -> None:
    sketch = outliner.begin(magnified(times))
    box = scaled(Roi(38, 33, 117, 92), times)
    shown, filed = outliner.preview(sketch, box), outliner.outline(sketch, box)
    assert shown is not None
    assert filed is not None
    assert max(shown.pixels.shape) == min(SHOWN, 160 * times)
    assert filed.pixels.shape == (120 * times, 160 * times)
    assert shown.confidence == pytest.approx(filed.confidence, abs=0.02)
    whole = filled(traced(shown, 1 / sketch.scale), (120 * times, 160 * times))
    assert dice(whole, filed.pixels) > 0.98


def test_a_point_beside_the_lesion_takes_away_and_shows_at_once(outliner: Outliner) -> None:
    sketch = outliner.begin(magnified(16))
    box, point = scaled(BOX, 16), PromptPoint(16 * 60.0, 16 * 60.0, lesion=False)
    areas = [area(outliner.preview(sketch, box, points), sketch) for points in ((), (point,))]
    filed = [area(outliner.outline(sketch, box, points), sketch, 1.0) for points in ((), (point,))]
    assert outliner.takes_points
    assert areas[0] != areas[1]
    assert areas == pytest.approx(filed, rel=0.05)


def area(mask: LesionMask | None, sketch: Sketch, scale: float | None = None) -> float:
    return 0.0 if mask is None else mask.area_px / (scale or sketch.scale) ** 2


def test_the_traced_outline_scales_with_its_frame() -> None:
    drawn = drawn_scan(3).assessment.mask
    assert drawn is not None
    whole = outline(drawn)
    assert whole is not None
    assert traced(drawn, 1.0) == whole.path
    once, twice = (np.array(re.findall(r"[\d.]+", traced(drawn, scale)), float) for scale in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2 * once, atol=0.1)
    assert traced(LesionMask(np.zeros((20, 20), np.bool_), 0.0), 1.0) == ""


def test_the_axes_are_those_of_the_covariance() -> None:
    mask = drawn_scan(1).assessment.mask
    assert mask is not None
    drawn = outline(mask)
    assert drawn is not None
    rows, columns = np.nonzero(mask.pixels)
    _, directions = np.linalg.eigh(np.cov(np.vstack([columns, rows])))
    for axis, direction in zip(drawn.axes, (directions[:, 1], directions[:, 0]), strict=True):
        along = np.array([axis[2] - axis[0], axis[3] - axis[1]])
        assert abs(float(along @ direction)) == pytest.approx(float(np.hypot(*along)), rel=1e-6)
        middle = np.array([axis[0] + axis[2], axis[1] + axis[3]]) / 2
        assert float(np.hypot(*(middle - [columns.mean() + 0.5, rows.mean() + 0.5]))) < 3
