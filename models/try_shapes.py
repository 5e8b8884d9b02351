"""Tries shapes of the student, and LiteMedSAM as its teacher, in courses of equal length.

python models/try_shapes.py --folder BUILD --minutes 10 --report models/measurements/shapes.json
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import cv2
import numpy as np
import torch
import typer

from augment import FloatArray
from data import (
    SCENE_SIDE,
    ByteArray,
    Part,
    Row,
    cached,
    data_folder,
    mask_box,
    read_image,
    read_mask,
    read_rows,
    whole_scene,
)
from dermscan.analysis.preparation import logits_to_frame, prompt_box, segmentation_input, segmentation_view
from export_student import export_parts
from segmenting import OnnxNetwork, feeding, session
from student import WIDTH, Student
from train_student import TASKS, Judgement, Lesson, Prompted
from training import Course, Plan

SIZES, RATE = (192, 256), 1e-3
TAUGHT = 600
"""Training pictures that the teacher outlines, evenly spaced."""
TRUST = 0.35
"""Share of the teacher in what is learned from; below a half, so that inside and outside remain the expert's."""
TEACHER_CONTEXT = 3.0
RUNS = 30


@dataclass(frozen=True, slots=True)
class Shape:
    """One student.

    Attributes:
        trunk: Its EfficientNet-Lite.
        width: Channels of the map that the decoder reads.
        taught: Whether LiteMedSAM's chances are mixed into the masks.
    """

    trunk: str = "lite0"
    width: int = WIDTH
    taught: bool = False


SHAPES = {
    "Lite0, 64 channels (shipped)": Shape(),
    "Lite0, 32 channels": Shape(width=32),
    "Lite0, 96 channels": Shape(width=96),
    "Lite1, 64 channels": Shape(trunk="lite1"),
    "Lite2, 64 channels": Shape(trunk="lite2"),
    "Lite0, 64 channels, taught by LiteMedSAM as well": Shape(taught=True),
}


class Teacher:
    """LiteMedSAM behind the expert's box."""

    def __init__(self, export: Path) -> None:
        """Load what `export_medsam.py` made."""
        self.network = OnnxNetwork(export / "medsam-encoder.float32.onnx", export / "medsam-decoder.float32.onnx", 1)

    def teacher_mask(self, row: Row) -> ByteArray:
        """(SCENE_SIDE, SCENE_SIDE) uint8: 255 times the chance of lesion."""
        pixels, box, how = read_image(row.image), mask_box(read_mask(row.mask)), feeding(TEACHER_CONTEXT)
        if box is None:
            return np.zeros((SCENE_SIDE, SCENE_SIDE), np.uint8)
        view = segmentation_view(pixels.shape, box, how)
        logits = self.network.decode(
            self.network.embed(segmentation_input(pixels, view, how)), prompt_box(box, view, how)
        )
        chances = 1 / (1 + np.exp(-logits_to_frame(logits, view, pixels.shape)))
        small = cv2.resize((255 * chances).astype(np.uint8), (SCENE_SIDE, SCENE_SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)


def taught_scenes(scenes: ByteArray, rows: list[Row], folder: Path) -> ByteArray:
    """The scenes, some of whose masks are the mean of expert and teacher, weighed by `TRUST`."""
    chosen = np.linspace(0, len(rows) - 1, TAUGHT).astype(int)
    said = cached([rows[index] for index in chosen], Teacher(folder / "export").teacher_mask, folder / "cache")
    mixed = np.array(scenes)
    for index, mask in zip(chosen, said, strict=True):
        mixed[index, ..., 3] = ((1 - TRUST) * mixed[index, ..., 3] + TRUST * mask).astype(np.uint8)
    return mixed


def costs(student: Student, folder: Path) -> dict[str, float]:
    """Size and time of the exported parts, float32 on one thread, and the count of their weights."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder, decoder = export_parts(student, folder)
    megabytes = sum(path.stat().st_size for path in (encoder, decoder)) / 1e6
    weights = sum(weight.numel() for part in (student.encoder, student.decoder) for weight in part.parameters())
    return {"megabytes": megabytes, "million_weights": weights / 1e6, "encoder_ms": _fastest(encoder)}


def _fastest(path: Path) -> float:
    network = session(path, 1)
    given = {one.name: np.zeros(one.shape, np.float32) for one in network.get_inputs()}
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        network.run(None, given)
        times.append(1000 * (time.perf_counter() - began))
    return min(times)


class Trial:
    """Teaches and judges one shape after another on the same pictures."""

    def __init__(self, folder: Path, minutes: float) -> None:
        """Read the pictures."""
        self.folder, self.minutes = folder, minutes
        self.rows, kept = read_coded("train"), read_coded("validation")
        self.scenes = cached(self.rows, whole_scene, folder / "cache")
        self.errors: FloatArray = np.load(folder / "box-errors.npy")
        self.judge = Judgement(cached(kept, whole_scene, folder / "cache"), kept, self.errors, SIZES[-1])

    def figures(self, number: int, shape: Shape) -> dict[str, float]:
        """What a course of this shape costs and reaches."""
        scenes = taught_scenes(self.scenes, self.rows, self.folder) if shape.taught else self.scenes
        drawn = Prompted(scenes, self.rows, self.errors)
        torch.manual_seed(0)
        plan = Plan(self.minutes, SIZES, RATE, self.folder, f"shape-{number}", judge_every=2.0)
        course = Course(Student(trunk=shape.trunk, width=shape.width), plan)
        student = cast("Student", course.run(drawn.batch, Lesson(drawn.priors, TASKS["outline"]), self.judge))
        return costs(student, self.folder / "shapes" / str(number)) | {"steps": course.step} | self.judge(student)


def read_coded(part: Part) -> list[Row]:
    """The rows of one part that have a code."""
    return [row for row in read_rows(data_folder(), part) if row.code]


def main(
    folder: Annotated[Path, typer.Option(help="Build folder: cache, box errors, and LiteMedSAM's export.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
    minutes: Annotated[float, typer.Option(help="Length of each course.")] = 10.0,
) -> None:
    """Teach each shape, and judge it on the validation part."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    trial, found = Trial(folder, minutes), {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        found[name] = trial.figures(number, shape)
        print(name, found[name], flush=True)
        report.write_text(json.dumps({"minutes": minutes, "shapes": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
