"""How much larger a lesion has become, and how its outline changed. Both masks are taken as they are given."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import LesionFeatures, Scan
from dermscan.domain.evolution import ContourChange, Growth
from dermscan.history.evolution.registration import Overlay
from dermscan.history.evolution.view import BoolArray, View

MONTH_DAYS = 30.4375
LEAST_DAYS = 7.0
"""Days below which a growth a month would be noise times a large number."""
AGREEMENT = 0.07
"""Difference of the areas, as a share, up to which masks and followed border are two readings of one thing."""
Contour = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Followed:
    """Growth of the followed border, as shares: of the area, and of the greatest diameter."""

    area: float
    diameter: float


def growth(baseline: View, follow_up: View, scale: float, days: float, border: Followed | None = None) -> Growth:
    """Measure the growth.

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        scale: Baseline pixels a follow-up pixel, working pixels both.
        days: Days between the scans.
        border: How the border moved, in this scale; None where it could not be followed, and the masks decide.
    """
    by_masks = follow_up.area * scale**2 / baseline.area - 1
    before = greatest_diameter(baseline.mask)
    area = by_masks if border is None else _agreed(by_masks, border.area)
    diameter = greatest_diameter(follow_up.mask) * scale / before - 1 if border is None else border.diameter
    calibrated = baseline.mm_per_pixel is not None and follow_up.mm_per_pixel is not None
    millimetres = baseline.mm_per_pixel if calibrated else None
    larger = None if millimetres is None else area * baseline.area * millimetres**2
    longer = None if millimetres is None else diameter * before * millimetres
    return Growth(
        area=area,
        diameter=diameter,
        area_by_masks=by_masks,
        area_month=_a_month(area, days),
        diameter_month=_a_month(diameter, days),
        area_mm2=larger,
        diameter_mm=longer,
        area_mm2_month=_a_month(larger, days),
        diameter_mm_month=_a_month(longer, days),
    )


def _agreed(by_masks: float, by_border: float) -> float:
    """What both say, on average, where they say nearly the same; otherwise the border, since a mask can fail."""
    near = abs(by_masks - by_border) <= AGREEMENT * (1 + by_border)
    return (by_masks + by_border) / 2 if near else by_border


def _a_month(change: float | None, days: float) -> float | None:
    return None if change is None or abs(days) < LEAST_DAYS else change * MONTH_DAYS / days


def contour_change(
    baseline: View, follow_up: View, overlay: Overlay, scans: tuple[Scan, Scan], outline_now: BoolArray | None = None
) -> ContourChange:
    """Compare the outlines of two registered scans.

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        overlay: How the follow-up lies on the baseline.
        scans: Both scans, earlier first, for the features that were measured on each.
        outline_now: (h, w) bool, the followed border in the baseline's pixels; None where it could not be followed.
    """
    moved = laid_over(follow_up.mask, overlay, baseline.size)
    formed = moved if outline_now is None else outline_now
    larger = np.sqrt(max(float(formed.sum()), 1.0) / baseline.mask.sum())
    distance = hausdorff(outline(baseline.mask), outline(moved)) if moved.any() else float("inf")
    scale = baseline.mm_per_pixel
    first, second = (scan.assessment.features for scan in scans)
    return ContourChange(
        dice=_dice(baseline.mask, moved),
        shape_dice=_dice(_enlarged(baseline.mask, float(larger)), formed),
        hausdorff=distance / baseline.equivalent_diameter,
        hausdorff_mm=None if scale is None else distance * scale,
        asymmetry=_change(first, second, "asymmetry_index"),
        border=_change(first, second, "border_irregularity"),
    )


def _change(first: LesionFeatures | None, second: LesionFeatures | None, name: str) -> float | None:
    if first is None or second is None:
        return None
    return float(getattr(second, name)) - float(getattr(first, name))


def laid_over(mask: BoolArray, overlay: Overlay, size: tuple[int, int]) -> BoolArray:
    """(h, w) bool: a follow-up's mask in the baseline's pixels."""
    layer = mask.astype(np.float32)
    moved = cv2.warpAffine(layer, overlay.matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(moved >= 0.5)


def _enlarged(mask: BoolArray, factor: float) -> BoolArray:
    """A mask enlarged about its centre of area."""
    rows, columns = np.nonzero(mask)
    x, y = float(columns.mean()), float(rows.mean())
    matrix = np.array([[factor, 0, x - factor * x], [0, factor, y - factor * y]])
    return np.asarray(cv2.warpAffine(mask.astype(np.float32), matrix, (mask.shape[1], mask.shape[0])) >= 0.5)


def _dice(first: BoolArray, second: BoolArray) -> float:
    return 2 * float((first & second).sum()) / max(float(first.sum() + second.sum()), 1.0)


def outline(mask: BoolArray) -> Contour:
    """(n, 2) float64, the places (x, y) of a mask's outer pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.concatenate(contours)[:, 0].astype(np.float64)


def hausdorff(first: Contour, second: Contour) -> float:
    """Hausdorff distance of two outlines (Huttenlocher et al. 1993): the farthest that either is from the other."""
    across, down = (np.square(first[:, None, axis] - second[None, :, axis]) for axis in (0, 1))
    apart = across + down
    return float(np.sqrt(max(apart.min(axis=1).max(), apart.min(axis=0).max())))


def greatest_diameter(mask: BoolArray) -> float:
    """Greatest Feret diameter in pixels: the largest distance of two corners of the convex hull."""
    hull = cv2.convexHull(outline(mask).astype(np.float32))[:, 0].astype(np.float64)
    return float(np.linalg.norm(hull[:, None] - hull[None], axis=2).max()) + 1.0
