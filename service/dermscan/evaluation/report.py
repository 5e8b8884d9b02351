"""The figures of an evaluation, gathered row by row so that nothing grows but numbers, some 150 bytes a picture."""

import csv
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO, TypeAlias

import cv2
import numpy as np

from dermscan.domain import DiagnosisCode, RiskBand
from dermscan.errors import OutputError
from dermscan.evaluation.classes import CODES, class_summary
from dermscan.evaluation.figures import Figures
from dermscan.evaluation.judging import Judgement
from dermscan.evaluation.overlap import overlap_summary

STAGES = ("quality", "roi", "segment", "features", "classify", "total")
ROW_COLUMNS = (
    "image_id",
    *("x0", "y0", "x1", "y1"),
    *("dice_gt_box", "dice_auto_box"),
    *(f"p_{code}" for code in CODES),
    *("risk", "band", "reason"),
    *(f"ms_{stage}" for stage in STAGES),
)


Numbers: TypeAlias = "array[float]"


def _numbers() -> Numbers:
    return array("d")


@dataclass(slots=True)
class Tally:
    """Everything of the judgements that the report needs.

    Attributes:
        images: Pictures judged.
        without_roi: Pictures in which no lesion was found.
        indeterminate: Pictures on which the assessment abstained, by reason.
        dice_gt_box: Dice with the expert's box, a picture an entry.
        dice_auto_box: Dice with the automatic box, a picture an entry.
        truth: Index of the true code of each classified picture that has one.
        decided: Whether the assessment of that picture did not abstain.
        probabilities: Its eight probabilities, one picture after the other.
        milliseconds: Times of each stage, a picture an entry.
    """

    images: int = 0
    without_roi: int = 0
    indeterminate: dict[str, int] = field(default_factory=dict)
    dice_gt_box: Numbers = field(default_factory=_numbers)
    dice_auto_box: Numbers = field(default_factory=_numbers)
    truth: "array[int]" = field(default_factory=partial(array, "b"))
    decided: "array[int]" = field(default_factory=partial(array, "b"))
    probabilities: Numbers = field(default_factory=_numbers)
    milliseconds: dict[str, Numbers] = field(default_factory=dict)

    def add(self, figures: Figures) -> None:
        """Count one picture in; the last bits of a mean depend on the order, which is therefore the table's."""
        self.images += 1
        self.without_roi += figures.box is None
        if figures.reason is not None:
            self.indeterminate[figures.reason] = self.indeterminate.get(figures.reason, 0) + 1
        if figures.dice_gt_box is not None:
            self.dice_gt_box.append(figures.dice_gt_box)
        if figures.dice_auto_box is not None:
            self.dice_auto_box.append(figures.dice_auto_box)
        if figures.dx is not None and figures.probabilities:
            self._add_class(figures, figures.dx)
        for stage, spent in figures.stages.items():
            self.milliseconds.setdefault(stage, _numbers()).append(spent)

    def _add_class(self, figures: Figures, dx: DiagnosisCode) -> None:
        self.truth.append(CODES.index(dx))
        self.decided.append(figures.band is not RiskBand.INDETERMINATE)
        self.probabilities.extend(figures.probabilities[code] for code in CODES)

    def report(self) -> dict[str, object]:
        """The whole report as JSON-ready values; a part without any picture to judge by is None."""
        return {
            "images": self.images,
            "without_roi": self.without_roi,
            "ground_truth_box": _overlap(self.dice_gt_box),
            "automatic_box": _overlap(self.dice_auto_box),
            "classification": self._classes(np.ones(len(self.truth), np.bool_)),
            "classification_decided": self._classes(np.array(self.decided, np.bool_)),
            "share_indeterminate": sum(self.indeterminate.values()) / max(self.images, 1),
            "indeterminate": self.indeterminate,
            "milliseconds": {stage: _percentiles(self.milliseconds.get(stage, [])) for stage in STAGES},
        }

    def _classes(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> dict[str, object] | None:
        if not chosen.any():
            return None
        probabilities = np.array(self.probabilities).reshape(-1, len(CODES))
        return class_summary(probabilities[chosen], np.array(self.truth, np.int64)[chosen])


def _overlap(dices: Sequence[float]) -> dict[str, float] | None:
    return overlap_summary(np.array(dices)) if dices else None


def _percentiles(spent: Sequence[float]) -> dict[str, float] | None:
    if not spent:
        return None
    return {"p50": float(np.percentile(spent, 50)), "p95": float(np.percentile(spent, 95))}


def write_header(stream: TextIO) -> None:
    """Write the column names of the table of rows."""
    csv.writer(stream).writerow(ROW_COLUMNS)


def write_row(stream: TextIO, figures: Figures) -> None:
    """Write the figures of one picture as a row of `ROW_COLUMNS`; what there is not stays empty."""
    box = ("",) * 4 if figures.box is None else tuple(f"{edge:.2f}" for edge in figures.box)
    csv.writer(stream).writerow(
        [
            figures.image_id,
            *box,
            *map(_figure, (figures.dice_gt_box, figures.dice_auto_box)),
            *(_figure(figures.probabilities.get(code)) for code in CODES),
            *(_figure(figures.risk), str(figures.band), str(figures.reason or "")),
            *(f"{figures.stages[stage]:.3f}" if stage in figures.stages else "" for stage in STAGES),
        ]
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def mask_picture(judgement: Judgement) -> bytes:
    """The automatic mask as PNG at the picture's own size, white on the lesion, black where none was found."""
    mask = judgement.assessment.mask
    pixels = np.zeros(judgement.shape, np.uint8) if mask is None else mask.pixels.astype(np.uint8) * 255
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def write_mask(folder: Path, image_id: str, picture: bytes) -> None:
    """Write a mask, named by its picture's image_id.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        (folder / f"{image_id}.png").write_bytes(picture)
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror) from None
