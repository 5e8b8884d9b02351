"""How a lesion's colours and structures changed. It needs pictures that are registered, and makes their light alike."""

import cv2
import numpy as np

from dermscan.domain import Scan
from dermscan.domain.color_difference import ciede2000
from dermscan.domain.evolution import ColorChange
from dermscan.history.evolution.growth import laid_over
from dermscan.history.evolution.light import Lit, in_one_light
from dermscan.history.evolution.registration import Overlay
from dermscan.history.evolution.view import BoolArray, FloatArray, View

AVERAGED = 0.025
"""Sigma, as a share of the equivalent diameter, over which colours are averaged: the reach of a wrong place."""
SKIN_MARGIN = 0.10
"""Equivalent diameters that compared skin keeps away from the lesion."""
RIND = 0.06
"""Equivalent diameters inside the outline that are not compared: there a shift of the outline is a change of colour."""
FOCAL = 6.0
"""Least CIEDE2000 difference, beyond the overall change, of a spot that changed."""
NOISE = 2.0
"""The same, in multiples of the difference that is left on unchanged skin."""


def color_change(baseline: View, follow_up: View, overlay: Overlay, scans: tuple[Scan, Scan]) -> ColorChange | None:
    """Compare the colours of two registered scans.

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        overlay: How the follow-up lies on the baseline.
        scans: Both scans, earlier first, for the features that were measured on each.

    Returns:
        None when their light cannot be made alike.
    """
    moved = np.asarray(cv2.warpAffine(follow_up.pixels, overlay.matrix, baseline.size), np.uint8)
    skin = baseline.skin(SKIN_MARGIN) & laid_over(follow_up.skin(SKIN_MARGIN), overlay, baseline.size)
    seen = baseline.seen & laid_over(follow_up.seen, overlay, baseline.size)
    inside = _without_rind(baseline.mask & laid_over(follow_up.mask, overlay, baseline.size), baseline) & seen
    lit = in_one_light(baseline.pixels, moved, skin, AVERAGED * baseline.equivalent_diameter)
    if lit is None or not inside.any():
        return None
    first, second = (np.median(lab[inside], axis=0) for lab in (lit.baseline, lit.follow_up))
    change_map = _local(lit, inside)
    features = [scan.assessment.features for scan in scans]
    return ColorChange(
        overall=float(ciede2000(first, second)),
        lightness=float(second[0] - first[0]),
        focal_share=_largest_spot(change_map > max(FOCAL, NOISE * lit.noise)) / float(inside.sum()),
        new_colors=None if features[0] is None or features[1] is None else features[1].color - features[0].color,
        change_map=change_map,
    )


def _without_rind(common: BoolArray, baseline: View) -> BoolArray:
    depth = cv2.distanceTransform(common.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(depth > RIND * baseline.equivalent_diameter)


def _local(lit: Lit, inside: BoolArray) -> FloatArray:
    """(h, w) float32 difference that is left once the overall change is taken out; 0 outside."""
    overall = np.median(lit.follow_up[inside] - lit.baseline[inside], axis=0)
    found = np.zeros(inside.shape, np.float32)
    found[inside] = ciede2000(lit.baseline[inside], lit.follow_up[inside] - overall)
    return found


def _largest_spot(changed: BoolArray) -> float:
    """Pixels of the largest connected spot."""
    count, _, figures, _ = cv2.connectedComponentsWithStats(changed.astype(np.uint8))
    return float(figures[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0.0
