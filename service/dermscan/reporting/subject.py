"""Whose scans are exported and how they were taken. A name, an alias and a note are never part of it."""

from dataclasses import dataclass
from enum import StrEnum

from dermscan.domain import Lesion
from dermscan.domain.sites import SITES, AnatomicSite
from dermscan.reporting.identity import pseudonym

ADJUNCTIVE = "Assists a clinician; this is no diagnosis."
SKIN = SITES["39937001"]


class Modality(StrEnum):
    """How the pictures of a device are taken, which decides their SOP class."""

    DERMOSCOPY = "dermoscopy"
    PHOTOGRAPH = "photograph"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose scan it is.

    Attributes:
        lesion: The lesion; its alias and its note are not exported.
        pseudonym: What stands for the subject.
    """

    lesion: Lesion
    pseudonym: str


def subject_of(lesion: Lesion, reference: str | None = None) -> Subject:
    """Whose lesion it is, under the history's keyed reference where there is one, else under the alias's hash."""
    return Subject(lesion, reference or pseudonym(lesion))


def site_of(lesion: Lesion) -> AnatomicSite:
    """The lesion's site; the skin where none of DICOM CID 4029 is recorded."""
    return SITES.get(lesion.anatomic_site or "", SKIN)
