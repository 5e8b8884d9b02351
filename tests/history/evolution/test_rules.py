"""The published rules of follow-up, one by one."""

from dataclasses import replace

import numpy as np
import pytest

from dermscan.domain.evolution import ChangeBand, ChangeReason, ColorChange, ContourChange, FollowUpWindow, Growth
from dermscan.history.evolution.growth import MONTH_DAYS
from dermscan.history.evolution.rules import (
    AREA_LIMIT,
    ASYMMETRIC_LIMIT,
    FOCAL_LIMIT,
    OVERALL_LIMIT,
    SHAPE_LIMIT,
    SHORT_TERM_MONTHS,
    band,
    changes,
    weigh,
    window,
)

SAME = Growth(0.0, 0.0, 0.0, 0.0, None, None, None, None)
OUTLINE = ContourChange(0.98, 0.98, 0.02, None, None, None)
PALE = ColorChange(0.5, 0.0, 0.0, None, np.zeros((2, 2), np.float32))
LARGER = replace(SAME, area=AREA_LIMIT)
SMALLER = replace(SAME, area=-AREA_LIMIT)
RESHAPED = replace(OUTLINE, shape_dice=SHAPE_LIMIT - 0.01)
SPOTTED = replace(PALE, focal_share=FOCAL_LIMIT)
DARKER = replace(PALE, overall=OVERALL_LIMIT)
LOPSIDED = replace(OUTLINE, shape_dice=ASYMMETRIC_LIMIT - 0.01)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, FollowUpWindow.EARLY),
        (76, FollowUpWindow.EARLY),
        (77, FollowUpWindow.SHORT_TERM),
        (136, FollowUpWindow.SHORT_TERM),
        (138, FollowUpWindow.LONG_TERM),
        (2000, FollowUpWindow.LONG_TERM),
        (-91, FollowUpWindow.SHORT_TERM),
    ],
)
def test_short_term_is_two_and_a_half_to_four_and_a_half_months(days: float, expected: FollowUpWindow) -> None:
    assert window(days) is expected


@pytest.mark.parametrize(
    ("growth", "contour", "color", "expected"),
    [
        (SAME, OUTLINE, PALE, ()),
        (replace(SAME, area=AREA_LIMIT - 0.001), OUTLINE, PALE, ()),
        (LARGER, OUTLINE, PALE, (ChangeReason.SYMMETRIC_ENLARGEMENT,)),
        (LARGER, LOPSIDED, PALE, (ChangeReason.ASYMMETRIC_ENLARGEMENT,)),
        (SAME, LOPSIDED, PALE, ()),
        (SMALLER, RESHAPED, PALE, (ChangeReason.SHRINKAGE, ChangeReason.SHAPE)),
        (SAME, RESHAPED, PALE, (ChangeReason.SHAPE,)),
        (SMALLER, OUTLINE, PALE, (ChangeReason.SHRINKAGE,)),
        (SAME, OUTLINE, SPOTTED, (ChangeReason.FOCAL_CHANGE,)),
        (SAME, OUTLINE, replace(SPOTTED, new_colors=1), (ChangeReason.FOCAL_CHANGE, ChangeReason.NEW_COLOR)),
        (SAME, OUTLINE, replace(PALE, new_colors=1), ()),
        (SAME, OUTLINE, DARKER, (ChangeReason.OVERALL_COLOR,)),
        (replace(SAME, area_by_masks=0.30), OUTLINE, PALE, ()),
        (replace(SAME, area_by_masks=0.40), OUTLINE, PALE, (ChangeReason.OUTLINE_UNSURE,)),
        (replace(SAME, area_by_masks=-0.30), OUTLINE, PALE, (ChangeReason.OUTLINE_UNSURE,)),
    ],
)
def test_what_counts_as_a_change(
    growth: Growth, contour: ContourChange, color: ColorChange, expected: tuple[ChangeReason, ...]
) -> None:
    assert changes(growth, contour, color) == expected


FORM = set(ChangeReason) & {
    ChangeReason.ASYMMETRIC_ENLARGEMENT,
    ChangeReason.SYMMETRIC_ENLARGEMENT,
    ChangeReason.SHRINKAGE,
    ChangeReason.SHAPE,
    ChangeReason.FOCAL_CHANGE,
    ChangeReason.NEW_COLOR,
}


@pytest.mark.parametrize("when", [FollowUpWindow.EARLY, FollowUpWindow.SHORT_TERM])
@pytest.mark.parametrize("reason", sorted(FORM))
def test_in_the_short_term_every_change_of_form_counts(reason: ChangeReason, when: FollowUpWindow) -> None:
    assert band((reason,), when) == (ChangeBand.CHANGED, (reason,))


@pytest.mark.parametrize("when", FollowUpWindow)
def test_an_overall_change_of_pigment_is_never_more_than_to_watch(when: FollowUpWindow) -> None:
    assert band((ChangeReason.OVERALL_COLOR,), when)[0] is ChangeBand.WATCH


@pytest.mark.parametrize("when", FollowUpWindow)
def test_masks_that_contradict_the_border_are_to_watch(when: FollowUpWindow) -> None:
    assert band((ChangeReason.OUTLINE_UNSURE,), when) == (ChangeBand.WATCH, (ChangeReason.OUTLINE_UNSURE,))


@pytest.mark.parametrize("reason", [ChangeReason.SYMMETRIC_ENLARGEMENT, ChangeReason.SHRINKAGE])
def test_in_the_long_term_an_even_growth_is_to_watch(reason: ChangeReason) -> None:
    assert band((reason,), FollowUpWindow.LONG_TERM) == (ChangeBand.WATCH, (reason,))


@pytest.mark.parametrize(
    "reason",
    [ChangeReason.ASYMMETRIC_ENLARGEMENT, ChangeReason.SHAPE, ChangeReason.FOCAL_CHANGE, ChangeReason.NEW_COLOR],
)
def test_in_the_long_term_what_melanomas_show_counts(reason: ChangeReason) -> None:
    assert band((reason, ChangeReason.OVERALL_COLOR), FollowUpWindow.LONG_TERM)[0] is ChangeBand.CHANGED


def test_too_early_an_unchanged_lesion_says_so() -> None:
    assert band((), FollowUpWindow.EARLY) == (ChangeBand.NONE, (ChangeReason.SHORT_INTERVAL,))
    assert band((), FollowUpWindow.SHORT_TERM) == (ChangeBand.NONE, ())


def test_without_colours_a_growth_still_counts() -> None:
    shown = weigh(LARGER, OUTLINE, None, FollowUpWindow.SHORT_TERM)
    assert shown == (ChangeBand.CHANGED, (ChangeReason.DIFFERENT_LIGHT, ChangeReason.SYMMETRIC_ENLARGEMENT))


def test_without_colours_nothing_is_proven_unchanged() -> None:
    shown = weigh(SAME, OUTLINE, None, FollowUpWindow.SHORT_TERM)
    assert shown == (ChangeBand.NOT_COMPARABLE, (ChangeReason.DIFFERENT_LIGHT,))


def test_the_ends_of_the_short_term_belong_to_it() -> None:
    assert [window(months * MONTH_DAYS) for months in SHORT_TERM_MONTHS] == [FollowUpWindow.SHORT_TERM] * 2


def test_a_form_at_the_limit_is_the_milder_one() -> None:
    assert changes(LARGER, replace(OUTLINE, shape_dice=ASYMMETRIC_LIMIT), PALE) == (ChangeReason.SYMMETRIC_ENLARGEMENT,)
    assert changes(SAME, replace(OUTLINE, shape_dice=SHAPE_LIMIT), PALE) == ()


@pytest.mark.parametrize(
    ("area", "by_masks", "unsure"),
    [
        (0.0, 0.35, False),
        (0.0, 0.36, True),
        (0.0, -0.27, True),
        (0.1, 0.1, False),
        (-0.1, 0.3, True),
        (0.12, 0.4, False),
    ],
)
def test_outlines_are_unsure_when_masks_and_border_tell_another_growth(
    area: float, by_masks: float, *, unsure: bool
) -> None:
    found = changes(replace(SAME, area=area, area_by_masks=by_masks), OUTLINE, PALE)
    assert (ChangeReason.OUTLINE_UNSURE in found) is unsure


def test_colour_and_window_count_in_what_is_weighed() -> None:
    early, late = FollowUpWindow.EARLY, FollowUpWindow.LONG_TERM
    assert weigh(SAME, OUTLINE, DARKER, late) == (ChangeBand.WATCH, (ChangeReason.OVERALL_COLOR,))
    assert weigh(SAME, OUTLINE, SPOTTED, late) == (ChangeBand.CHANGED, (ChangeReason.FOCAL_CHANGE,))
    assert weigh(SAME, OUTLINE, PALE, late) == (ChangeBand.NONE, ())
    assert weigh(SAME, OUTLINE, PALE, early) == (ChangeBand.NONE, (ChangeReason.SHORT_INTERVAL,))
