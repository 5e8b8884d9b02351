"""The tone of skin is read beside the lesion, and named by the published groups."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

HOUSE = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def skin_tone() -> Iterator[Any]:
    sys.path.insert(0, str(HOUSE))
    yield importlib.import_module("skin_tone")
    sys.path.remove(str(HOUSE))


def skin(lightness: float, yellow: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A plain picture of one colour, CIELAB with a* = 10."""
    lab = np.full((120, 160, 3), (lightness, 10.0, yellow), np.float32)
    return np.round(255 * cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)).astype(np.uint8)


def lesion() -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros((120, 160), bool)
    mask[45:75, 60:100] = True
    return mask


@pytest.mark.parametrize(
    ("lightness", "yellow", "group"),
    [
        (75, 14, "very_light"),
        (70, 18, "light"),
        (63, 18, "intermediate"),
        (56, 18, "tan"),
        (45, 18, "brown"),
        (30, 18, "dark"),
    ],
)
def test_each_group_is_named_by_its_angle(skin_tone: Any, lightness: float, yellow: float, group: str) -> None:
    angle = skin_tone.typology_angle(skin(lightness, yellow), lesion())
    assert angle == pytest.approx(np.degrees(np.arctan2(lightness - 50, yellow)), abs=1.5)
    assert skin_tone.tone_group(angle) == group


def test_the_lesion_and_the_dark_rim_do_not_count(skin_tone: Any) -> None:
    picture, mask = skin(70, 18), lesion()
    expected = skin_tone.typology_angle(picture, mask)
    picture[mask] = (60, 30, 20)
    picture[:, :20] = 0
    assert skin_tone.typology_angle(picture, mask) == pytest.approx(expected, abs=0.5)


def test_a_lesion_that_fills_the_picture_leaves_nothing_to_say(skin_tone: Any) -> None:
    angle = skin_tone.typology_angle(skin(70, 18), np.ones((120, 160), bool))
    assert angle is None
    assert skin_tone.tone_group(angle) == "unknown"
