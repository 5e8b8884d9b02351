"""Known scales, tilts and lenses are found again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.calibration.finding import Sighting, find_target, mapped
from dermscan.calibration.scale import MAX_TILT_DEG, measure_scale, observe_lens
from dermscan.calibration.target import FAR, NEAR, board
from dermscan.domain import Frame
from dermscan.errors import CalibrationRefused

Take = Callable[[Any], Frame]
SIZE = (640, 600)
PLACES = np.asarray(board(FAR).getChessboardCorners(), np.float64)[:, :2]


def drawn(mm_per_pixel: float, turn_deg: float, tilt_deg: float, about_deg: float) -> Sighting:
    """A sighting without any picture: a pinhole camera of 1500 pixels, the board's middle in its axis."""
    turn, tilt, about = np.radians([turn_deg, tilt_deg, about_deg])

    def around(angle: float) -> Any:
        return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])

    over = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    rotation = around(about) @ over @ around(turn)
    place = np.array([0, 0, 1500 * mm_per_pixel]) - rotation @ np.array([72.0, 54.0, 0.0])
    lens = np.array([[1500, 0, (SIZE[0] - 1) / 2], [0, 1500, (SIZE[1] - 1) / 2], [0, 0, 1]])
    matrix = lens @ np.column_stack([rotation[:, 0], rotation[:, 1], place])
    return Sighting(FAR, PLACES, mapped(matrix, PLACES), matrix, 0.05)


@given(
    st.floats(0.1, 0.4),
    st.floats(-180, 180),
    st.floats(0, 4),
    st.floats(-180, 180),
)
def test_a_known_scale_is_found_whatever_the_turn_and_a_slight_tilt(
    mm_per_pixel: float, turn: float, tilt: float, about: float
) -> None:
    found = measure_scale([drawn(mm_per_pixel, turn, tilt, about)], SIZE, None, 1.0)
    assert found.mm_per_pixel == pytest.approx(mm_per_pixel, rel=1e-4)
    assert found.tilt_deg == pytest.approx(tilt, abs=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"turn_deg": 33, "mm_per_pixel": 0.4},
        {"tilt_deg": 3, "turn_deg": 20, "mm_per_pixel": 0.35},
        {"tilt_deg": 6},
        {"blur": 1.2},
        {"noise": 12.0},
        {"light": (1.2, 1.0, 0.6), "mixing": 0.2},
        {"fall_off": 0.3},
        {"hidden": (0.3, 0.4, 0.45, 0.6)},
        {"target": NEAR, "mm_per_pixel": 0.04},
    ],
    ids=str,
)
def test_a_rendered_scale_is_found_within_a_third_of_a_per_cent(
    scene: Any, taken: Take, changes: dict[str, Any]
) -> None:
    seen = scene(**changes)
    found = measure_scale([find_target(taken(seen).pixels)], seen.size, None, 1.0)
    assert found.mm_per_pixel == pytest.approx(seen.mm_per_pixel, rel=0.003)
    assert abs(found.mm_per_pixel - seen.mm_per_pixel) < 2 * found.error < 0.01 * found.mm_per_pixel
    assert found.tilt_deg == pytest.approx(seen.tilt_deg, abs=1.5)


@pytest.mark.parametrize("tilt", [12, 25])
def test_a_tilted_target_is_refused(scene: Any, taken: Take, tilt: float) -> None:
    sighting = find_target(taken(scene(tilt_deg=tilt, mm_per_pixel=0.32)).pixels)
    with pytest.raises(CalibrationRefused, match=f"tilted by {tilt} degrees"):
        measure_scale([sighting], SIZE, None, 1.0)


@given(st.floats(MAX_TILT_DEG + 0.1, 60), st.floats(-180, 180))
def test_every_great_tilt_is_refused(tilt: float, about: float) -> None:
    with pytest.raises(CalibrationRefused, match="tilted"):
        measure_scale([drawn(0.2, 0, tilt, about)], SIZE, None, 1.0)


def test_a_page_that_was_printed_too_small_is_measured_by_its_bar() -> None:
    sighting = drawn(0.2, 0, 0, 0)
    whole, shrunk = (measure_scale([sighting], SIZE, None, bar) for bar in (1.0, 0.97))
    assert shrunk.mm_per_pixel == pytest.approx(0.97 * whole.mm_per_pixel)


def test_pictures_that_differ_make_the_scale_less_sure() -> None:
    alike = measure_scale([drawn(0.2, 0, 0, 0)] * 3, SIZE, None, 1.0)
    apart = measure_scale([drawn(scale, 0, 0, 0) for scale in (0.196, 0.2, 0.204)], SIZE, None, 1.0)
    assert alike.mm_per_pixel == pytest.approx(apart.mm_per_pixel, rel=1e-3)
    assert apart.error > 3 * alike.error


def test_a_lens_is_observed_only_where_there_is_one(scene: Any, taken: Take) -> None:
    size = (1024, 960)
    straight = find_target(taken(scene()).pixels)
    assert observe_lens([straight], SIZE) is None
    barrel = find_target(taken(scene(k1=-0.12, size=size, mm_per_pixel=0.17)).pixels)
    lens = observe_lens([barrel], size)
    assert lens is not None
    assert lens.k1 * (1500 / lens.focal_px) ** 2 == pytest.approx(-0.12, rel=0.1)
    found = measure_scale([barrel], size, lens, 1.0)
    assert found.mm_per_pixel == pytest.approx(0.17, rel=0.003)
