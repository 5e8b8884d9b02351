"""The closed vocabularies of the field: diagnoses, refusals, risk bands. Nothing here is free text."""

from enum import StrEnum


class DiagnosisCode(StrEnum):
    """The eight diagnostic codes of ISIC 2019, in the order the classifier emits them."""

    MEL = "MEL"
    NV = "NV"
    BCC = "BCC"
    AK = "AK"
    BKL = "BKL"
    DF = "DF"
    VASC = "VASC"
    SCC = "SCC"


MALIGNANT = frozenset({DiagnosisCode.MEL, DiagnosisCode.BCC, DiagnosisCode.SCC})
PRE_MALIGNANT = frozenset({DiagnosisCode.AK})


class RejectReason(StrEnum):
    """Why a frame is refused, in the order in which a person can mend it."""

    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    MOTION = "motion"
    OUT_OF_FOCUS = "out_of_focus"
    NO_LESION = "no_lesion"
    LESION_TOO_SMALL = "lesion_too_small"
    LESION_CUT_OFF = "lesion_cut_off"
    GLARE = "glare"


class RiskBand(StrEnum):
    """How a risk is shown. `INDETERMINATE` means that no risk is shown at all."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    INDETERMINATE = "indeterminate"


class IndeterminateReason(StrEnum):
    """Why an assessment abstains."""

    POOR_QUALITY = "poor_quality"
    NO_LESION = "no_lesion"
    IMPLAUSIBLE_MASK = "implausible_mask"
    UNFAMILIAR = "unfamiliar"
    LOW_CONFIDENCE = "low_confidence"


class Laterality(StrEnum):
    """Side of the body of a paired site, as in DICOM Image Laterality (0020,0062)."""

    RIGHT = "R"
    LEFT = "L"
    UNPAIRED = "U"
    BOTH = "B"
