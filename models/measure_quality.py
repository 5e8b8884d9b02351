"""Measures the quality gate on real pictures and on the same pictures spoilt, and writes the tables of its document.

    python models/measure_quality.py ../shared/data docs/measurements/quality-gate.json docs/quality-gate.md

The boxes are those of the labelled masks, so that the figures speak of the gate alone. Only numbers are written.
"""

import argparse
import csv
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dermscan.analysis.quality import judge, thumbnail
from dermscan.domain import Frame, RejectReason, RgbImage, Roi
from dermscan.settings import QualitySettings

SAMPLE = {"isic2018": 120, "ham224": 60, "ham200": 40, "clinical300": 40, "clinical": 68}
SEED = 11
MEASURES = ("focus", "exposure", "glare", "lesion_share")
SPOILT: dict[str, RejectReason] = {
    "blurred, sigma 1.5 % of the width": RejectReason.OUT_OF_FOCUS,
    "blurred, sigma 2 % of the width": RejectReason.OUT_OF_FOCUS,
    "blurred by 1.5 %, noise of 6 levels at 1280x960": RejectReason.OUT_OF_FOCUS,
    "darkened to 10 %": RejectReason.TOO_DARK,
    "darkened to 20 %": RejectReason.TOO_DARK,
    "overexposed 2 times": RejectReason.TOO_BRIGHT,
    "overexposed 2.5 times": RejectReason.TOO_BRIGHT,
    "glare on the lesion": RejectReason.GLARE,
    "moved by 2 % of the diagonal": RejectReason.MOTION,
}
START, END = "<!-- measured -->", "<!-- end of measured -->"


def main() -> None:
    """Measure, then write the figures and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("measurements", type=Path)
    parser.add_argument("document", type=Path)
    arguments = parser.parse_args()
    figures = measurements(arguments.data)
    arguments.measurements.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    text = arguments.document.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    arguments.document.write_text(before + START + "\n" + tables(figures) + END + after, encoding="utf-8")


def measurements(data: Path) -> dict[str, Any]:
    """Judge every sampled picture as it is, then spoilt in each way."""
    settings, rng = QualitySettings(), np.random.default_rng(SEED)
    rows: dict[str, list[tuple[str, dict[str, float], tuple[RejectReason, ...]]]] = {"as it is": []}
    for folder, pixels, box in _pictures(data):
        for name, (frame, previous, roi) in _versions(pixels, box, rng).items():
            quality = judge(frame, roi, previous, settings)
            values = {measure: float(getattr(quality, measure)) for measure in MEASURES}
            rows.setdefault(name, []).append((folder, values, quality.reasons))
    good = rows.pop("as it is")
    return {
        "seed": SEED,
        "limits": settings.model_dump(),
        "pictures": {folder: sum(row[0] == folder for row in good) for folder in SAMPLE},
        "refused_as_it_is": {
            folder: {reason: _share([reason in row[2] for row in good if row[0] == folder]) for reason in RejectReason}
            | {"any": _share([bool(row[2]) for row in good if row[0] == folder])}
            for folder in SAMPLE
        },
        "passed_as_it_is": {reason: 1 - _share([reason in row[2] for row in good]) for reason in RejectReason}
        | {"all": 1 - _share([bool(row[2]) for row in good])},
        "percentiles_as_it_is": {
            measure: dict(
                zip(("1", "50", "99"), np.percentile([row[1][measure] for row in good], (1, 50, 99)), strict=True)
            )
            for measure in MEASURES
        },
        "refused_spoilt": {
            name: {
                "for_it": _share([SPOILT[name] in row[2] for row in rows[name]]),
                "at_all": _share([bool(row[2]) for row in rows[name]]),
            }
            for name in SPOILT
        },
        "milliseconds_1280x960_one_thread": _milliseconds(),
    }


def tables(figures: dict[str, Any]) -> str:
    """The measured part of the document, Markdown."""
    passed, spoilt, refused = figures["passed_as_it_is"], figures["refused_spoilt"], figures["refused_as_it_is"]
    lines = [f"{sum(figures['pictures'].values())} pictures as they are:", "", "| check | passes |", "|---|---|"]
    lines += [f"| {name} | {100 * share:.1f} % |" for name, share in passed.items()]
    lines += ["", "| folder | pictures | refused at all | cut off | out of focus | glare |", "|" + "---|" * 6]
    for folder, shares in refused.items():
        cells = [shares[key] for key in ("any", "lesion_cut_off", "out_of_focus", "glare")]
        lines.append(
            f"| {folder} | {figures['pictures'][folder]} |" + "".join(f" {100 * cell:.1f} % |" for cell in cells)
        )
    lines += ["", "| the same, spoilt | refused for it | refused at all |", "|---|---|---|"]
    lines += [f"| {name} | {100 * row['for_it']:.1f} % | {100 * row['at_all']:.1f} % |" for name, row in spoilt.items()]
    lines += ["", f"One frame of 1280x960 takes {figures['milliseconds_1280x960_one_thread']:.1f} ms on one thread."]
    return "\n".join(lines) + "\n"


def _pictures(data: Path) -> list[tuple[str, RgbImage, Roi]]:
    with (data / "lesions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    chooser, found = random.Random(SEED), []  # noqa: S311 - a sample, no secret
    for folder, number in SAMPLE.items():
        of_folder = [row for row in rows if row["folder"] == folder]
        for row in chooser.sample(of_folder, min(number, len(of_folder))):
            pixels = cv2.cvtColor(cv2.imread(str(data / row["image"])), cv2.COLOR_BGR2RGB)
            left, upper, wide, high = cv2.boundingRect(cv2.imread(str(data / row["mask"]), cv2.IMREAD_GRAYSCALE))
            if wide * high:
                found.append((folder, pixels.astype(np.uint8), Roi(left, upper, left + wide, upper + high)))
    return found


def _versions(pixels: RgbImage, roi: Roi, rng: np.random.Generator) -> dict[str, tuple[Frame, np.ndarray | None, Roi]]:
    height, width = pixels.shape[:2]

    def blurred(share: float) -> RgbImage:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), share * width), np.uint8)

    def still(picture: np.ndarray) -> tuple[Frame, None, Roi]:
        return _frame(picture), None, roi

    enlarged = cv2.resize(blurred(0.015), (1280, 960)).astype(np.float64)
    large = Roi(*(np.array([roi.x0, roi.y0, roi.x1, roi.y1]) * np.tile([1280 / width, 960 / height], 2)))
    dx, dy = round(0.02 * width), round(0.02 * height)
    moved = Roi(roi.x0, roi.y0, max(min(roi.x1, width - dx), roi.x0 + 1), max(min(roi.y1, height - dy), roi.y0 + 1))
    return {
        "as it is": still(pixels),
        "blurred, sigma 1.5 % of the width": still(blurred(0.015)),
        "blurred, sigma 2 % of the width": still(blurred(0.02)),
        "blurred by 1.5 %, noise of 6 levels at 1280x960": (
            _frame(enlarged + rng.normal(0, 6, enlarged.shape)),
            None,
            large,
        ),
        "darkened to 10 %": still(pixels * 0.1),
        "darkened to 20 %": still(pixels * 0.2),
        "overexposed 2 times": still(pixels * 2.0),
        "overexposed 2.5 times": still(pixels * 2.5),
        "glare on the lesion": still(_with_glare(pixels, roi, rng)),
        "moved by 2 % of the diagonal": (
            _frame(pixels[: height - dy, : width - dx]),
            thumbnail(_frame(pixels[dy:, dx:])),
            moved,
        ),
    }


def _with_glare(pixels: RgbImage, roi: Roi, rng: np.random.Generator) -> np.ndarray:
    """Four soft white reflections, each a seventh of the box wide."""
    light = np.zeros(pixels.shape[:2], np.float32)
    for _ in range(4):
        x, y = roi.x0 + rng.uniform(0.2, 0.8) * roi.width, roi.y0 + rng.uniform(0.2, 0.8) * roi.height
        axes = (max(int(0.14 * roi.width), 1), max(int(0.14 * roi.height), 1))
        cv2.ellipse(light, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 1, cv2.FILLED)
    light = cv2.GaussianBlur(light, (0, 0), max(0.02 * max(roi.width, roi.height), 0.5))[..., None]
    return np.asarray(pixels * (1 - light) + 255 * light)


def _frame(picture: np.ndarray) -> Frame:
    return Frame(np.clip(picture, 0, 255).astype(np.uint8), 0, 0.0, datetime.now(UTC))


def _share(flags: list[bool]) -> float:
    return sum(flags) / max(len(flags), 1)


def _milliseconds() -> float:
    """Median of judging one frame of noise with a previous one, on one thread."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(SEED)
    frame, roi = _frame(rng.integers(0, 256, (960, 1280, 3))), Roi(300, 200, 900, 700)
    previous, taken = thumbnail(frame), []
    for _ in range(50):
        start = time.perf_counter()
        judge(frame, roi, previous, QualitySettings())
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken))


if __name__ == "__main__":
    main()
