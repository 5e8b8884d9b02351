"""The one way from a frame to an assessment, for the daemon, the command line, the evaluation and the self-test alike.

`assess` is a pure function: it reads no clock (but for a stopwatch's sake), no file and no setting of its own, and the
same frame gives the same assessment.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dermscan.analysis.classification import Classification, classify
from dermscan.analysis.features import measure
from dermscan.analysis.quality import judge
from dermscan.analysis.roi import find_rois
from dermscan.analysis.runtime import Models
from dermscan.analysis.segmentation import plausible, segment
from dermscan.domain import (
    Assessment,
    Frame,
    IndeterminateReason,
    LesionMask,
    Quality,
    RejectReason,
    RiskBand,
    Roi,
)
from dermscan.settings import QualitySettings


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds that each stage of one assessment took.

    Attributes:
        stages: Milliseconds by stage: `roi`, `quality`, `segment`, `features`, `classify`, in the order they ran; a
            stage that did not run is missing.
    """

    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        yield
        self.stages[name] = 1000 * (time.perf_counter() - start)


def assess(
    frame: Frame,
    models: Models,
    settings: QualitySettings,
    *,
    stopwatch: Stopwatch | None = None,
    roi: Roi | None = None,
) -> Assessment:
    """Assess one frame, and compute all that can be computed even where the result is indeterminate.

    Args:
        frame: The frame.
        models: The networks.
        settings: The quality gate's limits.
        stopwatch: Takes the time of each stage.
        roi: A box drawn by a person, in pixels of the frame; None asks the detector.

    Returns:
        The assessment. It abstains with the first reason that applies: the frame was refused for something else than
        the missing lesion (`POOR_QUALITY`), no lesion was found (`NO_LESION`), there is no mask or one that does not
        answer its box (`IMPLAUSIBLE_MASK`), the picture is unlike the training's (`UNFAMILIAR`), the classifier is not
        sure (`LOW_CONFIDENCE`).
    """
    watch = stopwatch or Stopwatch()
    with watch.stage("roi"):
        boxes = find_rois(frame, models) if roi is None else (roi,)
    box, others = (boxes[0], boxes[1:]) if boxes else (None, ())
    with watch.stage("quality"):
        quality = judge(frame, box, None, settings)
    if box is None:
        return _without_mask(quality, None)
    with watch.stage("segment"):
        mask = segment(frame, box, models)
    if mask is None:
        return replace(_without_mask(quality, box), others=others)
    with watch.stage("features"):
        features = measure(frame, mask)
    with watch.stage("classify"):
        classes = classify(frame, mask, models)
    reason = _reason(quality, box, mask, classes)
    band = classes.band if reason is None else RiskBand.INDETERMINATE
    said = classes.probabilities, classes.risk, classes.pre_malignant
    return Assessment(quality, box, mask, features, *said, band, reason, others)


def _without_mask(quality: Quality, roi: Roi | None) -> Assessment:
    reason = _reason(quality, roi, None, None)
    return Assessment(quality, roi, None, None, {}, None, None, RiskBand.INDETERMINATE, reason)


def _reason(
    quality: Quality, roi: Roi | None, mask: LesionMask | None, classes: Classification | None
) -> IndeterminateReason | None:
    if set(quality.reasons) - {RejectReason.NO_LESION}:
        return IndeterminateReason.POOR_QUALITY
    if roi is None:
        return IndeterminateReason.NO_LESION
    if mask is None or not plausible(mask, roi):
        return IndeterminateReason.IMPLAUSIBLE_MASK
    return None if classes is None else classes.reason
