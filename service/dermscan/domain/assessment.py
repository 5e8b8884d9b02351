"""What the pipeline says about one frame."""

from dataclasses import dataclass

from dermscan.domain.codes import DiagnosisCode, IndeterminateReason, RiskBand
from dermscan.domain.features import LesionFeatures
from dermscan.domain.mask import LesionMask
from dermscan.domain.quality import Quality
from dermscan.domain.roi import Roi


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What the pipeline says about one frame. It assists a clinician; it is no diagnosis.

    Attributes:
        quality: The quality gate's figures.
        roi: The box that prompted the segmentation, None when no lesion was found.
        mask: The lesion's mask, None when no lesion was found.
        features: A, B, C and D, None when there is no mask to measure.
        probabilities: Calibrated probability of each code, summing to 1; empty when there is no mask.
        risk: Calibrated probability of malignancy (MEL, BCC, SCC) in per cent; None when nothing was classified.
        pre_malignant: Calibrated probability of AK in per cent, listed apart; None when nothing was classified.
        band: How the risk is shown.
        reason: Why the assessment abstains; None unless the band is `INDETERMINATE`.
        others: Boxes of further lesions in view, which were not assessed.
    """

    quality: Quality
    roi: Roi | None
    mask: LesionMask | None
    features: LesionFeatures | None
    probabilities: dict[DiagnosisCode, float]
    risk: float | None
    pre_malignant: float | None
    band: RiskBand
    reason: IndeterminateReason | None
    others: tuple[Roi, ...] = ()
