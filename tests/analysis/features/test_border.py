"""Abrupt sectors and raggedness of borders that are known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.analysis.features.border import abrupt_sectors, irregularity
from dermscan.analysis.features.specimen import prepare
from dermscan.domain import Frame, LesionMask

Paint = Callable[..., tuple[Frame, LesionMask]]
Fill = Callable[..., NDArray[np.bool_]]
Points = Callable[..., NDArray[np.float64]]


def test_a_sharp_dark_disc_ends_abruptly_everywhere(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert abrupt_sectors(prepare(*paint(polygon(ellipse(110, 110))))) == 8


def test_a_disc_that_fades_out_ends_abruptly_nowhere(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert abrupt_sectors(prepare(*paint(polygon(ellipse(110, 110)), soft=25))) == 0


def test_a_disc_hardly_darker_than_skin_has_no_abrupt_end(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert abrupt_sectors(prepare(*paint(polygon(ellipse(110, 110)), (200, 156, 133)))) == 0


def test_a_disc_that_is_sharp_on_one_half_scores_four(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    shape = polygon(ellipse(110, 110))
    sharp, mask = paint(shape)
    fading, _ = paint(shape, soft=25)
    pixels = np.where(np.arange(400)[:, None, None] < 200, sharp.pixels, fading.pixels)
    assert abrupt_sectors(prepare(Frame(pixels, 0, 0.0, sharp.taken_at), mask)) == 4


def test_beyond_the_frame_nothing_is_abrupt(paint: Paint) -> None:
    whole = np.ones((120, 160), bool)
    assert abrupt_sectors(prepare(*paint(whole))) == 0


def test_the_sectors_beyond_the_frame_do_not_count(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    frame, mask = paint(polygon(ellipse(110, 110)))
    half = Frame(frame.pixels[:, 200:], 0, 0.0, frame.taken_at)
    assert 2 <= abrupt_sectors(prepare(half, LesionMask(mask.pixels[:, 200:], 1.0))) <= 7


@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_irregularity_of_shapes_with_a_formula(
    paint: Paint, polygon: Fill, ellipse: Points, rectangle: Points, degrees: float
) -> None:
    a, b = 140.0, 70.0
    h = ((a - b) / (a + b)) ** 2
    ramanujan = np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))
    known = {
        1.0: ellipse(110, 110, degrees),
        4 / np.pi: rectangle(170, 170, degrees),
        ramanujan**2 / (4 * np.pi**2 * a * b): ellipse(a, b, degrees),
        (2 * 200 + 2 * 100) ** 2 / (4 * np.pi * 200 * 100): rectangle(200, 100, degrees),
    }
    for expected, points in known.items():
        assert irregularity(prepare(*paint(polygon(points)))) == pytest.approx(expected, rel=0.03)


def test_a_star_is_more_ragged_the_more_its_radius_swings(paint: Paint, polygon: Fill, star: Points) -> None:
    figures = [irregularity(prepare(*paint(polygon(star(110, swing, 9))))) for swing in (0.0, 0.1, 0.2, 0.3)]
    assert figures == sorted(figures)
    turn = np.linspace(0, 2 * np.pi, 20000)
    radius, slope = 110 * (1 + 0.2 * np.cos(9 * turn)), -110 * 0.2 * 9 * np.sin(9 * turn)
    perimeter, area = np.trapezoid(np.hypot(radius, slope), turn), np.trapezoid(radius**2 / 2, turn)
    assert figures[2] == pytest.approx(perimeter**2 / (4 * np.pi * area), rel=0.06)


@settings(deadline=None, max_examples=15)
@given(scale=st.floats(0.4, 2.5))
def test_size_changes_neither(paint: Paint, polygon: Fill, star: Points, scale: float) -> None:
    side = round(450 * max(scale, 0.5))
    one = prepare(*paint(polygon(star(130, 0.15, 4), 450)))
    other = prepare(*paint(polygon(star(130 * scale, 0.15, 4), side)))
    assert irregularity(other) == pytest.approx(irregularity(one), rel=0.05)
    assert abrupt_sectors(other) == abrupt_sectors(one)
