import stat
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    LesionFeatures,
    LesionMask,
    Provenance,
    Quality,
    RejectReason,
    RiskBand,
    Roi,
    Scan,
)
from dermscan.history import History, MasterKey

FIRST_DAY = datetime(2026, 3, 1, 9, 30, 15, 123457, tzinfo=UTC)


def make_scan(
    seed: int = 0,
    *,
    size: tuple[int, int] = (61, 47),
    with_mask: bool = True,
    taken_at: datetime | None = None,
    device: str = "room-1",
) -> Scan:
    random = np.random.default_rng(seed)
    width, height = size
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    frame = Frame(pixels, 40 + seed, 12.345678901 + seed, taken_at or FIRST_DAY + timedelta(days=seed), 0.0412345)
    if not with_mask:
        quality = Quality(1.5, 0.25, 0.0, 0.125, 0.0, (RejectReason.OUT_OF_FOCUS, RejectReason.NO_LESION))
        nothing = Assessment(quality, None, None, None, {}, None, None, RiskBand.INDETERMINATE, None)
        return Scan(str(uuid.uuid4()), frame, nothing, Provenance("demo-1", "ab" * 32, "0.1.0", "cd" * 32), device)
    mask = LesionMask(random.integers(0, 2, (height, width)).astype(np.bool_), 1 / 3)
    shares = random.dirichlet(np.ones(len(DiagnosisCode)))
    assessment = Assessment(
        quality=Quality(7.1, 0.5, 0.01, 0.2, 0.3),
        roi=Roi(1.25, 2.5, 30.75, 40.125, 0.9),
        mask=mask,
        features=LesionFeatures(1, 0.1, 3, 1.7, 4, 33.3, 33.3 * 0.0412345, mask.area_px, 4.1, 6.1),
        probabilities={code: float(share) for code, share in zip(DiagnosisCode, shares, strict=True)},
        risk=float(shares[0]) * 100,
        pre_malignant=float(shares[3]) * 100,
        band=RiskBand.MODERATE,
        reason=None,
    )
    return Scan(str(uuid.uuid4()), frame, assessment, Provenance("demo-1", "ab" * 32, "0.1.0", "cd" * 32), device)


def assert_same_scan(first: Scan, second: Scan) -> None:
    np.testing.assert_array_equal(first.frame.pixels, second.frame.pixels)
    for name in ("sequence", "monotonic_s", "taken_at", "mm_per_pixel", "camera", "calibration_id"):
        assert getattr(first.frame, name) == getattr(second.frame, name)
    said, heard = first.assessment, second.assessment
    for name in ("quality", "roi", "features", "probabilities", "risk", "pre_malignant", "band", "reason"):
        assert getattr(said, name) == getattr(heard, name)
    assert (said.mask is None) == (heard.mask is None)
    if said.mask is not None and heard.mask is not None:
        np.testing.assert_array_equal(said.mask.pixels, heard.mask.pixels)
        assert said.mask.confidence == heard.mask.confidence
    assert (first.scan_id, first.device, first.provenance) == (second.scan_id, second.device, second.provenance)


def assert_private(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.fixture
def new_scan() -> Callable[..., Scan]:
    return make_scan


@pytest.fixture
def same_scan() -> Callable[[Scan, Scan], None]:
    return assert_same_scan


@pytest.fixture
def private() -> Callable[[Path], None]:
    return assert_private


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(bytes(range(32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def history(folder: Path, master: MasterKey) -> Iterator[History]:
    with History.open(folder, master) as opened:
        yield opened
