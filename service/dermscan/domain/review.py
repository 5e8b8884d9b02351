"""What a clinician said about a scan after it was filed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dermscan.domain.features import LesionFeatures


class ExclusionReason(StrEnum):
    """Why a scan does not count in its lesion's course. It stays filed and can be looked at."""

    OTHER_LESION = "other_lesion"
    POOR_PICTURE = "poor_picture"
    WRONG_OUTLINE = "wrong_outline"
    TREATED = "treated"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Review:
    """What a clinician said about a scan; the machine's own assessment stays beside it, unchanged.

    Attributes:
        note: The clinician's own words; None when there are none.
        excluded: Why the scan does not count; None when it does.
        features: A, B, C and D measured on the mask that was corrected; None when it was not.
        reviewed_at: When that was said last, UTC; None when nothing was.
        reviewer: Who said so, by the name of the sign-in.
    """

    note: str | None = None
    excluded: ExclusionReason | None = None
    features: LesionFeatures | None = None
    reviewed_at: datetime | None = None
    reviewer: str | None = None
