"""Known casts are taken out, and what is not the target's colour is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dermscan.calibration.color import Color, correct_colors, measure_color
from dermscan.calibration.finding import find_target
from dermscan.domain import Frame
from dermscan.errors import CalibrationRefused

Take = Callable[[Any], Frame]


def measured(frame: Frame) -> Color:
    return measure_color([frame.pixels], [find_target(frame.pixels)])


def test_true_colours_need_no_correction(scene: Any, taken: Take) -> None:
    color = measured(taken(scene()))
    assert color.patches == 16
    assert color.delta_e_before < 0.5
    assert np.allclose(color.matrix, np.eye(3), atol=0.03)


def test_a_cast_is_balanced_by_its_inverse(scene: Any, taken: Take) -> None:
    color = measured(taken(scene(light=(1.2, 1.0, 0.6))))
    assert color.gains == pytest.approx([1 / 1.2, 1.0, 1 / 0.6], rel=0.03)
    assert color.delta_e_after < 0.3 * color.delta_e_before
    assert color.delta_e_after < 1.5


@pytest.mark.parametrize("mixing", [0.15, 0.3])
def test_dull_colours_are_made_vivid_again(scene: Any, taken: Take, mixing: float) -> None:
    color = measured(taken(scene(mixing=mixing, light=(0.9, 1.0, 1.1))))
    assert color.delta_e_before > 3
    assert color.delta_e_after < 2
    assert np.diag(color.matrix / color.gains).min() > 1 + 0.25 * mixing


def test_a_light_that_falls_off_is_no_colour(scene: Any, taken: Take) -> None:
    color = measured(taken(scene(fall_off=0.3)))
    assert color.delta_e_after < 1


def test_the_brightness_of_the_greys_stays(scene: Any, taken: Take) -> None:
    color = measured(taken(scene(light=(1.2, 1.0, 0.6), mixing=0.2)))
    gray = np.linalg.solve(color.matrix, np.full(3, 0.5))
    assert gray @ [0.2126, 0.7152, 0.0722] == pytest.approx(0.5, rel=0.02)


def test_a_corrected_picture_of_the_target_needs_no_further_correction(scene: Any, taken: Take) -> None:
    frame = taken(scene(light=(1.15, 1.0, 0.7), mixing=0.1))
    first = measured(frame)
    again = correct_colors(frame.pixels, first.matrix)
    assert again.shape == frame.pixels.shape
    assert again.dtype == np.uint8
    second = measure_color([again], [find_target(again)])
    assert second.delta_e_before == pytest.approx(first.delta_e_after, abs=0.5)
    assert np.allclose(second.matrix, np.eye(3), atol=0.05)


def test_the_identity_leaves_every_level_as_it_is() -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    np.testing.assert_array_equal(correct_colors(levels, np.eye(3)), levels)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hidden": (0.0, 0.8, 1.0, 1.0)}, "do not have their colours"),
        ({"level": 0.02}, "too dark"),
        ({"level": 1.6}, "12 of the 16 patches can be read"),
        ({"shift_mm": (0.0, 20.0)}, "patches can be read"),
    ],
    ids=["covered", "dark", "bright", "cut off"],
)
def test_patches_that_cannot_be_trusted_are_refused(scene: Any, taken: Take, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(CalibrationRefused, match=why):
        measured(taken(scene(**changes)))
