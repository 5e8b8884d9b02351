from datetime import UTC, datetime

import numpy as np
import pytest

from daemon.rehearsal import MakeFrame, Recorder
from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    IndeterminateReason,
    LesionMask,
    Quality,
    RiskBand,
    Roi,
)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def make_frame() -> MakeFrame:
    def make(sequence: int = 0, monotonic_s: float = 0.0, value: int = 128) -> Frame:
        pixels = np.full((48, 64, 3), value, np.uint8)
        return Frame(pixels, sequence, monotonic_s, datetime.now(UTC))

    return make


@pytest.fixture
def with_lesion() -> Assessment:
    mask = np.zeros((48, 64), np.bool_)
    mask[10:30, 20:40] = True
    probabilities = dict.fromkeys(DiagnosisCode, 0.125)
    quality, roi = Quality(9, 0.5, 0, 0, 0.2), Roi(20, 10, 40, 30, 0.9)
    return Assessment(
        quality, roi, LesionMask(mask, 0.9), None, probabilities, 37.5, 12.5, RiskBand.MODERATE, reason=None
    )


@pytest.fixture
def without_lesion() -> Assessment:
    quality = Quality(9, 0.5, 0, 0, 0)
    band, reason = RiskBand.INDETERMINATE, IndeterminateReason.NO_LESION
    return Assessment(quality, None, None, None, {}, None, None, band, reason)
