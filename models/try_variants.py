"""Outlines the same validation pictures in several ways, for the table of what was tried.

python models/try_variants.py --folder BUILD --report models/measurements/variants.json
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from choose_box import Finder, FloatArray, Picture, model, pictures, spread
from data import data_folder, mask_box, read_rows
from dermscan.analysis.preparation import logits_to_frame, prompt_box, segmentation_input, segmentation_view, widened
from dermscan.analysis.segmentation import one_component
from dermscan.bundle.manifest import SegmentationModel
from dermscan.domain import Roi
from dermscan.evaluation.overlap import dice
from export_student import STUDENT_SIZE
from prompting import fed
from segmenting import OnnxNetwork, feeding

COUNTS = {"isic2018": 150, "ham224": 60, "ham200": 40, "clinical300": 40}
MARGIN = 0.02
LOW_DICE = 2 * 0.65 / 1.65
"""The Dice of a Jaccard of 0.65."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to outline.

    Attributes:
        encoder: The exported encoder.
        decoder: The exported decoder.
        fed: How they are fed.
        mirrored: Whether the mean of the picture's and its mirror image's logits is taken.
        passes: How often the mask's own box prompts again, the first pass counted.
    """

    encoder: str
    decoder: str
    fed: SegmentationModel
    mirrored: bool = False
    passes: int = 1


STUDENT = Variant("edge-encoder.float32.onnx", "edge-decoder.float32.onnx", fed(STUDENT_SIZE))
VARIANTS = {
    "student, float32": STUDENT,
    "student, 1.7 sides of the box": replace(STUDENT, fed=fed(STUDENT_SIZE, 1.7)),
    "student, 2.4 sides of the box": replace(STUDENT, fed=fed(STUDENT_SIZE, 2.4)),
    "student, whole frame": replace(STUDENT, fed=fed(STUDENT_SIZE, None)),
    "student, with its mirror image": replace(STUDENT, mirrored=True),
    "student, prompted again by its mask": replace(STUDENT, passes=2),
    "student, encoder in int8": replace(
        STUDENT, encoder="edge-encoder.quantised.onnx", decoder="edge-decoder.half.onnx"
    ),
    "LiteMedSAM, float32": Variant("medsam-encoder.float32.onnx", "medsam-decoder.float32.onnx", feeding(3.0)),
}


def outlined(picture: Picture, prompt: Roi, network: OnnxNetwork, variant: Variant) -> float:
    """Dice behind one box."""
    box, gained = prompt, 0.0
    for _ in range(variant.passes):
        mask = one_component(_logits(picture, box, network, variant) > 0, box)
        tight = None if mask is None else mask_box(mask)
        if mask is None or tight is None:
            return 0.0
        box, gained = tight, dice(mask, picture.truth)
    return gained


def _logits(picture: Picture, box: Roi, network: OnnxNetwork, variant: Variant) -> FloatArray:
    view = segmentation_view(picture.pixels.shape, box, variant.fed)
    image, prompt = segmentation_input(picture.pixels, view, variant.fed), prompt_box(box, view, variant.fed)
    logits = network.decode(network.embed(image), prompt)
    if variant.mirrored:
        turned = prompt.copy()
        turned[..., [0, 2]] = variant.fed.input_size - prompt[..., [2, 0]]
        mirror = network.decode(network.embed(np.ascontiguousarray(image[..., ::-1])), turned)
        logits = np.ascontiguousarray((logits + mirror[..., ::-1]) / 2)
    return logits_to_frame(logits, view, picture.pixels.shape)


def figures(seen: Sequence[Picture], outline: Callable[[Picture, Roi], float]) -> dict[str, dict[str, float]]:
    """Mean Dice behind both boxes and the share of poor masks behind the detector's, by set."""
    found: dict[str, list[tuple[float, float]]] = {}
    for picture in seen:
        truth, box = mask_box(picture.truth), picture.box(model())
        auto = 0.0 if box is None else outline(picture, widened(box, MARGIN, picture.pixels.shape))
        found.setdefault(picture.row.folder, []).append((outline(picture, truth) if truth else 0.0, auto))
    return {folder: _summary(np.array(pairs)) for folder, pairs in found.items()}


def _summary(pairs: FloatArray) -> dict[str, float]:
    expert, auto = pairs.mean(axis=0)
    poor = float((pairs[:, 1] < LOW_DICE).mean())
    return {"images": len(pairs), "expert_box": float(expert), "detector_box": float(auto), "poor": poor}


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exports.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
    roi: Annotated[str, typer.Option(help="Which of the exported detectors.")] = "roi.quantised.onnx",
    threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
) -> None:
    """Try each way whose files were exported."""
    export = folder / "export"
    seen = pictures(spread(read_rows(data_folder(), "validation"), COUNTS), Finder(export / roi, threads))
    tried = {}
    for name, variant in track(VARIANTS.items(), description="trying"):
        if (export / variant.encoder).exists():
            network = OnnxNetwork(export / variant.encoder, export / variant.decoder, threads)
            tried[name] = figures(seen, lambda picture, box, v=variant, n=network: outlined(picture, box, n, v))  # type: ignore[misc]
            print(name, {folder: list(values.values()) for folder, values in tried[name].items()})
    report.write_text(json.dumps(tried, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
