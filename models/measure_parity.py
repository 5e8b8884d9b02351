"""Measures how far the exported Med-SAM is from PyTorch, picture by picture, and how long each kind takes.

python models/measure_parity.py --folder BUILD --report models/measurements/medsam.json
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import track

from choose_box import spread
from data import data_folder, mask_box, read_image, read_mask, read_rows
from dermscan.evaluation.overlap import dice
from medsam import lite_medsam
from segmenting import Network, OnnxNetwork, TorchNetwork, feeding, segment

COUNTS = {"isic2018": 12, "ham224": 4, "clinical300": 4}
KINDS = ("float32", "half", "products")


def networks(export: Path) -> dict[str, Network]:
    """PyTorch, and the exported kinds."""
    pairs = {kind: (export / f"medsam-encoder.{kind}.onnx", export / f"medsam-decoder.{kind}.onnx") for kind in KINDS}
    return {"torch": TorchNetwork(*lite_medsam()), **{kind: OnnxNetwork(*pair) for kind, pair in pairs.items()}}


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exports.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
) -> None:
    """Outline twenty pictures of the test part behind the expert's box with every kind."""
    candidates = networks(folder / "export")
    seconds: dict[str, list[float]] = {kind: [] for kind in candidates}
    pictures: dict[str, dict[str, float]] = {}
    for row in track(spread(read_rows(data_folder(), "test"), COUNTS), description="outlining"):
        pixels, truth = read_image(row.image), read_mask(row.mask)
        masks = {}
        for kind, network in candidates.items():
            began = time.perf_counter()
            masks[kind] = segment(pixels, mask_box(truth), network, feeding(None))
            seconds[kind].append(time.perf_counter() - began)
        pictures[row.image_id] = {kind: round(dice(masks[kind], masks["torch"]), 5) for kind in KINDS}
    figures: dict[str, Any] = {
        "dice_against_pytorch": pictures,
        "mean": {kind: round(float(np.mean([one[kind] for one in pictures.values()])), 5) for kind in KINDS},
        "least": {kind: min(one[kind] for one in pictures.values()) for kind in KINDS},
        "seconds_median": {kind: round(float(np.median(values)), 3) for kind, values in seconds.items()},
        "seconds_least": {kind: round(min(values), 3) for kind, values in seconds.items()},
        "megabytes": {kind: round(_megabytes(folder / "export", kind), 2) for kind in KINDS},
    }
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in figures.items() if key != "dice_against_pytorch"}, indent=1))


def _megabytes(export: Path, kind: str) -> float:
    return sum(path.stat().st_size for path in export.glob(f"medsam-*.{kind}.onnx")) / 1e6


if __name__ == "__main__":
    typer.run(main)
