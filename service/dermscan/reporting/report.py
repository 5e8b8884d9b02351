"""What a report of one lesion is made of: its visits with their pictures reduced. It reads and writes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dermscan.domain import Assessment, Lesion, Provenance, Scan
from dermscan.domain.evolution import Evolution
from dermscan.domain.review import ExclusionReason, Review
from dermscan.reporting.identity import mask_digest
from dermscan.reporting.pictures import Pictures, pictures


class Language(StrEnum):
    """The languages in which a report can be written."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True)
class BandLimits:
    """Where the bands of the risk begin, in per cent.

    Attributes:
        moderate_from: Least risk of the moderate band.
        high_from: Least risk of the high band.
    """

    moderate_from: float
    high_from: float


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One scan of a lesion without its full pictures, so that fifty of them fit into little memory.

    Attributes:
        scan_id: The scan's identifier.
        taken_at: When it was taken, UTC.
        device: The device's own label.
        provenance: What made the assessment.
        mm_per_pixel: Scale of the frame, None when no scale is known.
        assessment: What was said of it; its `mask` is None, see `mask_confidence`.
        mask_confidence: The segmenter's confidence, None when there was no mask.
        mask_digest: What tells the mask from a corrected one (`identity.mask_digest`), None when there was no mask.
        pictures: The pictures as they are shown.
        evolution: How it compares with the baseline; None for the baseline itself and where nothing was compared.
        excluded: Why a clinician excluded it from the lesion's course; None when it counts.
        corrected: Whether a clinician corrected the outline, on which A, B, C and D were measured anew.
    """

    scan_id: str
    taken_at: datetime
    device: str
    provenance: Provenance
    mm_per_pixel: float | None
    assessment: Assessment
    mask_confidence: float | None
    mask_digest: str | None
    pictures: Pictures
    evolution: Evolution | None = None
    excluded: ExclusionReason | None = None
    corrected: bool = False


def visit(scan: Scan, evolution: Evolution | None = None, review: Review | None = None) -> Visit:
    """Reduce a scan to what a report shows of it; the scan may be forgotten then.

    Args:
        scan: The scan, of any size of frame, with the corrected mask and figures where it was corrected.
        evolution: How it compares with the baseline.
        review: What a clinician said of it; an excluded scan is told and in no curve. Its note is not reported.
    """
    said, review = scan.assessment, review or Review()
    return Visit(
        scan_id=scan.scan_id,
        taken_at=scan.taken_at,
        device=scan.device,
        provenance=scan.provenance,
        mm_per_pixel=scan.frame.mm_per_pixel,
        assessment=replace(said, mask=None),
        mask_confidence=None if said.mask is None else said.mask.confidence,
        mask_digest=None if said.mask is None else mask_digest(said.mask),
        pictures=pictures(scan.frame.pixels, said.mask),
        evolution=evolution,
        excluded=review.excluded,
        corrected=review.features is not None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class LesionReport:
    """Everything that a report of one lesion says.

    Attributes:
        lesion: The lesion; its note is not part of the report.
        visits: Its scans, oldest first, at least one.
        printed_at: When the report is made, with its time zone; the same report gives the same bytes.
        language: The language it is written in.
        limits: Where the bands of the risk begin; None where they are not known and so not drawn.
        baseline: Number of the visit that the others are compared with, from 0.
    """

    lesion: Lesion
    visits: tuple[Visit, ...]
    printed_at: datetime
    language: Language = Language.ENGLISH
    limits: BandLimits | None = None
    baseline: int = 0

    def __post_init__(self) -> None:
        """Hold the promises of the attributes."""
        if not 0 <= self.baseline < len(self.visits):
            message = "a report has at least one visit, and one of them is the baseline"
            raise ValueError(message)
        if self.printed_at.tzinfo is None:
            message = "a report's time names its time zone"
            raise ValueError(message)
        if any(late.taken_at < early.taken_at for early, late in zip(self.visits, self.visits[1:], strict=False)):
            message = "visits are in the order of their time"
            raise ValueError(message)
