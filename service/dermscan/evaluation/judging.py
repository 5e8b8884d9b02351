"""One labelled picture through the very pipeline that the daemon runs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dermscan.analysis.pipeline import Stopwatch, assess
from dermscan.analysis.runtime import Models
from dermscan.analysis.segmentation import bounding_box, segment
from dermscan.domain import Assessment, Frame, LesionMask, Roi
from dermscan.errors import InputError
from dermscan.evaluation.overlap import dice
from dermscan.evaluation.pictures import read_mask, read_picture
from dermscan.evaluation.table import LabelledImage
from dermscan.settings import QualitySettings


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What came of one labelled picture.

    Attributes:
        image: The row of the table.
        assessment: What the pipeline said.
        dice_gt_box: Dice of the mask prompted by the expert mask's own box; None without an expert's mask.
        dice_auto_box: Dice of the automatic mask, 0 when no lesion was found; None without an expert's mask.
        stages: Milliseconds of each stage of the automatic run, and `total`.
        shape: Rows and columns of the picture.
    """

    image: LabelledImage
    assessment: Assessment
    dice_gt_box: float | None
    dice_auto_box: float | None
    stages: dict[str, float]
    shape: tuple[int, int]


def judge_image(image: LabelledImage, models: Models, quality: QualitySettings) -> Judgement:
    """Assess one labelled picture and compare the masks with the expert's.

    Raises:
        InputError: The picture or its mask cannot be read, or they differ in size.
    """
    frame = Frame(read_picture(image.image), sequence=0, monotonic_s=0.0, taken_at=datetime.now(UTC))
    shape = (frame.height, frame.width)
    truth = None if image.mask is None else _truth(image.mask, shape)
    stopwatch = Stopwatch()
    assessment = assess(frame, models, quality, stopwatch=stopwatch)
    stages = {**stopwatch.stages, "total": sum(stopwatch.stages.values())}
    if truth is None:
        return Judgement(image, assessment, None, None, stages, shape)
    box = tight_box(truth)
    prompted = None if box is None else segment(frame, box, models)
    return Judgement(image, assessment, _overlap(prompted, truth), _overlap(assessment.mask, truth), stages, shape)


def tight_box(mask: NDArray[np.bool_]) -> Roi | None:
    """The smallest box that holds a (height, width) bool mask; None when the mask is empty."""
    return bounding_box(LesionMask(mask, confidence=1.0)) if mask.any() else None


def _truth(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    truth = read_mask(path)
    if truth.shape != shape:
        raise InputError(source=path, problem="it is not of its picture's size")
    return truth


def _overlap(mask: LesionMask | None, truth: NDArray[np.bool_]) -> float:
    return dice(np.zeros_like(truth) if mask is None else mask.pixels, truth)
