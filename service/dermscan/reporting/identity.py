"""Identifiers of what is exported: the same scan always gives the same ones, and none of them leads back to a name."""

import hashlib
from datetime import datetime
from uuid import UUID, uuid5

from dermscan.domain import Lesion, LesionMask

NAMESPACE = UUID("6b0c0c52-6a3f-5c43-8d0e-0d5a6f6d6c31")
"""Root of every identifier made here."""


def derived(kind: str, *of: str) -> UUID:
    """A UUID (version 5, RFC 9562) that the kind and what it is of determine."""
    return uuid5(NAMESPACE, "\n".join((kind, *of)))


def uid(kind: str, *of: str) -> str:
    """A DICOM UID that the kind and what it is of determine: 2.25 and a UUID as a number, DICOM PS3.5 B.2."""
    return f"2.25.{derived(kind, *of).int}"


def pseudonym(lesion: Lesion) -> str:
    """A subject's pseudonym: the hash of the alias, or of the lesion while no subject is known.

    It hides the alias from a reader's eye. Somebody who can guess aliases can also hash them: where the history is at
    hand, its keyed reference is the better pseudonym.
    """
    of = f"subject\n{lesion.subject_alias}" if lesion.subject_alias else f"lesion\n{lesion.lesion_id}"
    return hashlib.sha256(f"dermscan {of}".encode()).hexdigest()[:32]


def study_uid(lesion_id: str, taken_at: datetime) -> str:
    """One study is one lesion on one day (UTC)."""
    return uid("study", lesion_id, f"{taken_at:%Y-%m-%d}")


def image_uid(scan_id: str) -> str:
    """The picture of a scan."""
    return uid("image", scan_id)


def image_series_uid(scan_id: str) -> str:
    """The series that holds the picture of a scan."""
    return uid("image series", scan_id)


def frame_uid(scan_id: str) -> str:
    """The frame of reference of a scan, which its picture and its mask share."""
    return uid("frame of reference", scan_id)


def mask_digest(mask: LesionMask) -> str:
    """SHA-256 of a mask's pixels, hexadecimal: a corrected mask is another object than the one it corrects."""
    return hashlib.sha256(mask.pixels.tobytes()).hexdigest()


def segmentation_uid(scan_id: str, digest: str) -> str:
    """A mask of a scan."""
    return uid("segmentation", scan_id, digest)


def segmentation_series_uid(scan_id: str) -> str:
    """The series that holds the mask of a scan."""
    return uid("segmentation series", scan_id)


def lesion_uid(lesion_id: str) -> str:
    """The lesion, over all its scans."""
    return uid("lesion", lesion_id)
