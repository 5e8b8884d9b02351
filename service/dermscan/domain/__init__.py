"""The nouns of the field: frames, regions, masks, features, assessments, scans. No input or output happens here."""

from dermscan.domain.assessment import Assessment
from dermscan.domain.codes import (
    MALIGNANT,
    PRE_MALIGNANT,
    DiagnosisCode,
    IndeterminateReason,
    Laterality,
    RejectReason,
    RiskBand,
)
from dermscan.domain.features import LesionFeatures
from dermscan.domain.frame import CameraState, Frame, RgbImage
from dermscan.domain.mask import LesionMask
from dermscan.domain.quality import Quality
from dermscan.domain.roi import Roi
from dermscan.domain.scan import Lesion, Provenance, Scan

__all__ = [
    "MALIGNANT",
    "PRE_MALIGNANT",
    "Assessment",
    "CameraState",
    "DiagnosisCode",
    "Frame",
    "IndeterminateReason",
    "Laterality",
    "Lesion",
    "LesionFeatures",
    "LesionMask",
    "Provenance",
    "Quality",
    "RejectReason",
    "RgbImage",
    "RiskBand",
    "Roi",
    "Scan",
]
