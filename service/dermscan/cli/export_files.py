"""Writes one lesion as plain files, which any program opens. Only numbers are in their names."""

import json
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

from dermscan.cli.presentation import ADJUNCTIVE, json_text
from dermscan.errors import InputError
from dermscan.exporting.lesion import Format as Written
from dermscan.history.store import History


class Format(StrEnum):
    """What an export is written as."""

    FOLDER = "folder"
    PDF = Written.PDF.value
    DICOM = Written.DICOM.value
    FHIR = Written.FHIR.value
    FHIR_R5 = Written.FHIR_R5.value


def write_plain(history: History, lesion_id: str, stem: Path) -> None:
    """Write a lesion's scans as pictures, masks and figures.

    Args:
        history: Where the scans are; looking at them is recorded there.
        lesion_id: The lesion.
        stem: The files' folder and the beginning of their names.

    Raises:
        InputError: The lesion has no scans.
        HistoryCorrupt: A picture is damaged.
        OSError: The disk cannot take the files.
    """
    timeline = history.timeline(lesion_id)
    if not timeline:
        raise InputError(source="The lesion", problem="it has no scans")
    for number, summary in enumerate(timeline, start=1):
        scan, said = history.load(summary.scan_id), {**json.loads(json_text(summary)), "note": ADJUNCTIVE}
        named = f"{stem.name}-scan-{number:03}"
        stem.with_name(f"{named}.json").write_text(json_text(said), encoding="utf-8")
        stem.with_name(f"{named}.png").write_bytes(_png(cv2.cvtColor(scan.frame.pixels, cv2.COLOR_RGB2BGR)))
        if scan.assessment.mask is not None:
            mask = scan.assessment.mask.pixels.astype(np.uint8) * 255
            stem.with_name(f"{named}-mask.png").write_bytes(_png(mask))


def _png(pixels: cv2.typing.MatLike) -> bytes:
    _, encoded = cv2.imencode(".png", pixels)
    return encoded.tobytes()
