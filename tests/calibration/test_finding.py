"""What is refused is refused in one sentence that says what to mend."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from dermscan.calibration.finding import find_target, square_px
from dermscan.calibration.target import FAR, NEAR
from dermscan.domain import Frame, RgbImage
from dermscan.errors import CalibrationRefused

Take = Callable[[Any], Frame]


def refused(pixels: RgbImage) -> str:
    with pytest.raises(CalibrationRefused) as caught:
        find_target(pixels)
    sentence = str(caught.value)
    assert sentence.startswith("The camera was not calibrated: ")
    assert not sentence.endswith(".")
    return sentence


def other_board(dictionary: int, squares: tuple[int, int]) -> RgbImage:
    known = cv2.aruco.getPredefinedDictionary(dictionary)
    board = cv2.aruco.CharucoBoard(squares, 18.0, 13.5, known)
    gray = np.asarray(board.generateImage((1024, 960), marginSize=60), np.uint8)
    return np.dstack([gray] * 3)


@pytest.mark.parametrize("target", [FAR, NEAR], ids=lambda target: target.name)
def test_both_sizes_are_told_apart(scene: Any, taken: Take, target: Any) -> None:
    scale = 0.272 * target.square_mm / 18
    found = find_target(taken(scene(target=target, mm_per_pixel=scale)).pixels)
    assert found.target is target
    assert len(found.corners) == 35
    assert square_px(found) == pytest.approx(target.square_mm / scale, rel=0.01)
    assert found.residual < 0.1


def test_a_part_may_be_covered(scene: Any, taken: Take) -> None:
    found = find_target(taken(scene(hidden=(0.3, 0.4, 0.45, 0.6))).pixels)
    assert 21 <= len(found.corners) < 35


def test_a_large_part_may_not(scene: Any, taken: Take) -> None:
    assert "covered, cut off" in refused(taken(scene(hidden=(0.0, 0.0, 0.5, 0.9))).pixels)


def test_a_target_that_leaves_the_picture_is_cut_off(scene: Any, taken: Take) -> None:
    assert "covered, cut off" in refused(taken(scene(shift_mm=(90.0, 0.0))).pixels)


def test_no_target(scene: Any, taken: Take) -> None:
    gray = np.full((480, 640, 3), 128, np.uint8)
    assert "no target is seen" in refused(gray)
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    assert "no target is seen" in refused(noise)
    assert "no target is seen" in refused(taken(scene(blur=9.0)).pixels)


@pytest.mark.parametrize("dictionary", [cv2.aruco.DICT_5X5_250, cv2.aruco.DICT_6X6_250, cv2.aruco.DICT_ARUCO_ORIGINAL])
def test_another_board(dictionary: int) -> None:
    assert "another board" in refused(other_board(dictionary, (8, 6)))


def test_a_board_of_the_same_markers_in_another_order() -> None:
    sentence = refused(other_board(cv2.aruco.DICT_4X4_50, (5, 9)))
    assert "another" in sentence or "covered" in sentence


def test_a_bent_target(scene: Any, taken: Take) -> None:
    flat = taken(scene()).pixels
    rows, columns = np.indices(flat.shape[:2])
    across, down = np.asarray(columns, np.float32), np.asarray(rows + 6 * np.sin(columns / 70), np.float32)
    bent = cv2.remap(flat, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert "lay it flat" in refused(np.asarray(bent, np.uint8))
