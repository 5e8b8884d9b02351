"""Compares two scans of one lesion. The same scans give the same evolution; nothing is read or written."""

import numpy as np

from dermscan.domain import Scan
from dermscan.domain.evolution import (
    ChangeBand,
    ChangeReason,
    ColorChange,
    ContourChange,
    Evolution,
    Registration,
    RegistrationBasis,
)
from dermscan.history.evolution.border import Border, follow
from dermscan.history.evolution.coloring import color_change
from dermscan.history.evolution.growth import Followed, contour_change, greatest_diameter, growth
from dermscan.history.evolution.registration import Overlay, register
from dermscan.history.evolution.rules import weigh, window
from dermscan.history.evolution.view import View, view

MAX_ZOOM = 2.0
"""Greatest ratio of the magnifications of two scans that show comparable detail."""
MAX_CONTRADICTION = 0.06
"""Greatest difference of the scale that the skin tells from the one that the calibrations tell."""
MAX_CUT_OFF = 0.03
"""Greatest share of the outline that lies on the frame's edge."""
DAY_S = 86400.0


def compare(baseline: Scan, follow_up: Scan) -> Evolution:
    """Tell how a lesion changed from one scan to a later one.

    The masks are those of the scans. Areas are compared in one scale, which is known where both scans are calibrated or
    where enough texture of the skin around the lesion is found again; otherwise the answer is "not comparable", with
    the outlines' comparison as far as it goes.

    Args:
        baseline: The scan to compare with.
        follow_up: The later scan.
    """
    days = (follow_up.taken_at - baseline.taken_at).total_seconds() / DAY_S
    first, second = view(baseline), view(follow_up)
    if first is None or second is None:
        return _refused(days, ChangeReason.NO_MASK)
    if _cut_off(first) or _cut_off(second):
        return _refused(days, ChangeReason.CUT_OFF)
    scale = _calibrated_scale(first, second)
    overlay = register(first, second, scale)
    if overlay is None:
        return _refused(days, ChangeReason.DIFFERENT_SITE)
    return _compared(days, (baseline, follow_up), (first, second), overlay, scale)


def _compared(
    days: float, scans: tuple[Scan, Scan], views: tuple[View, View], overlay: Overlay, calibrated: float | None
) -> Evolution:
    first, second = views
    registration = _registration(first, second, overlay)
    common = _common_scale(overlay, calibrated)
    border = follow(first, second, overlay)
    contour = contour_change(first, second, overlay, scans, None if border is None else border.outline)
    color = color_change(first, second, overlay, scans)
    larger = None if common is None else growth(first, second, common, days, _followed(first, overlay, border, common))
    problem = _problem(overlay, calibrated)
    if problem is not None or larger is None:
        return _refused(days, problem or ChangeReason.SCALE_UNKNOWN, registration, contour, color)
    shown, reasons = weigh(larger, contour, color, window(days))
    return Evolution(days, window(days), shown, reasons, registration, larger, contour, color)


def _followed(baseline: View, overlay: Overlay, border: Border | None, scale: float) -> Followed | None:
    """The followed border's growth in the common scale, not in that of the registration."""
    if border is None:
        return None
    stretch = scale / overlay.scale
    longer = greatest_diameter(border.outline) / greatest_diameter(baseline.mask)
    return Followed((1 + border.area) * stretch**2 - 1, longer * stretch - 1)


def _refused(
    days: float,
    reason: ChangeReason,
    registration: Registration | None = None,
    contour: ContourChange | None = None,
    color: ColorChange | None = None,
) -> Evolution:
    where = window(days)
    return Evolution(days, where, ChangeBand.NOT_COMPARABLE, (reason,), registration, None, contour, color)


def _problem(overlay: Overlay, calibrated: float | None) -> ChangeReason | None:
    """Why two registered scans cannot be compared all the same; None when they can."""
    if max(overlay.scale, 1 / overlay.scale) > MAX_ZOOM or _contradicted(overlay, calibrated):
        return ChangeReason.DIFFERENT_MAGNIFICATION
    return ChangeReason.SCALE_UNKNOWN if _common_scale(overlay, calibrated) is None else None


def _common_scale(overlay: Overlay, calibrated: float | None) -> float | None:
    if calibrated is not None:
        return calibrated
    return overlay.scale if overlay.basis is RegistrationBasis.SKIN else None


def _contradicted(overlay: Overlay, calibrated: float | None) -> bool:
    told_by_skin = overlay.basis is RegistrationBasis.SKIN
    return calibrated is not None and told_by_skin and abs(overlay.scale / calibrated - 1) > MAX_CONTRADICTION


def _calibrated_scale(baseline: View, follow_up: View) -> float | None:
    if baseline.mm_per_pixel is None or follow_up.mm_per_pixel is None:
        return None
    return follow_up.mm_per_pixel / baseline.mm_per_pixel


def _cut_off(view: View) -> bool:
    edge = np.concatenate([view.mask[0], view.mask[-1], view.mask[:, 0], view.mask[:, -1]])
    return float(edge.sum()) > MAX_CUT_OFF * np.pi * view.equivalent_diameter


def _registration(baseline: View, follow_up: View, overlay: Overlay) -> Registration:
    """The overlay in pixels of the whole frames."""
    turn = overlay.matrix[:, :2] * follow_up.reduction / baseline.reduction
    whole = np.column_stack([turn, overlay.matrix[:, 2] / baseline.reduction])
    upper, lower = ((float(row[0]), float(row[1]), float(row[2])) for row in whole)
    return Registration(
        basis=overlay.basis,
        matrix=(upper, lower),
        rotation_deg=float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))),
        scale=float(np.sqrt(np.linalg.det(turn))),
        scale_error=overlay.scale_error,
        matches=overlay.matches,
        residual=overlay.residual / max(baseline.size),
        correlation=overlay.correlation,
    )
