"""A filed assessment and the lesion it belongs to."""

from dataclasses import dataclass
from datetime import datetime

from dermscan.domain.assessment import Assessment
from dermscan.domain.codes import Laterality
from dermscan.domain.frame import Frame


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an assessment, so that it can be made again.

    Attributes:
        bundle_id: Name and version of the model bundle.
        bundle_hash: SHA-256 of the bundle's manifest, hexadecimal; the manifest holds the hash of every file.
        software_version: Version of this software.
        settings_hash: SHA-256 of the settings that influence an assessment, hexadecimal.
    """

    bundle_id: str
    bundle_hash: str
    software_version: str
    settings_hash: str


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One frame, its assessment and what made it: the unit that the history files completely or not at all.

    Attributes:
        scan_id: Random identifier (UUID4, canonical text), unknown outside the history.
        frame: The picture.
        assessment: What the pipeline said about it.
        provenance: What made the assessment.
        device: The device's own label.
    """

    scan_id: str
    frame: Frame
    assessment: Assessment
    provenance: Provenance
    device: str

    @property
    def taken_at(self) -> datetime:
        """When the frame was taken, UTC."""
        return self.frame.taken_at


@dataclass(frozen=True, slots=True)
class Lesion:
    """One spot on one person, followed over time.

    Attributes:
        lesion_id: Random identifier (UUID4, canonical text).
        subject_alias: Pseudonymous alias of the person, never a name; None while the lesion waits in the inbox.
        anatomic_site: Code of the body site, of DICOM CID 4029 (`dermscan.domain.sites`) unless an older version
            recorded it; None when not recorded.
        created_at: When the lesion was first recorded, UTC.
        laterality: Side of the body; None when not recorded.
        note: The clinician's own words; None when there are none.
        baseline_scan_id: The scan that others are compared with, where it was set by hand.
    """

    lesion_id: str
    subject_alias: str | None
    anatomic_site: str | None
    created_at: datetime
    laterality: Laterality | None = None
    note: str | None = None
    baseline_scan_id: str | None = None
