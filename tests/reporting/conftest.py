import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    IndeterminateReason,
    Laterality,
    Lesion,
    LesionFeatures,
    LesionMask,
    Provenance,
    Quality,
    RejectReason,
    RgbImage,
    RiskBand,
    Roi,
    Scan,
)
from dermscan.domain.evolution import (
    ChangeBand,
    ChangeReason,
    ColorChange,
    ContourChange,
    Evolution,
    FollowUpWindow,
    Growth,
)
from dermscan.reporting.report import BandLimits, Language, LesionReport, visit

FIRST_DAY = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PRINTED = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
LIMITS = BandLimits(11.7, 68.5)
SHARES = (0.55, 0.2, 0.05, 0.04, 0.08, 0.03, 0.03, 0.02)


@dataclass(frozen=True)
class Case:
    """One drawn scan: an oval lesion on plain skin."""

    number: int = 0
    size: tuple[int, int] = (120, 160)
    days: float = 0.0
    mm_per_pixel: float | None = None
    masked: bool = True
    risk: float = 62.0
    reason: IndeterminateReason | None = None
    device: str = "room-1"


def oval(size: tuple[int, int]) -> NDArray[np.bool_]:
    height, width = size
    empty = np.zeros(size, np.uint8)
    axes = max(width // 5, 1), max(height // 4, 1)
    drawn = cv2.ellipse(empty, (width // 2, height // 2), axes, 20, 0, 360, 1, cv2.FILLED)
    return np.asarray(drawn, np.bool_)


def skin(size: tuple[int, int], mask: NDArray[np.bool_], seed: int) -> RgbImage:
    noise = np.random.default_rng(seed).integers(0, 12, (*size, 3), np.uint8)
    pixels = noise + np.array([196, 150, 130], np.uint8)
    pixels[mask] = noise[mask] + np.array([90, 60, 50], np.uint8)
    return pixels


def features(case: Case, mask: NDArray[np.bool_]) -> LesionFeatures:
    pixels = 2.0 * case.size[1] / 5
    scale = case.mm_per_pixel
    return LesionFeatures(
        asymmetry=1,
        asymmetry_index=0.12,
        border=3,
        border_irregularity=1.31,
        color=3,
        diameter_px=pixels,
        diameter_mm=None if scale is None else pixels * scale,
        area_px=int(mask.sum()),
        tds_low=3.6,
        tds_high=5.6,
    )


def made_scan(case: Case) -> Scan:
    mask = oval(case.size)
    taken = FIRST_DAY + timedelta(days=case.days)
    frame = Frame(skin(case.size, mask, case.number), case.number, 1.5, taken, case.mm_per_pixel)
    band = RiskBand.INDETERMINATE if case.reason else RiskBand.MODERATE
    nothing = Quality(1.0, 0.1, 0.0, 0.0, 0.0, (RejectReason.TOO_DARK, RejectReason.NO_LESION))
    said = (
        Assessment(
            quality=Quality(8.5, 0.55, 0.01, 0.2, 0.18),
            roi=Roi(10, 10, 100, 90, 0.9),
            mask=LesionMask(mask, 0.93),
            features=features(case, mask),
            probabilities=dict(zip(DiagnosisCode, SHARES, strict=True)),
            risk=case.risk,
            pre_malignant=4.0,
            band=band,
            reason=case.reason,
        )
        if case.masked
        else Assessment(
            nothing, None, None, None, {}, None, None, RiskBand.INDETERMINATE, IndeterminateReason.NO_LESION
        )
    )
    provenance = Provenance("dermscan-0.1.0", "ab" * 32, "0.1.0", "cd" * 32)
    return Scan(str(uuid.UUID(int=(7 << 96) + case.number, version=4)), frame, said, provenance, case.device)


def made_evolution(days: float, growth: float = 0.2, band: ChangeBand = ChangeBand.CHANGED) -> Evolution:
    grown = Growth(growth, growth / 2, growth / 3, growth / 6, None, None, None, None)
    contour = ContourChange(0.9, 0.95, 0.05, None, 0.0, 0.0)
    color = ColorChange(3.4, -1.0, 0.01, 0, np.zeros((4, 4), np.float32))
    reasons = (ChangeReason.ASYMMETRIC_ENLARGEMENT,) if band is ChangeBand.CHANGED else ()
    return Evolution(days, FollowUpWindow.LONG_TERM, band, reasons, None, grown, contour, color)


MakeScan = Callable[..., Scan]
MakeReport = Callable[..., LesionReport]


@pytest.fixture
def make_scan() -> MakeScan:
    """Makes scans: `make_scan(number=2, days=90, mm_per_pixel=0.02, masked=False)`; see `Case`."""

    def make(**how: object) -> Scan:
        return made_scan(replace(Case(), **how))  # type: ignore[arg-type] # the test says what it means

    return make


@pytest.fixture
def lesion() -> Lesion:
    """A lesion on the left side of the back."""
    identifier = str(uuid.UUID(int=0x3F2A91C4 << 96, version=4))
    return Lesion(identifier, "heron-7", "66643007", FIRST_DAY, Laterality.LEFT, "Mrs Example asked about it")


@pytest.fixture
def make_report(lesion: Lesion) -> MakeReport:
    """Makes reports: `make_report(3, language=Language.GERMAN)`, each further scan 100 days later and larger."""

    def make(
        count: int = 3, *, language: Language = Language.ENGLISH, limits: BandLimits | None = LIMITS, **how: object
    ) -> LesionReport:
        cases = [replace(Case(), number=n, days=100.0 * n, **how) for n in range(count)]  # type: ignore[arg-type] # as above
        evolutions = [None if n == 0 else made_evolution(100.0 * n, 0.05 * n) for n in range(count)]
        visits = tuple(visit(made_scan(case), evolution) for case, evolution in zip(cases, evolutions, strict=True))
        return LesionReport(lesion, visits, PRINTED, language, limits)

    return make
