"""From figures of a change to its band, by the published rules of digital follow-up. It says no diagnosis.

Short term, 2.5 to 4.5 months (Menzies, Gutenev, Avramidis, Batrac and McCarthy 2001, Arch Dermatol 137(12), 1583-9;
Altamura, Avramidis and Menzies 2008, Arch Dermatol 144(4), 502-6): every change of form counts, whatever it is; a
change of the overall pigmentation alone, as after sun, does not.

Long term, beyond (Kittler, Pehamberger, Wolff and Binder 2000, J Am Acad Dermatol 43(3), 467-76; Kittler et al. 2006,
Arch Dermatol 142(9), 1113-9): an enlargement on one side, a change of form, a focal change of pigment or structure and
a new colour are what melanomas show; nevi enlarge alike on every side, and an overall darkening or lightening says
little.

Before 2.5 months the absence of a change proves nothing, but a change counts as in the short term. Milia-like cysts,
the other change that short-term rules leave aside, are not told apart here and count as a focal change.
"""

from dermscan.domain.evolution import (
    ChangeBand,
    ChangeReason,
    ColorChange,
    ContourChange,
    FollowUpWindow,
    Growth,
)
from dermscan.history.evolution.growth import MONTH_DAYS

SHORT_TERM_MONTHS = (2.5, 4.5)

AREA_LIMIT = 0.13
"""Least growth or shrinkage of the area, as a share, that is more than the measurement's own uncertainty."""
SHAPE_LIMIT = 0.87
"""Dice, the baseline enlarged to the same area, below which the form is another."""
ASYMMETRIC_LIMIT = 0.94
"""The same Dice below which an enlargement is not alike on every side."""
FOCAL_LIMIT = 0.03
"""Least share of the lesion that one changed spot covers."""
OVERALL_LIMIT = 5.0
"""Least CIEDE2000 difference of the median colours."""

UNSURE_RATIO = 1.35
"""Ratio of the areas by which the masks tell another growth than the border itself: a person should look."""

_SERIOUS = {
    FollowUpWindow.LONG_TERM: {
        ChangeReason.ASYMMETRIC_ENLARGEMENT,
        ChangeReason.SHAPE,
        ChangeReason.FOCAL_CHANGE,
        ChangeReason.NEW_COLOR,
    },
}
_ANY_FORM = {
    ChangeReason.ASYMMETRIC_ENLARGEMENT,
    ChangeReason.SYMMETRIC_ENLARGEMENT,
    ChangeReason.SHRINKAGE,
    ChangeReason.SHAPE,
    ChangeReason.FOCAL_CHANGE,
    ChangeReason.NEW_COLOR,
}


def window(days: float) -> FollowUpWindow:
    """Which rules hold after this many days."""
    months = abs(days) / MONTH_DAYS
    if months < SHORT_TERM_MONTHS[0]:
        return FollowUpWindow.EARLY
    return FollowUpWindow.SHORT_TERM if months <= SHORT_TERM_MONTHS[1] else FollowUpWindow.LONG_TERM


def changes(growth: Growth, contour: ContourChange, color: ColorChange | None) -> tuple[ChangeReason, ...]:
    """Name everything that changed by more than the measurement's own uncertainty, in the order of `ChangeReason`."""
    found = _of_form(growth, contour) | (set() if color is None else _of_color(color))
    if _outlines_contradict(growth):
        found.add(ChangeReason.OUTLINE_UNSURE)
    return tuple(reason for reason in ChangeReason if reason in found)


def _outlines_contradict(growth: Growth) -> bool:
    if growth.area_by_masks is None:
        return False
    ratio = (1 + growth.area_by_masks) / (1 + growth.area)
    return max(ratio, 1 / ratio) > UNSURE_RATIO


def _of_form(growth: Growth, contour: ContourChange) -> set[ChangeReason]:
    if growth.area >= AREA_LIMIT:
        even = contour.shape_dice >= ASYMMETRIC_LIMIT
        return {ChangeReason.SYMMETRIC_ENLARGEMENT if even else ChangeReason.ASYMMETRIC_ENLARGEMENT}
    found = {ChangeReason.SHRINKAGE} if growth.area <= -AREA_LIMIT else set()
    return found | ({ChangeReason.SHAPE} if contour.shape_dice < SHAPE_LIMIT else set())


def _of_color(color: ColorChange) -> set[ChangeReason]:
    found = {ChangeReason.OVERALL_COLOR} if color.overall >= OVERALL_LIMIT else set()
    if color.focal_share < FOCAL_LIMIT:
        return found
    return found | {ChangeReason.FOCAL_CHANGE} | ({ChangeReason.NEW_COLOR} if (color.new_colors or 0) > 0 else set())


def weigh(
    growth: Growth, contour: ContourChange, color: ColorChange | None, when: FollowUpWindow
) -> tuple[ChangeBand, tuple[ChangeReason, ...]]:
    """Weigh what was measured. Without the colours a change of form is still one, but nothing proves that none is.

    Args:
        growth: The growth.
        contour: The change of the outline.
        color: The change of the colour; None when the light differs too much.
        when: Which rules hold.

    Returns:
        The band and what it rests on.
    """
    found = changes(growth, contour, color)
    if color is None and not found:
        return ChangeBand.NOT_COMPARABLE, (ChangeReason.DIFFERENT_LIGHT,)
    shown, reasons = band(found, when)
    return shown, reasons if color is not None else (ChangeReason.DIFFERENT_LIGHT, *reasons)


def band(found: tuple[ChangeReason, ...], when: FollowUpWindow) -> tuple[ChangeBand, tuple[ChangeReason, ...]]:
    """Weigh the changes by the rules of a window.

    Returns:
        The band and what it rests on.
    """
    if _SERIOUS.get(when, _ANY_FORM) & set(found):
        return ChangeBand.CHANGED, found
    if found:
        return ChangeBand.WATCH, found
    return ChangeBand.NONE, (ChangeReason.SHORT_INTERVAL,) if when is FollowUpWindow.EARLY else ()
