"""The border is followed from picture to picture, whatever the masks say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.domain import LesionMask, Scan
from dermscan.domain.evolution import ChangeBand, ChangeReason, RegistrationBasis
from dermscan.history.evolution import compare
from dermscan.history.evolution.border import follow
from dermscan.history.evolution.growth import AGREEMENT, _agreed
from dermscan.history.evolution.registration import Overlay
from dermscan.history.evolution.view import View, view

Draw = Callable[[Any], Scan]
SAME_PLACE = Overlay(RegistrationBasis.SKIN, np.eye(2, 3), 0.001, 50, 0.1, 1.0)


def with_mask(scan: Scan, pixels: int) -> Scan:
    """The scan with its mask drawn wider, or narrower, by so many pixels."""
    mask = scan.assessment.mask
    assert mask is not None
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    change = cv2.dilate if pixels > 0 else cv2.erode
    drawn = np.asarray(change(mask.pixels.astype(np.uint8), kernel)) > 0
    return replace(scan, assessment=replace(scan.assessment, mask=LesionMask(drawn, 1.0)))


def seen(scan: Scan) -> View:
    found = view(scan)
    assert found is not None
    return found


@pytest.mark.parametrize("pixels", [-4, 4, 6])
def test_another_mask_of_an_unchanged_lesion_is_no_growth(spot: Any, drawn: Draw, pixels: int) -> None:
    follow_up = with_mask(drawn(spot(turn_deg=10, days=91, noise=1)), pixels)
    found = compare(drawn(spot()), follow_up)
    assert found.growth is not None
    assert found.growth.area_by_masks is not None
    assert abs(found.growth.area_by_masks) > 0.1
    assert abs(found.growth.area) < 0.06
    assert found.band is ChangeBand.NONE, found.reasons


def test_a_growth_that_the_mask_misses_is_found(spot: Any, drawn: Draw) -> None:
    follow_up = with_mask(drawn(spot(area=1.35, days=91, noise=1)), -6)
    found = compare(drawn(spot()), follow_up)
    assert found.growth is not None
    assert found.growth.area_by_masks is not None
    assert found.growth.area_by_masks < 0.15
    assert found.growth.area > 0.2
    assert found.band is ChangeBand.CHANGED


def test_a_mask_that_fails_is_told_but_is_no_change(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), with_mask(drawn(spot(days=91, noise=1)), 20))
    assert found.reasons == (ChangeReason.OUTLINE_UNSURE,)
    assert found.band is ChangeBand.WATCH


@pytest.mark.parametrize("area", [0.8, 1.0, 1.15, 1.3])
def test_the_followed_outline_is_where_the_lesion_is(spot: Any, drawn: Draw, area: float) -> None:
    first, second = seen(drawn(spot())), seen(drawn(spot(area=area, noise=1)))
    border = follow(first, second, SAME_PLACE)
    assert border is not None
    assert border.area == pytest.approx(area - 1, abs=0.06)
    overlap = 2 * (border.outline & second.mask).sum() / (border.outline.sum() + second.mask.sum())
    assert overlap > 0.95
    assert border.pixels.shape == first.pixels.shape


def test_a_lesion_of_other_skin_cannot_be_followed(spot: Any, drawn: Draw) -> None:
    elsewhere = drawn(spot(shift=(90.0, 60.0), skin=3, darkness=0.05))
    assert follow(seen(drawn(spot())), seen(elsewhere), SAME_PLACE) is None


def test_a_picture_without_anything_cannot_be_followed(spot: Any, drawn: Draw) -> None:
    first, second = seen(drawn(spot())), seen(drawn(spot()))
    blank = View(np.full_like(second.pixels, 128), second.mask, second.seen, 1.0, second.area, None)
    assert follow(first, blank, SAME_PLACE) is None


@given(st.floats(-0.8, 5), st.floats(-0.8, 5))
def test_what_both_say_lies_between_them_and_never_far_from_the_border(by_masks: float, by_border: float) -> None:
    told = _agreed(by_masks, by_border)
    assert min(by_masks, by_border) <= told <= max(by_masks, by_border)
    assert abs(told - by_border) <= AGREEMENT / 2 * (1 + by_border) + 1e-9


@pytest.mark.parametrize("area", [1.25, 1.5])
def test_a_growth_is_followed_to_its_full_extent(spot: Any, drawn: Draw, area: float) -> None:
    """Smooth flow falls short of a growth by some points when it is looked for once."""
    first, second = drawn(spot()), drawn(spot(area=area, turn_deg=12, zoom=1.05, noise=4))
    found = compare(first, second)
    assert found.growth is not None
    assert found.growth.area == pytest.approx(area - 1, abs=0.05)
