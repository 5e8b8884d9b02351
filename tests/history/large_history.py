"""Measures a history of 100,000 scans of 5,000 lesions, and writes docs/measurements/history.json.

Usage: large_history.py [SCANS] [LESIONS] [FILE] [FOLDER]    (beside the lesion images, on a quiet machine)

A history that is in FOLDER from before is measured again.

The scans before are rows with small pictures, encrypted and audited as by filing, made in one transaction. What is
measured then is the real thing: timelines of lesions chosen by chance, and the filing of frames of twelve megapixels,
real pictures enlarged with a sensor's noise.
"""

import hashlib
import json
import os
import platform
import random
import secrets
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import insert, select

from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    LesionFeatures,
    LesionMask,
    Provenance,
    Quality,
    RgbImage,
    RiskBand,
    Roi,
    Scan,
)
from dermscan.history import History, MasterKey
from dermscan.history.audit import Action, AuditEntry
from dermscan.history.audit_mark import Reached
from dermscan.history.blobs import BLOBS, StagedBlob
from dermscan.history.durable import write_new
from dermscan.history.pictures import encode_frame, encode_mask
from dermscan.history.records import scan_row
from dermscan.history.scan_blobs import blob_rows, sealed_for
from dermscan.history.schema import AuditRow, Base, BlobRow, LesionRow, ScanRow, SubjectRow
from dermscan.history.vault import BlobKind, DataKey, Encoding

CHECKOUT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DERMSCAN_DATA", CHECKOUT.parent / "shared" / "data"))
OUT = CHECKOUT / "docs" / "measurements" / "history.json"
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
TWELVE_MEGAPIXELS = (4000, 3000)
NOISE = 2.0
"""Standard deviation of a sensor's noise in grey levels, each pixel for itself."""

KEY = MasterKey(b"\x2a" * 32)
FILED, OPENED = 200, 500
STAGED = 20
"""How often each stage of a filing is measured."""


def scan_of(pixels: RgbImage, taken_at: datetime) -> Scan:
    """A scan with every figure that a scan can have."""
    height, width, _ = pixels.shape
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, ((width / 2, height / 2), (width / 2, height / 3), 20.0), (1,), -1)
    assessment = Assessment(
        quality=Quality(7.1, 0.5, 0.01, 0.2, 0.3),
        roi=Roi(1.25, 2.5, 30.75, 40.125, 0.9),
        mask=LesionMask(mask.astype(np.bool_), 0.9),
        features=LesionFeatures(1, 0.1, 3, 1.7, 4, 33.3, 1.4, 900, 4.1, 6.1),
        probabilities=dict.fromkeys(DiagnosisCode, 1 / len(DiagnosisCode)),
        risk=12.5,
        pre_malignant=2.5,
        band=RiskBand.MODERATE,
        reason=None,
    )
    frame = Frame(pixels, 1, 1.0, taken_at, 0.04)
    return Scan(str(uuid.uuid4()), frame, assessment, Provenance("b-1", "ab" * 32, "0.1", "cd" * 32), "room-1")


def values(row: Base) -> dict[str, Any]:
    """A row as a statement takes it."""
    return {column.key: getattr(row, column.key) for column in row.__mapper__.columns}


class Past:
    """The rows and files of many scans."""

    def __init__(self, history: History, folder: Path) -> None:
        self.history = history
        self.rows: dict[type[Base], list[dict[str, Any]]] = {
            kind: [] for kind in (SubjectRow, LesionRow, ScanRow, BlobRow, AuditRow)
        }
        self._blobs = folder / BLOBS
        small = scan_of(np.zeros((24, 32, 3), np.uint8), FIRST_DAY)
        self._template = values(scan_row(small, "", FIRST_DAY))
        mask = small.assessment.mask
        assert mask is not None
        self._contents = {
            BlobKind.FRAME: (Encoding.ROWS, list(encode_frame(small.frame.pixels))),
            BlobKind.MASK: (Encoding.BITS, list(encode_mask(mask.pixels))),
        }

    def lesion(self) -> tuple[str, DataKey]:
        """Add a followed lesion."""
        lesion_id, subject_id, key = str(uuid.uuid4()), str(uuid.uuid4()), DataKey.generate()
        self.rows[SubjectRow].append({"subject_id": subject_id, "alias": subject_id[:18], "created_at": FIRST_DAY})
        row = self.history._lesion_row(lesion_id, key)
        row.subject_id = subject_id
        self.rows[LesionRow].append(values(row))
        return lesion_id, key

    def scan(self, lesion_id: str, key: DataKey, taken_at: datetime) -> None:
        """Add a scan with its pictures."""
        scan_id = str(uuid.uuid4())
        staged = [self._written(b"".join(pieces)) for pieces in sealed_for(scan_id, key, self._contents).values()]
        its_own = {"scan_id": scan_id, "lesion_id": lesion_id, "taken_at": taken_at, "filed_at": taken_at}
        self.rows[ScanRow].append(self._template | its_own)
        self.rows[BlobRow] += [values(row) for row in blob_rows(scan_id, self._contents, staged)]

    def write(self) -> None:
        """Put everything into the database, with an entry of the audit log for every scan."""
        log = self.history._log
        with self.history._recording() as session:
            head = log.head(session)
            assert head is not None
            for row in self.rows[ScanRow]:
                said = AuditEntry(head.seq + 1, row["taken_at"], "user x", Action.SCAN_FILED, "scan:" + "0" * 32, None)
                head = Reached(said.seq, log.link(head.chain, said))
                self.rows[AuditRow].append(asdict(said) | {"chain": head.chain})
            for kind, rows in self.rows.items():
                session.execute(insert(kind), rows)
            log._move_head(session, head, FIRST_DAY)

    def _written(self, content: bytes) -> StagedBlob:
        name = secrets.token_hex(16)
        (self._blobs / name).write_bytes(content)
        return StagedBlob(name, len(content), hashlib.sha256(content).digest())


def build(history: History, folder: Path, scans: int, lesions: int) -> list[str]:
    """Make the past: every lesion followed, its scans months apart, the lesions in turn."""
    past = Past(history, folder)
    known = [past.lesion() for _ in range(lesions)]
    for number in range(scans):
        past.scan(*known[number % lesions], FIRST_DAY + timedelta(minutes=10 * number))
    past.write()
    return [lesion_id for lesion_id, _ in known]


def large_frames(count: int) -> list[RgbImage]:
    """Real pictures enlarged to twelve megapixels, with a sensor's noise."""
    random_noise = np.random.default_rng(12)
    frames = []
    for path in sorted((DATA / "ham224" / "images").glob("*.jpg"))[::37][:count]:
        stored = cv2.imread(str(path))
        assert stored is not None
        picture = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
        large = cv2.resize(picture, TWELVE_MEGAPIXELS, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        noise = random_noise.standard_normal(large.shape, np.float32) * NOISE
        frames.append(np.clip(np.rint(large + noise), 0, 255).astype(np.uint8))
    return frames


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that the work takes."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def figures(milliseconds: list[float]) -> dict[str, float | int]:
    """Median, 95th percentile and greatest."""
    middle, high = np.percentile(milliseconds, [50, 95])
    return {
        "times": len(milliseconds),
        "median_ms": round(float(middle), 1),
        "p95_ms": round(float(high), 1),
        "max_ms": round(max(milliseconds), 1),
    }


def memory_of_filing(history: History, scan: Scan, lesion_id: str) -> float:
    """Megabytes that a filing adds at its peak to what the process has."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status_mb("VmRSS")
    history.file_scan(scan, lesion_id)
    return round(_status_mb("VmHWM") - before, 1)


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))


def stages(scan: Scan, place: Path) -> dict[str, float]:
    """Median milliseconds of each stage of a filing by itself; in a filing the first four run beside each other.

    The rest - the transaction with its audit entry, the folders' syncs, the mask - is what a scan of one pixel takes.
    """
    coded = list(encode_frame(scan.frame.pixels))
    key, contents = DataKey.generate(), {BlobKind.FRAME: (Encoding.ROWS, coded)}
    sealed = list(sealed_for(scan.scan_id, key, contents)[BlobKind.FRAME])

    def hashed() -> None:
        digest = hashlib.sha256()
        for piece in sealed:
            digest.update(piece)

    return {
        "coding, all cores": _median(lambda: list(encode_frame(scan.frame.pixels))),
        "encryption": _median(lambda: list(sealed_for(scan.scan_id, key, contents)[BlobKind.FRAME])),
        "hash": _median(hashed),
        "writing and sync": _median(partial(_written_through, place / "stage", sealed)),
    }


def _written_through(path: Path, pieces: list[bytes]) -> None:
    write_new(path, pieces)
    path.unlink()


def _median(work: Callable[[], object]) -> float:
    return round(float(np.median([timed(work) for _ in range(STAGED)])), 1)


def made_before(history: History) -> list[str]:
    """The lesions that are there already."""
    with history._reading() as session:
        return list(session.scalars(select(LesionRow.lesion_id)))


def measure(folder: Path, scans: int, lesions: int) -> dict[str, Any]:
    """Build, and measure what a person waits for."""
    with History.open(folder, KEY) as history:
        known = made_before(history) or build(history, folder, scans, lesions)
        chosen = random.Random(5).choices(known, k=OPENED + FILED)  # noqa: S311 - which lesions is no secret
        new = [scan_of(pixels, datetime.now(UTC)) for pixels in large_frames(3)]
        memory_mb = memory_of_filing(history, fresh(new[0]), chosen[0])
        timelines = [timed(partial(history.timeline, lesion)) for lesion in chosen[:OPENED]]
        filings = [
            timed(partial(history.file_scan, fresh(new[number % len(new)]), lesion))
            for number, lesion in enumerate(chosen[OPENED:])
        ]
        tiny = scan_of(np.zeros((1, 1, 3), np.uint8), datetime.now(UTC))
        by_stage = stages(new[0], folder) | {
            "the rest": _median(lambda: history.file_scan(fresh(tiny), chosen[0])),
        }
        last = history.latest(1 + STAGED)[-1].scan_id
        loads = [timed(partial(history.load, last)) for _ in range(20)]
        stored = [row.size_bytes for row in history._blobs_of(last)[1]]
        return {
            "scans": history.count(),
            "lesions": len(known),
            "frame_pixels": list(TWELVE_MEGAPIXELS),
            "stored_mb": round(sum(stored) / 1e6, 2),
            "timeline": figures(timelines),
            "filing": figures(filings),
            "filing_stages_ms": by_stage,
            "filing_memory_mb": memory_mb,
            "load": figures(loads),
            "database_mb": round((folder / "history.db").stat().st_size / 1e6, 1),
        }


def fresh(scan: Scan) -> Scan:
    """The same once more, under an identifier of its own."""
    return replace(scan, scan_id=str(uuid.uuid4()))


def main(scans: int = 100_000, lesions: int = 5_000, out: Path = OUT, place: Path | None = None) -> None:
    """Measure and write the file."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", CHECKOUT.parent)) as temporary:
        found = measure((place or Path(temporary)) / "history", scans, lesions)
    found["machine"] = {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))  # noqa: T201 - its report
    print(shares(found["filing_stages_ms"]))  # noqa: T201


def shares(by_stage: dict[str, float]) -> str:
    """What each stage takes of their sum; the filing is shorter than that, since they run beside each other."""
    total = sum(by_stage.values())
    return "\n".join(f"{100 * value / total:3.0f} % {name}" for name, value in by_stage.items())


if __name__ == "__main__":
    kinds: tuple[Callable[[str], Any], ...] = (int, int, Path, Path)
    main(*(kind(word) for kind, word in zip(kinds, sys.argv[1:], strict=False)))
