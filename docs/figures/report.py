"""Draws docs/report/page-N.png: the pages of a report of a rendered lesion, which is nobody's. Needs the extra `test`.

The lesion is a phantom that is lit anew and grows by a tenth from visit to visit; it is assessed by the shipped bundle.
"""

import io
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pypdfium2

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.loading import load_bundle, shipped_folder
from dermscan.capture.phantom.scene import PhantomScene, render_phantom
from dermscan.domain import Frame, Laterality, Lesion, Provenance, RgbImage, Scan
from dermscan.history.evolution import compare
from dermscan.reporting.pdf import write_pdf
from dermscan.reporting.report import BandLimits, LesionReport, visit
from dermscan.settings import ModelSettings, QualitySettings

FOLDER = Path(__file__).parents[1] / "report"
FIRST_DAY = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
PRINTED = datetime(2027, 3, 1, 10, 15, tzinfo=UTC)
VISITS, MONTHS, GROWTH = 5, 3, 0.1
SCENE = PhantomScene()
SCALE = 1.2
"""Pixels of a page a point."""


def main() -> None:
    """Assess, write and draw."""
    bundle = load_bundle(shipped_folder())
    models = load_models(bundle, ModelSettings())
    provenance = Provenance(bundle.manifest.name, bundle.manifest_hash, "0.1.0", "0" * 64)
    scans = [scan(number, models, provenance) for number in range(VISITS)]
    visits = tuple(visit(found, None if found is scans[0] else compare(scans[0], found)) for found in scans)
    lesion = Lesion(str(uuid.UUID(int=0x3F2A91C4 << 96, version=4)), "heron-7", "66643007", FIRST_DAY, Laterality.LEFT)
    limits = BandLimits(bundle.manifest.classifier.moderate_from, bundle.manifest.classifier.high_from)
    stream = io.BytesIO()
    write_pdf(LesionReport(lesion, visits, PRINTED, limits=limits), stream)
    draw(stream.getvalue())


def scan(number: int, models: Models, provenance: Provenance) -> Scan:
    """One visit."""
    taken = FIRST_DAY + timedelta(days=30.44 * MONTHS * number)
    frame = Frame(picture(number), number, 0.0, taken, SCENE.mm_per_pixel)
    said = assess(frame, models, QualitySettings())
    return Scan(str(uuid.UUID(int=number, version=4)), frame, said, provenance, "room-1")


def picture(number: int) -> RgbImage:
    """The phantom, its middle enlarged, turned a little, with the noise of a sensor."""
    read, _ = render_phantom(replace(SCENE, noise=number))
    height, width = read.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(x - width / 2, y - height / 2) / (0.42 * min(width, height))
    factor = 1 - (1 - (1 + GROWTH * number) ** -0.5) * np.exp(-(away**6))
    across, down = (width / 2 + (x - width / 2) * factor, height / 2 + (y - height / 2) * factor)
    from_x, from_y = across.astype(np.float32), down.astype(np.float32)
    grown = cv2.remap(read, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 7.0 * number, 1.0)
    turned = cv2.warpAffine(grown, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, np.uint8)


def draw(content: bytes) -> None:
    """Write each page as a picture."""
    FOLDER.mkdir(exist_ok=True)
    for number, page in enumerate(pypdfium2.PdfDocument(content), start=1):
        page.render(scale=SCALE).to_pil().save(FOLDER / f"page-{number}.png", optimize=True)
    print(f"{number} pages in {FOLDER}")


if __name__ == "__main__":
    main()
