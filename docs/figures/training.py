"""Writes docs/training.md: the curves of the courses, and rendered frames as the shipped bundle sees them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import load_models
from dermscan.bundle.loading import load_bundle, shipped_folder
from dermscan.capture.phantom import HELD, PhantomScene, render_phantom
from dermscan.domain import Frame, RgbImage
from dermscan.settings import ModelSettings, QualitySettings

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1]
CURVES = DOCS.parent / "models" / "measurements"
LESIONS = 6
SIZE = (640, 480)

SETS = {"dice": "all", "dice_isic2018": "isic2018", "dice_clinical300": "clinical300"}
PANELS: tuple[tuple[str, Sequence[tuple[str, str, str]]], ...] = (
    (
        "Detector: Dice of the raw map",
        (
            *(("roi-p", key, f"first: {label}") for key, label in SETS.items()),
            *(("roi", key, label) for key, label in SETS.items()),
        ),
    ),
    (
        "Student: Dice",
        (
            ("student-p", "tight", "first: expert's box"),
            ("student-p", "auto", "first: box that errs as the detector's"),
            ("student", "tight", "expert's box"),
            ("student", "auto", "box that errs as the detector's"),
        ),
    ),
    ("Classifiers: balanced accuracy", ()),
    ("Classifiers: AUC of malignancy", ()),
)

TEXT = """# The courses

Made by `docs/figures/training.py` from the curves in `models/measurements/` and from the shipped bundle. What was
trained on what, and every figure of the test part, is on the [model card](../models/{bundle}/MODEL_CARD.md); the
commands are in [models/README.md](../models/README.md). The figures here are of the validation part, of the moving
average of the weights. The first courses of detector and student learned from `isic2018`, `clinical300` and `clinical`
alone and are judged on those; the second ones begin with their weights.

![Curves of the courses](figures/courses.png)

## What the bundle makes of rendered frames

No picture of a person is kept in this repository, so these are frames of the phantom: the detector's box in blue, the
outline in white.

![Phantoms, outlined](figures/outlined.jpg)
"""


def curve(name: str) -> list[dict[str, float]]:
    """The looks at the validation part, in order; none where there was no such course."""
    path = CURVES / f"{name}-curve.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def classifiers() -> list[str]:
    """Names of the classifiers' courses."""
    return sorted(path.name.removesuffix("-curve.jsonl") for path in CURVES.glob("classifier-*-curve.jsonl"))


def draw_curves(target: Path) -> None:
    """One panel a task."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(15, 3.6), layout="constrained")
    for axis, (title, lines) in zip(axes, PANELS, strict=True):
        figures = "balanced_accuracy" if "balanced" in title else "auc_malignant"
        for name, key, label in lines or [(name, figures, name) for name in classifiers()]:
            _line(axis, curve(name), key, label)
        axis.set(title=title, xlabel="minutes of one core")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, frameon=False, loc="lower right")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _line(axis: Any, looks: list[dict[str, float]], key: str, label: str) -> None:
    seen = [(look["minutes"], look[key]) for look in looks if key in look]
    if seen:
        axis.plot(*zip(*seen, strict=True), marker="o", markersize=3, label=label)


def outlined(number: int) -> RgbImage:
    """(height, width, 3) uint8 RGB: one phantom with the box and the outline that the bundle gives it."""
    models = load_models(load_bundle(shipped_folder()), ModelSettings())
    pixels, _ = render_phantom(PhantomScene(width=SIZE[0], height=SIZE[1], lesion=number, pose=HELD))
    frame = Frame(pixels, sequence=0, monotonic_s=0.0, taken_at=datetime(2026, 1, 1, tzinfo=UTC))
    found, picture = assess(frame, models, QualitySettings()), pixels.copy()
    if found.roi is not None:
        corners = [round(edge) for edge in (found.roi.x0, found.roi.y0, found.roi.x1, found.roi.y1)]
        cv2.rectangle(picture, corners[:2], corners[2:], (40, 110, 200), 2, cv2.LINE_AA)
    if found.mask is not None:
        rims, _ = cv2.findContours(found.mask.pixels.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, rims, -1, (255, 255, 255), 2, cv2.LINE_AA)
    return picture


def draw_outlined(target: Path) -> None:
    """Some phantoms in two rows."""
    shown = [outlined(number) for number in range(LESIONS)]
    rows = [np.hstack(shown[: LESIONS // 2]), np.hstack(shown[LESIONS // 2 :])]
    small = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Write the page and its pictures."""
    draw_curves(DOCS / "figures" / "courses.png")
    draw_outlined(DOCS / "figures" / "outlined.jpg")
    (DOCS / "training.md").write_text(TEXT.format(bundle=shipped_folder().name), encoding="utf-8")


if __name__ == "__main__":
    main()
