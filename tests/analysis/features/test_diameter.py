"""The greatest diameter of shapes whose diameter is known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dermscan.analysis.features.diameter import greatest_diameter
from dermscan.domain import LesionMask

Fill = Callable[..., NDArray[np.bool_]]
Points = Callable[..., NDArray[np.float64]]


def test_one_pixel_has_its_diagonal() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    assert greatest_diameter(LesionMask(mask, 1.0)) == pytest.approx(np.sqrt(2))


def test_a_rectangle_has_its_diagonal() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:40, 20:60] = True
    assert greatest_diameter(LesionMask(mask, 1.0)) == pytest.approx(50.0)


@pytest.mark.parametrize("degrees", [0, 13, 45, 90])
def test_an_ellipse_has_its_long_axis_however_it_lies(polygon: Fill, ellipse: Points, degrees: float) -> None:
    found = greatest_diameter(LesionMask(polygon(ellipse(150, 60, degrees)), 1.0))
    assert found == pytest.approx(300, abs=2.5)


def test_a_square_has_its_diagonal_when_it_is_turned(polygon: Fill, rectangle: Points) -> None:
    for degrees in (0, 30, 45):
        found = greatest_diameter(LesionMask(polygon(rectangle(180, 180, degrees)), 1.0))
        assert found == pytest.approx(180 * np.sqrt(2), abs=2.5)


@settings(deadline=None, max_examples=50)
@given(pixels=arrays(np.bool_, (9, 12)))
def test_it_is_the_greatest_distance_of_any_two_corners(pixels: NDArray[np.bool_]) -> None:
    pixels[4, 6] = True
    rows, columns = np.nonzero(pixels)
    corners = np.concatenate([np.stack([rows + dy, columns + dx], 1) for dy in (0, 1) for dx in (0, 1)])
    brute = np.linalg.norm(corners[:, None] - corners[None], axis=2).max()
    assert greatest_diameter(LesionMask(pixels, 1.0)) == pytest.approx(brute)
