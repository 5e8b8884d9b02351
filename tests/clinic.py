"""A small clinic: an encrypted history of real lesion pictures, assessed as a device does it, with made-up courses."""

import csv
import dataclasses
import itertools
import runpy
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.loading import Bundle
from dermscan.capture.phantom import HELD, PhantomScene, render_phantom
from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    Frame,
    IndeterminateReason,
    Laterality,
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
from dermscan.history import History
from dermscan.settings import ModelSettings, QualitySettings

CHECKOUT = Path(__file__).parents[1]
MM_PER_PIXEL = 0.028
DIAGNOSES = ("MEL", "NV", "BKL")
PEOPLE = (
    ("heron-7", "244111001", Laterality.LEFT),
    ("heron-7", "61248009", Laterality.RIGHT),
    ("wren-12", "70559009", Laterality.LEFT),
    ("swift-3", "113182001", Laterality.RIGHT),
)
GROWTHS = (0.0, 0.05, 0.12, 0.3)
"""Growth of a lesion's area at each visit, as a share."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """What is in the history.

    Attributes:
        followed: Lesions with four scans each, in the order of `PEOPLE`.
        waiting: Scans in the inbox.
    """

    followed: tuple[str, ...]
    waiting: tuple[str, ...]


class Assessor:
    """Turns pictures into scans, by the very pipeline that the daemon runs."""

    def __init__(self, bundle: Bundle) -> None:
        self._models: Models = load_models(bundle, ModelSettings())
        self._bundle = bundle

    def scan(self, pixels: RgbImage, taken_at: datetime, mm_per_pixel: float | None = MM_PER_PIXEL) -> Scan:
        frame = Frame(pixels, 0, 0.0, taken_at, mm_per_pixel)
        # The quality gate is the camera's: these pictures were taken by others, and chosen
        quality = QualitySettings(min_focus=0, max_glare=1, max_cut_off=1, max_exposure=1)
        said = assess(frame, self._models, quality)
        made = Provenance(self._bundle.manifest.name, self._bundle.manifest_hash, "0.1.0", "cd" * 32)
        return Scan(str(uuid.uuid4()), frame, said, made, "room-1")


def pictures(data: Path) -> Iterator[tuple[RgbImage, NDArray[np.bool_]]]:
    """One lesion of each of `DIAGNOSES` in turn, with its expert's mask, whole and in the middle of its picture."""
    with (data / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["folder"] == "isic2018"]
    by_code = {code: iter([row for row in rows if row["dx"] == code]) for code in DIAGNOSES}
    while True:
        for code in DIAGNOSES:
            yield next(pair for row in by_code[code] if (pair := _whole(data, row)) is not None)


def phantoms() -> Iterator[tuple[RgbImage, NDArray[np.bool_]]]:
    """Rendered lesions with their masks, for what is shown around: nobody's skin."""
    for lesion in itertools.chain((8, 3, 2, 6), itertools.count(10)):
        yield render_phantom(PhantomScene(width=768, height=576, seed=3, lesion=lesion, pose=HELD))


def _whole(data: Path, row: dict[str, str]) -> tuple[RgbImage, NDArray[np.bool_]] | None:
    size = (768, 576)  # they were squeezed to a square: most were 4 to 3
    pixels = cv2.resize(_read(data / row["image"], cv2.IMREAD_COLOR_RGB), size, interpolation=cv2.INTER_CUBIC)
    drawn = _read(data / row["mask"], cv2.IMREAD_GRAYSCALE)
    mask = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_NEAREST) > 127)
    edge = mask[:30].any() or mask[-30:].any() or mask[:, :30].any() or mask[:, -30:].any()
    dark = pixels[:20, :20].mean() < 60
    return None if edge or dark or not 0.05 < mask.mean() < 0.3 else (np.asarray(pixels, np.uint8), mask)


def _read(path: Path, colours: int) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), colours)
    assert pixels is not None, path
    return np.asarray(pixels, np.uint8)


def fill(
    history: History, data: Path | None, bundle: Bundle, *, visits: int = len(GROWTHS), lesions: int = 4
) -> Clinic:
    """File followed lesions with a course of a year each, and two scans for the inbox; phantoms without data."""
    sys.path.insert(0, str(CHECKOUT / "models"))
    evolving: dict[str, Any] = runpy.run_path(str(CHECKOUT / "models" / "evolving.py"))
    sys.path.remove(str(CHECKOUT / "models"))
    assessor, source, random = Assessor(bundle), pictures(data) if data else phantoms(), np.random.default_rng(7)
    now = datetime.now(UTC).replace(microsecond=0)
    followed = []
    for number, (alias, site, side) in enumerate(PEOPLE[:lesions]):
        pixels, mask = next(source)
        lesion = history.create_lesion(subject_alias=alias, anatomic_site=site, laterality=side)
        for visit, growth in enumerate(GROWTHS[-visits:] if visits < 4 else GROWTHS):
            at = now - timedelta(days=365 - 90 * visit + 70 * (number % 2), minutes=17 * number)
            grows = growth if number % 2 == 0 else growth / 10
            seen, scale = pixels, 1.0
            if visit:
                again = evolving["visit"](pixels, mask, evolving["Change"](grows), random)
                seen, scale = again.pixels, again.scale
            history.file_scan(assessor.scan(seen, at, MM_PER_PIXEL * scale), lesion)
        followed.append(lesion)
    waiting = []
    for minutes in (50, 20):
        scan = assessor.scan(next(source)[0], now - timedelta(minutes=minutes), None)
        history.file_scan(scan)
        waiting.append(scan.scan_id)
    return Clinic(tuple(followed), tuple(waiting))


def many(history: History, lesion_id: str, count: int) -> None:
    """Give a lesion more scans: its first, as if seen again every week before."""
    first = history.load(history.timeline(lesion_id)[0].scan_id)
    for week in range(1, count + 1):
        frame = dataclasses.replace(first.frame, taken_at=first.taken_at - timedelta(weeks=week))
        history.file_scan(dataclasses.replace(first, scan_id=str(uuid.uuid4()), frame=frame), lesion_id)


def drawn_scan(seed: int = 0, *, taken_at: datetime | None = None, with_mask: bool = True) -> Scan:
    """A scan of a drawn lesion: quick, and without any model."""
    random = np.random.default_rng(seed)
    pixels = random.integers(180, 200, (120, 160, 3), np.uint8)
    disc = cv2.ellipse(np.zeros((120, 160), np.uint8), (80, 60), (36 + seed % 5, 24), 20, 0, 360, 1, cv2.FILLED) > 0
    pixels[disc] //= 2
    frame = Frame(pixels, seed, 0.0, taken_at or datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=30 * seed), 0.05)
    made = Provenance("demo-1", "ab" * 32, "0.1.0", "cd" * 32)
    if not with_mask:
        quality = Quality(1.5, 0.25, 0.0, 0.125, 0.0, (RejectReason.OUT_OF_FOCUS, RejectReason.NO_LESION))
        reason = IndeterminateReason.POOR_QUALITY
        nothing = Assessment(quality, None, None, None, {}, None, None, RiskBand.INDETERMINATE, reason)
        return Scan(str(uuid.uuid4()), frame, nothing, made, "room-1")
    said = Assessment(
        quality=Quality(7.1, 0.5, 0.01, 0.2, 0.3),
        roi=Roi(40, 30, 120, 90, 0.9),
        mask=LesionMask(disc, 0.93),
        features=LesionFeatures(1, 0.1, 3, 1.7, 4, 74.0, 3.7, int(disc.sum()), 4.1, 6.1),
        probabilities={code: 0.3 if code is DiagnosisCode.NV else 0.1 for code in DiagnosisCode},
        risk=30.0,
        pre_malignant=10.0,
        band=RiskBand.MODERATE,
        reason=None,
    )
    return Scan(str(uuid.uuid4()), frame, said, made, "room-1")


def draw(history: History) -> Clinic:
    """File two followed lesions, of three scans and of one without an outline, and a scan in the inbox."""
    first = history.create_lesion(subject_alias="heron-7", anatomic_site="244111001", laterality=Laterality.LEFT)
    second = history.create_lesion(subject_alias="wren-12", anatomic_site="70559009", laterality=Laterality.RIGHT)
    for seed in range(3):
        history.file_scan(drawn_scan(seed), first)
    history.file_scan(drawn_scan(4, with_mask=False), second)
    waiting = drawn_scan(5)
    history.file_scan(waiting)
    return Clinic((first, second), (waiting.scan_id,))
