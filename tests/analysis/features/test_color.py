"""The six colours are recognised, and only where there is enough of them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.analysis.features.color import LesionColor, colors
from dermscan.analysis.features.specimen import prepare
from dermscan.domain import Frame, LesionMask

Paint = Callable[..., tuple[Frame, LesionMask]]
Fill = Callable[..., NDArray[np.bool_]]
Points = Callable[..., NDArray[np.float64]]
SEEN = {
    LesionColor.WHITE: (222, 214, 236),
    LesionColor.RED: (140, 30, 32),
    LesionColor.LIGHT_BROWN: (165, 105, 65),
    LesionColor.DARK_BROWN: (88, 55, 38),
    LesionColor.BLUE_GREY: (108, 106, 140),
    LesionColor.BLACK: (38, 30, 29),
}


def striped(shares: dict[LesionColor, float], side: int = 400) -> NDArray[np.uint8]:
    """Vertical stripes of colours over the width from 100 to 300."""
    picture = np.zeros((side, side, 3), np.uint8)
    start = 100.0
    for color, share in shares.items():
        picture[:, round(start) :] = SEEN[color]
        start += 200 * share
    return picture


@pytest.mark.parametrize("color", list(LesionColor))
def test_each_colour_alone_is_recognised(paint: Paint, polygon: Fill, ellipse: Points, color: LesionColor) -> None:
    assert colors(prepare(*paint(polygon(ellipse(100, 100)), SEEN[color]))) == (color,)


def test_all_six_together_are_counted(paint: Paint, polygon: Fill, rectangle: Points) -> None:
    shape = polygon(rectangle(200, 200))
    assert colors(prepare(*paint(shape, striped(dict.fromkeys(LesionColor, 1 / 6))))) == tuple(LesionColor)


def test_a_trace_of_a_colour_does_not_count(paint: Paint, polygon: Fill, rectangle: Points) -> None:
    shape = polygon(rectangle(200, 200))
    trace = striped({LesionColor.BLACK: 0.015, LesionColor.LIGHT_BROWN: 0.985})
    spot = striped({LesionColor.BLACK: 0.08, LesionColor.LIGHT_BROWN: 0.92})
    assert colors(prepare(*paint(shape, trace))) == (LesionColor.LIGHT_BROWN,)
    assert colors(prepare(*paint(shape, spot))) == (LesionColor.LIGHT_BROWN, LesionColor.BLACK)


def test_white_must_be_lighter_than_the_skin_around(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert LesionColor.WHITE not in colors(prepare(*paint(polygon(ellipse(100, 100)), (170, 160, 184))))


def test_a_colour_like_none_of_the_six_is_named_by_the_nearest(paint: Paint, polygon: Fill, ellipse: Points) -> None:
    assert len(colors(prepare(*paint(polygon(ellipse(100, 100)), (40, 220, 60))))) == 1


def test_a_lesion_that_fills_the_frame_has_colours(paint: Paint) -> None:
    found = colors(prepare(*paint(np.ones((90, 90), bool), SEEN[LesionColor.WHITE])))
    assert found == (LesionColor.WHITE,)


@settings(deadline=None, max_examples=25)
@given(pixel=st.tuples(*(st.integers(0, 255) for _ in range(3))), radius=st.integers(5, 150), seed=st.integers(0, 1000))
def test_there_is_always_at_least_one_colour_and_never_more_than_six(
    paint: Paint, polygon: Fill, ellipse: Points, pixel: tuple[int, int, int], radius: int, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(-40, 40, (400, 400, 3))
    picture = np.clip(np.array(pixel) + noise, 0, 255).astype(np.uint8)
    found = colors(prepare(*paint(polygon(ellipse(radius, radius)), picture)))
    assert 1 <= len(found) <= 6
    assert len(set(found)) == len(found)
