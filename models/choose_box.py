"""Chooses how the detector's map becomes a box, by the Dice that Med-SAM reaches behind that box.

    python models/choose_box.py --folder BUILD --report models/measurements/box.json

Choices rest on the validation part; the test part is only reported on.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from data import Row, data_folder, mask_box, of_sets, read_image, read_mask, read_rows, whole_frame
from dermscan.analysis.preparation import (
    logits_to_frame,
    prompt_box,
    roi_input,
    segmentation_input,
    segmentation_view,
    widened,
)
from dermscan.analysis.roi import region
from dermscan.analysis.segmentation import one_component
from dermscan.bundle.manifest import Normalisation, RoiModel, SegmentationModel
from dermscan.domain import RgbImage, Roi
from dermscan.evaluation.overlap import dice, overlap_summary
from export import ROI_SIZE
from export_student import STUDENT_SIZE
from networks import MEAN, STD
from phantoms import phantom_frame
from prompting import fed
from segmenting import UNBOUND, OnnxNetwork, feeding, session
from skin import bare_patch, healed, nothing, rendered_skin

BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.float32]

THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
MARGINS = (-0.02, 0.0, 0.02, 0.04, 0.07)
COUNTS = {"isic2018": 120, "ham224": 60, "ham200": 40, "clinical300": 40, "clinical": 8}
"""Validation pictures that the choice rests on, by set."""
TESTED = {"isic2018": 400, "ham224": 300, "ham200": 200, "clinical300": 100, "clinical": 12}
LITE_CONTEXT = 3.0
"""Side of the square that LiteMedSAM sees, in longer sides of the box."""
FOUND = 0.99
"""Share of the validation lesions that `min_score` must let through."""


class Finder:
    """The exported detector."""

    def __init__(self, path: Path, threads: int) -> None:
        """Load it."""
        self.session = session(path, threads)

    def heat(self, pixels: RgbImage) -> FloatArray:
        """(1, 1, s, s) logits over the whole frame."""
        return np.asarray(self.session.run(None, {"image": roi_input(pixels, model())})[0])


def model(threshold: float = 0.5, min_score: float = 0.0, min_share: float = 0.002) -> RoiModel:
    """How the detector is fed and read."""
    return RoiModel(
        file=UNBOUND,
        input_size=ROI_SIZE,
        normalisation=Normalisation(mean=MEAN, std=STD),
        threshold=threshold,
        min_score=min_score,
        min_share=min_share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One labelled picture with the detector's map of it."""

    row: Row
    pixels: RgbImage
    truth: BoolArray
    heat: FloatArray

    def box(self, how: RoiModel) -> Roi | None:
        """The detector's box, not widened."""
        return region(self.heat, how, self.pixels.shape)


def pictures(rows: Sequence[Row], finder: Finder) -> list[Picture]:
    """Read the rows that have a lesion."""
    read = []
    for row in rows:
        pixels, truth = read_image(row.image), read_mask(row.mask)
        if truth.any():
            read.append(Picture(row, pixels, truth, finder.heat(pixels)))
    return read


def spread(rows: Sequence[Row], counts: dict[str, int]) -> list[Row]:
    """Evenly spaced rows of each set."""
    chosen: list[Row] = []
    for folder, count in counts.items():
        here = [row for row in rows if row.folder == folder]
        chosen += [here[index] for index in np.unique(np.linspace(0, len(here) - 1, min(count, len(here))).astype(int))]
    return chosen


def masks(picture: Picture, boxes: Iterable[Roi], network: OnnxNetwork, how: SegmentationModel) -> list[float]:
    """Dice behind each of some boxes; each view of the picture is encoded once."""
    embeddings: dict[Any, FloatArray] = {}
    found = []
    for box in boxes:
        view = segmentation_view(picture.pixels.shape, box, how)
        if view not in embeddings:
            embeddings[view] = network.embed(segmentation_input(picture.pixels, view, how))
        logits = network.decode(embeddings[view], prompt_box(box, view, how))
        mask = one_component(logits_to_frame(logits, view, picture.pixels.shape) > 0, box)
        found.append(0.0 if mask is None else dice(mask, picture.truth))
    return found


def best_reading(seen: Sequence[Picture], network: OnnxNetwork, how: SegmentationModel) -> tuple[float, float, Any]:
    """Threshold and margin of the greatest mean Dice, and the means of all that were tried."""
    grid = list(product(THRESHOLDS, MARGINS))
    totals = np.zeros(len(grid))
    for picture in track(seen, description="trying boxes"):
        totals += gains(picture, grid, network, how)
    means = totals / len(seen)
    threshold, margin = grid[int(means.argmax())]
    return threshold, margin, [[*pair, round(mean, 4)] for pair, mean in zip(grid, means.tolist(), strict=True)]


def gains(
    picture: Picture, grid: Sequence[tuple[float, float]], network: OnnxNetwork, how: SegmentationModel
) -> FloatArray:
    """Dice of one picture for each threshold and margin; 0 where the detector finds nothing."""
    found = [(index, picture.box(model(threshold)), margin) for index, (threshold, margin) in enumerate(grid)]
    boxes = {index: widened(box, margin, picture.pixels.shape) for index, box, margin in found if box is not None}
    gained = np.zeros(len(grid), np.float32)
    gained[list(boxes)] = masks(picture, boxes.values(), network, how)
    return gained


def bare_frames(rows: Sequence[Row], count: int) -> dict[str, list[RgbImage]]:
    """Frames without a lesion: real skin beside lesions, painted-over lesions, the phantom's bare skin, no skin."""
    random = np.random.default_rng(5)
    frames = [whole_frame(row) for row in spread(rows, {"isic2018": count, "ham200": count})]
    patches = [patch for frame in frames if (patch := bare_patch(frame, random)) is not None]
    painted = [healed(frame) for frame in frames if (frame[..., 3] > 0).mean() < 0.15]
    phantom = [np.ascontiguousarray(phantom_frame(6 * number)[..., :3]) for number in range(1000, 1010)]
    return {
        "beside_lesions": patches,
        "painted_over": painted,
        "bare_phantom": phantom,
        "rendered_skin": [rendered_skin(random, 256) for _ in range(count)],
        "no_skin": [nothing(random, 256) for _ in range(count)],
    }


def least_score(seen: Sequence[Picture], threshold: float) -> float:
    """The score that the wanted share of the validation lesions reaches."""
    boxes = [picture.box(model(threshold)) for picture in seen]
    scores = [0.0 if box is None else box.score for box in boxes]
    return float(np.clip(np.floor(100 * np.quantile(scores, 1 - FOUND)) / 100, threshold + 0.05, 0.9))


def found_lesions(seen: Sequence[Picture], how: RoiModel) -> dict[str, dict[str, float]]:
    """Share of lesions whose box overlaps the expert's by half, by set."""
    hits: dict[str, list[float]] = {}
    for picture in seen:
        box, truth = picture.box(how), mask_box(picture.truth)
        hits.setdefault(picture.row.folder, []).append(0.0 if box is None or truth is None else box.iou(truth))
    return {
        folder: {
            "images": len(values),
            "mean_iou": float(np.mean(values)),
            "recall_at_half": float(np.mean(np.array(values) >= 0.5)),
        }
        for folder, values in hits.items()
    }


def false_alarms(frames: dict[str, list[RgbImage]], finder: Finder, how: RoiModel) -> dict[str, list[int]]:
    """How many frames without a lesion show one to the detector, and of how many."""
    return {
        kind: [sum(region(finder.heat(frame), how, frame.shape) is not None for frame in some), len(some)]
        for kind, some in frames.items()
    }


def dices(seen: Sequence[Picture], network: OnnxNetwork, how: RoiModel, seg: SegmentationModel) -> dict[str, Any]:
    """Dice with the expert's box and with the detector's, by set; no box counts as 0."""
    values: dict[str, list[tuple[float, float]]] = {}
    for picture in track(seen, description="outlining the test part"):
        found, truth = picture.box(how), mask_box(picture.truth)
        boxes = [truth] if truth else []
        boxes += [widened(found, seg.box_margin, picture.pixels.shape)] if found else []
        gained = [*masks(picture, boxes, network, seg), 0.0]
        values.setdefault(picture.row.folder, []).append((gained[0], gained[1]))
    return {
        folder: {
            "expert_box": overlap_summary(np.array([first for first, _ in pairs])),
            "detector_box": overlap_summary(np.array([second for _, second in pairs])),
        }
        for folder, pairs in values.items()
    }


def test_figures(
    rows: Sequence[Row], finder: Finder, network: OnnxNetwork, how: RoiModel, seg: SegmentationModel
) -> dict[str, Any]:
    """Everything that is reported and not chosen on."""
    return {
        "found": found_lesions(pictures(spread(rows, dict.fromkeys(COUNTS, 300)), finder), how),
        "false_alarms": false_alarms(bare_frames(rows, 100), finder, how),
        "dice": dices(pictures(spread(rows, TESTED), finder), network, how, seg),
    }


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exports; the choices go there.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
    roi: Annotated[str, typer.Option(help="Which of the exported detectors.")] = "roi.quantised.onnx",
    encoder: Annotated[str, typer.Option(help="Which of the exported encoders.")] = "edge-encoder.quantised.onnx",
    decoder: Annotated[str, typer.Option(help="Which of the exported decoders.")] = "edge-decoder.half.onnx",
    threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
    sets: Annotated[str, typer.Option(help="Sets to choose on, with commas between; all by default.")] = "",
) -> None:
    """Choose on the validation part, report on the test part."""
    export = folder / "export"
    finder = Finder(export / roi, threads)
    network = OnnxNetwork(export / encoder, export / decoder, threads)
    way = fed(STUDENT_SIZE) if encoder.startswith("edge") else feeding(LITE_CONTEXT)
    rows = {
        "validation": of_sets(read_rows(data_folder(), "validation"), sets),
        "test": read_rows(data_folder(), "test"),
    }
    seen = pictures(spread(rows["validation"], COUNTS), finder)
    threshold, margin, tried = best_reading(seen, network, way)
    many = pictures(spread(rows["validation"], dict.fromkeys(COUNTS, 150)), finder)
    how = model(threshold, least_score(many, threshold))
    seg = way.model_copy(update={"box_margin": margin})
    choice = {
        "roi": {key: getattr(how, key) for key in ("threshold", "min_score", "min_share")},
        "segmentation": {"context": seg.context, "box_margin": seg.box_margin},
    }
    (folder / "box-choices.json").write_text(json.dumps(choice, indent=2), encoding="utf-8")
    print(choice)
    figures = {"choice": choice, "tried": tried, **test_figures(rows["test"], finder, network, how, seg)}
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: figures[key] for key in ("found", "false_alarms", "dice")}, indent=1))


if __name__ == "__main__":
    typer.run(main)
