"""Measures what arithmetic in eight bits costs each network, on the same pictures of the validation part.

python models/measure_bits.py --folder BUILD --report models/measurements/bits.json
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from choose_bands import feeding as classifier_feeding
from choose_bands import softmax
from choose_box import Finder, Picture, masks, model, pictures, spread
from data import CODES, data_folder, mask_box, read_rows
from dermscan.analysis.preparation import classifier_input
from dermscan.evaluation.classes import class_summary
from export_student import STUDENT_SIZE
from prompting import fed
from segmenting import OnnxNetwork, session

COUNTS = {"isic2018": 200, "ham224": 300, "ham200": 200, "clinical300": 60}
FILES = {
    "float32": ("roi.float32", "edge-encoder.float32", "edge-decoder.float32", "classifier.float32"),
    "as shipped": ("roi.quantised", "edge-encoder.quantised", "edge-decoder.half", "classifier.quantised"),
}
"""Detector, encoder, decoder and classifier of each kind."""


def overlap_of_boxes(seen: Sequence[Picture]) -> float:
    """Mean overlap of the detector's boxes with the experts', 0 where there is none."""
    found = []
    for picture in seen:
        box, truth = picture.box(model()), mask_box(picture.truth)
        found.append(box.iou(truth) if box and truth else 0.0)
    return float(np.mean(found))


def dice_of_masks(seen: Sequence[Picture], network: OnnxNetwork) -> float:
    """Mean Dice behind the experts' boxes."""
    way = fed(STUDENT_SIZE)
    truths = [(picture, mask_box(picture.truth)) for picture in seen]
    return float(np.mean([masks(picture, [box], network, way)[0] for picture, box in truths if box]))


def classes(seen: Sequence[Picture], path: Path, threads: int) -> dict[str, float]:
    """Balanced accuracy and the area under the curve of malignancy, cropped by the experts' boxes."""
    network, logits, truth = session(path, threads), [], []
    for picture in seen:
        box = mask_box(picture.truth)
        if box is None or not picture.row.code:
            continue
        logits.append(network.run(None, {"image": classifier_input(picture.pixels, box, classifier_feeding())})[0][0])
        truth.append(CODES.index(picture.row.code))
    summary = class_summary(softmax(np.array(logits, np.float64), 1.0), np.array(truth))
    return {name: float(summary[name] or 0) for name in ("balanced_accuracy", "auc_malignant")}


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exports.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
    threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
) -> None:
    """Measure both kinds."""
    export, rows = folder / "export", spread(read_rows(data_folder(), "validation"), COUNTS)
    figures: dict[str, dict[str, float]] = {}
    for kind, names in track(FILES.items(), description="measuring"):
        roi, encoder, decoder, classifier = (export / f"{name}.onnx" for name in names)
        seen = pictures(rows, Finder(roi, threads))
        figures[kind] = {"images": len(seen), "box_iou": overlap_of_boxes(seen)}
        figures[kind]["dice"] = dice_of_masks(seen, OnnxNetwork(encoder, decoder, threads))
        figures[kind] |= classes(seen, classifier, threads)
    report.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    typer.run(main)
