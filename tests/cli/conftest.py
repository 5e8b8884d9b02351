import csv
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from appliance import Appliance
from dermscan.bundle.loading import Bundle
from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    LesionMask,
    Provenance,
    Quality,
    RiskBand,
    Roi,
    Scan,
)
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings


@pytest.fixture
def filed_history(appliance: Appliance) -> Path:
    """The appliance's history with one scan in it."""
    mask = np.zeros((48, 64), np.bool_)
    mask[10:30, 20:40] = True
    probabilities = dict.fromkeys(DiagnosisCode, 0.125)
    quality, roi = Quality(9, 0.5, 0, 0, 0.2), Roi(20, 10, 40, 30, 0.9)
    lesion = LesionMask(mask, 0.9)
    said = Assessment(quality, roi, lesion, None, probabilities, 37.5, 12.5, RiskBand.MODERATE, reason=None)
    frame = Frame(np.full((48, 64, 3), 120, np.uint8), 0, 0.0, datetime(2026, 3, 1, 12, tzinfo=UTC))
    provenance = Provenance("dermscan-0.0.0", "0" * 64, "0.1.0", "1" * 64)
    key = load_master_key(HistorySettings(folder=appliance.history, key_file=appliance.key_file))
    with History.open(appliance.history, key) as history:
        history.file_scan(Scan(str(uuid.UUID(int=0x1234 << 96, version=4)), frame, said, provenance, "room-1"))
    return appliance.history


@pytest.fixture
def labelled(tmp_path: Path, bundle: Bundle) -> Path:
    """A table of the bundle's golden phantoms, the one without a lesion without mask and diagnosis."""
    table = tmp_path / "phantoms.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image_id", "image", "mask", "dx"])
        for number, case in enumerate(bundle.manifest.golden):
            mask = "" if case.mask is None else bundle.path(case.mask)
            writer.writerow([f"phantom-{number}", bundle.path(case.image), mask, "NV" if mask else ""])
    return table
