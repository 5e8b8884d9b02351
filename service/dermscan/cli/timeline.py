"""A lesion's visits as a person looks at them: outlined thumbnails, and how each compares with the baseline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import cv2
import numpy as np

from dermscan.cli.closeups import Closeup, close_up
from dermscan.cli.presentation import diameter_text
from dermscan.domain import LesionMask, RgbImage, Scan
from dermscan.domain.evolution import Evolution
from dermscan.errors import InputError
from dermscan.history.evolution import compare
from dermscan.history.records import ScanSummary
from dermscan.history.store import History

THUMBNAIL = 240
"""Longer side of a thumbnail in pixels."""
OUTLINE = (0, 220, 140)


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One scan of a lesion.

    Attributes:
        scan_id: Which scan.
        taken_at: When it was taken, UTC.
        diameter: Greatest diameter as text; empty without features.
        evolution: How it compares with the baseline; None for the baseline itself.
        thumbnail: (h, w, 3) uint8, RGB, the lesion outlined.
        closeup: The scan laid over the baseline; None for the baseline itself, and where that cannot be done.
    """

    scan_id: str
    taken_at: datetime
    diameter: str
    evolution: Evolution | None
    thumbnail: RgbImage
    closeup: Closeup | None = None


def visits(history: History, lesion_id: str, baseline: str | None) -> tuple[Visit, ...]:
    """Compare every later scan of a lesion with its baseline, oldest first.

    Args:
        history: Where the scans are; looking at them is recorded there.
        lesion_id: The lesion.
        baseline: The scan to compare with; None takes the one set by hand, else the first one that has a mask, or else
            the first.

    Raises:
        InputError: The lesion has no scans, or the baseline is another lesion's.
        HistoryCorrupt: A picture is damaged.
    """
    timeline = history.timeline(lesion_id)
    if not timeline:
        raise InputError(source="The lesion", problem="it has no scans")
    chosen = _chosen(timeline, history.lesion(lesion_id).baseline_scan_id)
    if baseline is not None:
        chosen = _baseline(timeline, history.find(baseline).scan_id)
    return tuple(_visits(history, timeline[timeline.index(chosen) :]))


def _chosen(timeline: tuple[ScanSummary, ...], by_hand: str | None) -> ScanSummary:
    set_by_hand = (scan for scan in timeline if scan.scan_id == by_hand)
    masked = (scan for scan in timeline if scan.features is not None)
    return next(chain(set_by_hand, masked, timeline))


def _baseline(timeline: tuple[ScanSummary, ...], wanted: str) -> ScanSummary:
    for scan in timeline:
        if scan.scan_id == wanted:
            return scan
    raise InputError(source="The baseline", problem="it is a scan of another lesion")


def _visits(history: History, timeline: tuple[ScanSummary, ...]) -> Iterator[Visit]:
    first = history.load(timeline[0].scan_id)
    yield _visit(first, None, None)
    for summary in timeline[1:]:
        scan = history.load(summary.scan_id)
        found = compare(first, scan)
        yield _visit(scan, found, close_up(first, scan, found))


def _visit(scan: Scan, evolution: Evolution | None, closeup: Closeup | None) -> Visit:
    features = scan.assessment.features
    diameter = "" if features is None else diameter_text(features.diameter_px, features.diameter_mm)
    picture = thumbnail(scan.frame.pixels, scan.assessment.mask)
    return Visit(scan.scan_id, scan.taken_at, diameter, evolution, picture, closeup)


def thumbnail(pixels: RgbImage, mask: LesionMask | None) -> RgbImage:
    """Reduce a picture to `THUMBNAIL` and draw the outline of its lesion."""
    factor = THUMBNAIL / max(pixels.shape[:2])
    size = max(round(pixels.shape[1] * factor), 1), max(round(pixels.shape[0] * factor), 1)
    small = np.array(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if mask is not None:
        layer = cv2.resize(mask.pixels.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        inside = np.asarray(layer >= 128, np.uint8)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(small, contours, -1, OUTLINE, 1, cv2.LINE_AA)
    return small


def area_curve(shown: tuple[Visit, ...]) -> list[tuple[float, float]]:
    """Days since the baseline and area in per cent of it, where that was measured."""
    points = [(visit.evolution.interval_days, visit.evolution.growth) for visit in shown if visit.evolution]
    return [(0.0, 100.0), *((days, 100 * (1 + growth.area)) for days, growth in points if growth is not None)]


def color_curve(shown: tuple[Visit, ...]) -> list[tuple[float, float]]:
    """Days since the baseline and colour difference (CIEDE2000) from it, where that was measured."""
    points = [(visit.evolution.interval_days, visit.evolution.color) for visit in shown if visit.evolution]
    return [(0.0, 0.0), *((days, color.overall) for days, color in points if color is not None)]


def finding(visit: Visit) -> str:
    """Band and reasons as one short text."""
    if visit.evolution is None:
        return "baseline"
    reasons = ", ".join(reason.replace("_", " ") for reason in visit.evolution.reasons)
    shown = visit.evolution.band.replace("_", " ")
    return f"{shown} ({reasons})" if reasons else shown
