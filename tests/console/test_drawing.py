import math
import re
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.console.curves import Point, curve
from dermscan.console.drawing import heat, laid_over, outline, png, thumbnail
from dermscan.console.outlining import clicked
from dermscan.domain import LesionMask, Roi

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def ellipse() -> LesionMask:
    drawn = cv2.ellipse(np.zeros((200, 300), np.uint8), (150, 100), (80, 40), 0, 0, 360, 1, cv2.FILLED)
    return LesionMask(drawn > 0, 0.9)


def length(line: tuple[float, float, float, float]) -> float:
    return math.hypot(line[2] - line[0], line[3] - line[1])


def test_an_outline_goes_around_the_mask_and_its_axes_through_the_middle() -> None:
    drawn = outline(ellipse())
    assert drawn is not None
    numbers = [float(value) for value in re.findall(r"[\d.]+", drawn.path)]
    traced = np.array(numbers).reshape(-1, 2)
    assert cv2.contourArea(traced.astype(np.float32)) == pytest.approx(math.pi * 80 * 40, rel=0.03)
    assert length(drawn.diameter) == pytest.approx(160, abs=2)
    assert sorted(length(axis) for axis in drawn.axes) == pytest.approx([80, 160], abs=2)


def test_an_empty_mask_has_no_outline_and_a_pixel_has_one() -> None:
    assert outline(LesionMask(np.zeros((20, 20), np.bool_), 0.0)) is None
    pixels = np.zeros((20, 20), np.bool_)
    pixels[4, 5] = True
    drawn = outline(LesionMask(pixels, 0.0))
    assert drawn is not None
    assert length(drawn.diameter) == 0


def test_a_picture_keeps_every_pixel_and_a_thumbnail_its_shape() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    shown = cv2.imdecode(np.frombuffer(png(pixels), np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(shown, pixels)
    small = cv2.imdecode(np.frombuffer(thumbnail(np.repeat(np.repeat(pixels, 4, 0), 4, 1)), np.uint8), 1)
    assert small is not None
    assert small.shape[:2] == (135, 240)


def test_a_follow_up_is_laid_where_its_registration_says() -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[5, 7] = 200
    moved = laid_over(pixels, ((1, 0, 10), (0, 1, 3)), (40, 30), smooth=False)
    assert moved.shape == (30, 40, 3)
    assert [int(at) for at in np.argwhere(moved[..., 0])[0]] == [8, 17]


def test_the_map_of_differences_is_clear_where_there_is_none() -> None:
    change = np.zeros((4, 4), np.float32)
    change[1, 2] = 30
    shown = cv2.imdecode(np.frombuffer(heat(change), np.uint8), cv2.IMREAD_UNCHANGED)
    assert shown is not None
    assert shown[..., 3].max() == shown[1, 2, 3]
    assert np.count_nonzero(shown[..., 3]) == 1


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.booleans())
def test_a_curve_stays_inside_its_drawing(values: list[float], banded: bool) -> None:  # noqa: FBT001
    points = [Point(DAY + timedelta(days=n), value, f"<{value}>", f"/scan/{n}") for n, value in enumerate(values)]
    band = (values[0] / 1.17, values[0] * 1.17) if banded else None
    drawn = str(curve("A & B", points, str, lambda day: f"{day:%d}", band=band))
    assert "A &amp; B" in drawn
    assert "&lt;" in drawn
    for x, y in re.findall(r'class="dot" cx="([-\d.]+)" cy="([-\d.]+)"', drawn):
        assert 0 <= float(x) <= 640
        assert 0 <= float(y) <= 220


@given(st.floats(0, 100), st.floats(0, 100), st.booleans())
def test_a_click_moves_the_box_no_further_than_to_the_point(x: float, y: float, on: bool) -> None:  # noqa: FBT001
    before = Roi(20, 30, 60, 80)
    after = clicked(before, x, y, on=on)
    if on:
        assert after.x0 <= x <= after.x1
        assert after.y0 <= y <= after.y1
        assert after.area >= before.area
    else:
        assert not (after.x0 < x < after.x1 and after.y0 < y < after.y1)
        assert after.area >= before.area / 2 or after == before
