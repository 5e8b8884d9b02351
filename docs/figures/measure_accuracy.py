"""Measures the shipped bundle on the test part of the split, and writes docs/measurements/accuracy.json.

Usage: python models/split.py test build/test.csv
       python docs/figures/measure_accuracy.py build/test.csv [LIMIT]
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from dermscan.analysis.runtime import load_models
from dermscan.analysis.segmentation import segment
from dermscan.bundle.loading import load_bundle
from dermscan.domain import Frame, RgbImage, Roi
from dermscan.evaluation.judging import tight_box
from dermscan.evaluation.overlap import dice
from dermscan.evaluation.pictures import read_mask, read_picture
from dermscan.settings import ModelSettings

OUT = Path(__file__).parents[1] / "measurements" / "accuracy.json"
OTSU_IMAGES = 100
BINS = 40
Rows = list[dict[str, str]]


def read_rows(path: Path) -> Rows:
    """The rows of a CSV table."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def evaluate(table: Path, limit: str | None, scratch: Path) -> tuple[dict[str, object], Rows]:
    """Run `dermscan evaluate`; its report and its rows."""
    report, rows = scratch / "report.json", scratch / "rows.csv"
    command = [sys.executable, "-m", "dermscan", "evaluate", str(table), "--out", str(report), "--rows", str(rows)]
    command += ["--processes", "1"]  # the times are those of a device that does nothing else
    subprocess.run(command + (["--limit", limit] if limit else []), check=True)  # noqa: S603
    return json.loads(report.read_text(encoding="utf-8")), read_rows(rows)


def by_set(rows: Rows, folders: dict[str, str]) -> dict[str, dict[str, float]]:
    """Means by the set that the pictures come from."""
    grouped: dict[str, Rows] = defaultdict(list)
    for row in rows:
        grouped[folders[row["image_id"]]].append(row)
    return {
        name: {
            "images": len(members),
            **{key: float(np.mean([float(row[key]) for row in members])) for key in ("dice_gt_box", "dice_auto_box")},
        }
        for name, members in sorted(grouped.items())
    }


def histogram(rows: Rows, key: str) -> list[int]:
    """Counts of a Dice over `BINS` equal bins from 0 to 1."""
    return [int(count) for count in np.histogram([float(row[key]) for row in rows], BINS, (0, 1))[0]]


def otsu_box(pixels: RgbImage) -> Roi | None:
    """The box of the darker side of Otsu's threshold on the blue channel, largest component (Otsu 1979)."""
    dark = cv2.threshold(pixels[..., 2], 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]
    _, labels, figures, _ = cv2.connectedComponentsWithStats(dark)
    if len(figures) == 1:
        return None
    return tight_box(labels == 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA])))


def behind_otsu(rows: Rows) -> dict[str, float]:
    """Med-SAM behind Otsu's box on pictures of ISIC 2018, to compare the learned detector with."""
    bundle = load_bundle()
    models = load_models(bundle, ModelSettings())
    chosen = rows[:: max(len(rows) // OTSU_IMAGES, 1)][:OTSU_IMAGES]
    found = []
    for row in track(chosen, "Otsu"):
        frame = Frame(read_picture(Path(row["image"])), 0, 0.0, datetime.now(UTC))
        truth = read_mask(Path(row["mask"]))
        box = otsu_box(frame.pixels)
        mask = None if box is None else segment(frame, box, models)
        found.append(dice(np.zeros_like(truth) if mask is None else mask.pixels, truth))
    return {"images": len(found), "dice_otsu_box": float(np.mean(found))}


def main(table: Path, limit: str | None) -> None:
    """Measure and write."""
    labelled = read_rows(table)
    folders = {row["image_id"]: row["folder"] for row in labelled}
    with tempfile.TemporaryDirectory() as scratch:
        report, rows = evaluate(table, limit, Path(scratch))
    measured = {
        "report": report,
        "sets": by_set(rows, folders),
        "histograms": {key: histogram(rows, key) for key in ("dice_gt_box", "dice_auto_box")},
        "otsu": behind_otsu([row for row in labelled if row["folder"] == "isic2018"]),
    }
    OUT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
