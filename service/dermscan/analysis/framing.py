"""The live part: tells from frame to frame what a person should mend, and when a lesion is held still enough to scan.

It reads no clock; its time is that of the frames. It never assesses.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.quality import UNRELATED, judge, thumbnail
from dermscan.domain import Frame, Quality, RejectReason, Roi
from dermscan.settings import QualitySettings, ScanSettings

FindRoi = Callable[[Frame], Roi | None]

AWAY_S = 0.5
"""Seconds without a lesion after which it has left the view; less is the detector's flicker."""
OTHER_PICTURE = 0.05
"""Mean absolute difference of two thumbnails from which unrelated pictures are different scenes, not a quick hand."""


@dataclass(frozen=True, slots=True)
class View:
    """What is in view, and what to do about it.

    Attributes:
        roi: The lesion, None when there is none in view.
        quality: The quality gate's figures.
        guidance: What a person should mend first; None when nothing is wrong.
        still_for_s: Seconds for which the lesion has been held still and good.
        ready: Whether a scan can start now: still long enough, and not the lesion that was just scanned.
        scanned: Whether what is in view was scanned already.
    """

    roi: Roi | None
    quality: Quality
    guidance: RejectReason | None
    still_for_s: float
    ready: bool
    scanned: bool


class Framing:
    """Follows one lesion through the frames of a camera."""

    def __init__(self, find_roi: FindRoi, quality: QualitySettings, scan: ScanSettings) -> None:
        """Begin without any frame.

        Args:
            find_roi: Finds the lesion in a frame, None when there is none.
            quality: The quality gate's limits.
            scan: How still a lesion must be held, and for how long.
        """
        self._find_roi = find_roi
        self._quality = quality
        self._scan = scan
        self._previous: FloatArray | None = None
        self._roi: Roi | None = None
        self._still_since: float | None = None
        self._absent_since: float | None = None
        self._armed = True

    def look(self, frame: Frame) -> View:
        """Take the next frame.

        Args:
            frame: A frame that is not older than the one before.
        """
        roi, now = self._find_roi(frame), thumbnail(frame)
        quality = judge(frame, roi, self._previous, self._quality)
        self._rearm(frame, roi, quality, now)
        self._follow(frame, roi, quality)
        self._previous, self._roi = now, roi
        still_for = 0.0 if self._still_since is None else frame.monotonic_s - self._still_since
        ready = self._armed and self._still_since is not None and still_for >= self._scan.hold_still_s
        return View(roi, quality, quality.reject, still_for, ready, scanned=not self._armed)

    def mark_scanned(self) -> None:
        """Remember that the lesion in view was scanned; it is not ready again before it left or the scene changed."""
        self._armed = False
        self._still_since = None

    def _rearm(self, frame: Frame, roi: Roi | None, quality: Quality, now: FloatArray) -> None:
        """Absence is counted from frame to frame: while a scan is computed, no frame is looked at."""
        if roi is not None:
            self._absent_since = None
        elif self._absent_since is None:
            self._absent_since = frame.monotonic_s
        left = self._absent_since is not None and frame.monotonic_s - self._absent_since >= AWAY_S
        self._armed = self._armed or left or self._is_cut(quality, now)

    def _is_cut(self, quality: Quality, now: FloatArray) -> bool:
        """Whether this frame shows another scene than the one before it."""
        if self._previous is None or quality.motion < UNRELATED:
            return False
        return float(np.abs(self._previous - now).mean()) >= OTHER_PICTURE

    def _follow(self, frame: Frame, roi: Roi | None, quality: Quality) -> None:
        if roi is None or quality.reasons or not self._overlaps(roi):
            self._still_since = None
        if self._still_since is None and roi is not None and not quality.reasons:
            self._still_since = frame.monotonic_s

    def _overlaps(self, roi: Roi) -> bool:
        return self._roi is not None and roi.iou(self._roi) >= self._scan.min_iou


def sharpest(candidates: Iterable[tuple[Frame, Quality]]) -> Frame:
    """Choose the frame of a burst to assess: the sharpest that was not refused, else the sharpest of all.

    Args:
        candidates: At least one frame with its figures; the earlier one wins a tie.

    Raises:
        ValueError: There is no candidate.
    """
    return max(candidates, key=lambda pair: (not pair[1].reasons, pair[1].focus))[0]
