"""What two scans of one lesion say about how it changed. A change is described; what it means is the clinician's."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class ChangeBand(StrEnum):
    """How a change is shown."""

    NONE = "none"
    WATCH = "watch"
    CHANGED = "changed"
    NOT_COMPARABLE = "not_comparable"


class ChangeReason(StrEnum):
    """What a change band rests on: first why two scans cannot be compared, then what changed."""

    NO_MASK = "no_mask"
    CUT_OFF = "cut_off"
    DIFFERENT_MAGNIFICATION = "different_magnification"
    DIFFERENT_LIGHT = "different_light"
    DIFFERENT_SITE = "different_site"
    SCALE_UNKNOWN = "scale_unknown"
    ASYMMETRIC_ENLARGEMENT = "asymmetric_enlargement"
    SYMMETRIC_ENLARGEMENT = "symmetric_enlargement"
    SHRINKAGE = "shrinkage"
    SHAPE = "shape"
    FOCAL_CHANGE = "focal_change"
    NEW_COLOR = "new_color"
    OVERALL_COLOR = "overall_color"
    OUTLINE_UNSURE = "outline_unsure"
    SHORT_INTERVAL = "short_interval"


class FollowUpWindow(StrEnum):
    """Which follow-up rules hold, by the time between two scans."""

    EARLY = "early"
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"


class RegistrationBasis(StrEnum):
    """What two scans were laid over each other by."""

    SKIN = "skin"
    LESION = "lesion"
    CONTOUR = "contour"


@dataclass(frozen=True, slots=True)
class Registration:
    """How the follow-up lies on the baseline: a turn, a scale and a shift.

    Attributes:
        basis: What it rests on. Only the skin's texture and a calibration can tell the scale from a growth.
        matrix: Two rows of three: follow-up pixels (x, y, 1) to baseline pixels, both of the whole frames.
        rotation_deg: Turn of the follow-up, degrees.
        scale: Baseline pixels a follow-up pixel.
        scale_error: Standard error of `scale` as a share of it; None where the scale does not come from the skin.
        matches: Pairs of points that agree with it.
        residual: Root mean square distance of those pairs, share of the baseline frame's longer side.
        correlation: Correlation of the two pictures' detail laid over each other, -1 to 1.
    """

    basis: RegistrationBasis
    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    rotation_deg: float
    scale: float
    scale_error: float | None
    matches: int
    residual: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth from the baseline to the follow-up; shares of the baseline, so that 0.25 is a quarter larger.

    Attributes:
        area: Growth of the area. Where the border could be followed from picture to picture, it decides, averaged with
            the masks where they nearly agree; elsewhere the masks alone do.
        diameter: Growth of the greatest diameter, in the same way.
        area_month: Growth of the area a month (30.44 days); None when less than a week lies between the scans.
        diameter_month: The same of the greatest diameter.
        area_mm2: Growth of the area in square millimetres; None unless both scans are calibrated.
        diameter_mm: Growth of the greatest diameter in millimetres; None unless both scans are calibrated.
        area_mm2_month: `area_mm2` a month; None where either is.
        diameter_mm_month: `diameter_mm` a month; None where either is.
        area_by_masks: Growth of the area as the masks alone tell it; None where that was not asked.
    """

    area: float
    diameter: float
    area_month: float | None
    diameter_month: float | None
    area_mm2: float | None
    diameter_mm: float | None
    area_mm2_month: float | None
    diameter_mm_month: float | None
    area_by_masks: float | None = None


@dataclass(frozen=True, slots=True)
class ContourChange:
    """How the outline changed, the follow-up laid over the baseline.

    Attributes:
        dice: Overlap of the two masks, 0 to 1.
        shape_dice: The same of the followed border, or of the masks where it could not be followed, when the baseline
            is first enlarged about its centre to the follow-up's area: 1 for a growth that is alike on every side.
        hausdorff: Hausdorff distance of the outlines, share of the baseline's equivalent diameter.
        hausdorff_mm: The same in millimetres; None when the baseline is not calibrated.
        asymmetry: Change of the asymmetry index; None where a scan has no features.
        border: Change of the border's irregularity; None where a scan has no features.
    """

    dice: float
    shape_dice: float
    hausdorff: float
    hausdorff_mm: float | None
    asymmetry: float | None
    border: float | None


@dataclass(frozen=True, slots=True, eq=False)
class ColorChange:
    """How the colour changed after both pictures were brought to the same light.

    Attributes:
        overall: CIEDE2000 difference of the lesion's median colours.
        lightness: Change of the lesion's median L*, negative when darker.
        focal_share: Share of the lesion's common area in one spot whose colour changed otherwise than the rest.
        new_colors: Change of the number of the six colours; None where a scan has no features.
        change_map: (height, width) float32, read-only: CIEDE2000 difference beyond the overall change, in the
            baseline's frame reduced to a working size; 0 off the lesion.
    """

    overall: float
    lightness: float
    focal_share: float
    new_colors: int | None
    change_map: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Hold the promises of the attributes."""
        change_map = np.ascontiguousarray(self.change_map, np.float32)
        change_map.setflags(write=False)
        object.__setattr__(self, "change_map", change_map)


@dataclass(frozen=True, slots=True, eq=False)
class Evolution:
    """The E of the ABCDE: how a lesion changed from one scan to another. It assists a clinician; it is no diagnosis.

    Attributes:
        interval_days: Days from the baseline to the follow-up; negative when they were given the wrong way round.
        window: Which follow-up rules were applied.
        band: How the change is shown.
        reasons: Everything the band rests on, in the order of `ChangeReason`; empty for an unremarkable follow-up.
        registration: How the scans lie on each other; None when they could not be laid over each other.
        growth: None unless the scans have a common scale.
        contour: None without a registration.
        color: None without a registration, or when the light differs too much.
    """

    interval_days: float
    window: FollowUpWindow
    band: ChangeBand
    reasons: tuple[ChangeReason, ...]
    registration: Registration | None = None
    growth: Growth | None = None
    contour: ContourChange | None = None
    color: ColorChange | None = None
