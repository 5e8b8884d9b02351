"""What stays of a judged picture when its pixels are gone: figures that a file or another machine can carry."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from dermscan.domain import DiagnosisCode, IndeterminateReason, RiskBand
from dermscan.evaluation.judging import Judgement


class Figures(BaseModel):
    """The figures of one judged picture; as JSON and back they are the same to the last bit.

    Attributes:
        image_id: The picture's name in the table.
        dx: The diagnosis of the table, None when there is none.
        box: Edges x0, y0, x1, y1 of the region of interest in pixels; None when no lesion was found.
        dice_gt_box: Dice of the mask prompted by the expert mask's own box; None without an expert's mask.
        dice_auto_box: Dice of the automatic mask; None without an expert's mask.
        probabilities: Calibrated probability of each code; empty when nothing was classified.
        risk: Calibrated probability of malignancy in per cent; None when nothing was classified.
        band: How the risk is shown.
        reason: Why the assessment abstains, None when it does not.
        stages: Milliseconds of each stage, and `total`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    image_id: str
    dx: DiagnosisCode | None
    box: tuple[float, float, float, float] | None
    dice_gt_box: float | None
    dice_auto_box: float | None
    probabilities: dict[DiagnosisCode, float]
    risk: float | None
    band: RiskBand
    reason: IndeterminateReason | None
    stages: dict[str, float]

    @classmethod
    def of(cls, judgement: Judgement) -> Self:
        """The figures of a judgement."""
        assessment = judgement.assessment
        roi = assessment.roi
        return cls(
            image_id=judgement.image.image_id,
            dx=judgement.image.dx,
            box=None if roi is None else (float(roi.x0), float(roi.y0), float(roi.x1), float(roi.y1)),
            dice_gt_box=judgement.dice_gt_box,
            dice_auto_box=judgement.dice_auto_box,
            probabilities=assessment.probabilities,
            risk=assessment.risk,
            band=assessment.band,
            reason=assessment.reason,
            stages=judgement.stages,
        )
