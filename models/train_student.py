"""Trains Med-SAM edge: outlines behind imperfect boxes, and the codes, from one encoder.

    python models/train_student.py --folder BUILD --minutes 60

The classifier's trunk, where it was trained before, is where the encoder starts. Boxes err as the detector errs on
pictures it has not seen (`measure_boxes.py`), as a careless hand errs, or hardly at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import cv2
import numpy as np
import torch
import typer
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from augment import FloatArray, on_skin, turning, with_a_hole
from data import CODES, ByteArray, Row, cached, data_folder, mask_box, of_sets, read_rows, whole_scene
from dermscan.domain import Roi
from dermscan.evaluation.classes import class_summary
from networks import LesionClassifier, normalised
from prompting import CONTEXT, Prompt, boxed, cut, drawn_points, erring, fed, no_points, seen_part, true_box
from student import Student
from train_classifier import FLATTENING, adjusting
from training import Batch, Course, Plan, answered, averaged, averaged_weights

BATCH = 24
JUDGED = 400
WEIGHTS = {"ham224": 1.0, "ham200": 0.7, "isic2018": 2.5, "clinical300": 4.0, "clinical": 4.0}
"""How often a set is drawn, an image."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a course is for.

    Attributes:
        outline: Weight of the outline in the loss.
        code: Weight of the code in the loss.
        sizes: Input sides, each for an equal share of the course.
        rate: Greatest learning rate.
    """

    outline: float
    code: float
    sizes: tuple[int, ...]
    rate: float


TASKS = {"both": Task(1.5, 1.0, (160, 192), 1e-3), "outline": Task(1.0, 0.0, (224, 256), 6e-4)}


class Prompted:
    """Draws parts of scenes with their masks, codes and prompts."""

    def __init__(self, scenes: ByteArray, rows: Sequence[Row], errors: FloatArray) -> None:
        """Take the cached scenes, their rows, and errors of the detector's edges as shares of the box."""
        self.scenes, self.rows, self.errors = scenes, rows, errors
        self.codes = np.array([CODES.index(row.code) for row in rows])
        self.boxes = [true_box(np.asarray(scene), row) for scene, row in zip(scenes, rows, strict=True)]
        counts = np.bincount(self.codes, minlength=len(CODES))
        weights = counts[self.codes] ** (FLATTENING - 1.0) * np.array([WEIGHTS[row.folder] for row in rows])
        self.odds = weights / weights.sum()
        drawn = np.bincount(self.codes, weights=self.odds, minlength=len(CODES))
        self.priors = torch.from_numpy(adjusting(drawn)).float()

    def batch(self, random: Generator, size: int) -> Batch:
        """Pictures (n, s, s, 3) uint8, masks (n, 1, s / 2, s / 2), boxes, points, labels, codes."""
        drawn = random.choice(len(self.odds), BATCH, p=self.odds)
        parts, prompts = zip(*(self._one(int(index), random, size) for index in drawn), strict=True)
        pictures = torch.from_numpy(np.stack([part[..., :3] for part in parts]))
        masks = torch.from_numpy(np.stack([part[..., 3] for part in parts])).float()[:, None] / 255
        fields = [
            torch.from_numpy(np.stack([getattr(prompt, name) for prompt in prompts])) for name in Prompt.__slots__
        ]
        return pictures, functional.avg_pool2d(masks, 2), *fields, torch.from_numpy(self.codes[drawn])

    def error(self, random: Generator) -> FloatArray:
        """By how much a box's four edges are off, as shares of its size."""
        kind = random.random()
        if kind < 0.35:
            return random.normal(0, 0.008, 4).astype(np.float32)
        if kind < 0.75:
            drawn = self.errors[random.integers(len(self.errors))]
            flipped = drawn if random.random() < 0.5 else -drawn[[2, 3, 0, 1]]
            return np.asarray(flipped + random.normal(0, 0.015, 4), np.float32)
        reach = 0.12 if kind < 0.93 else 0.35
        return random.uniform(-reach, reach, 4).astype(np.float32)

    def _one(self, index: int, random: Generator, size: int) -> tuple[ByteArray, Prompt]:
        scene, row = np.asarray(self.scenes[index]), self.rows[index]
        context = CONTEXT * float(np.exp(random.uniform(-0.3, 0.25)))
        about = erring(self.boxes[index], self.error(random), row.size)
        turn = turning(random, size, float(np.exp(random.uniform(-0.1, 0.1))), 0.03, 0.25)
        matrix = _after(seen_part(row, about, fed(size, context)), turn)
        part = cut(scene, matrix, size, mirrored=random.random() < 0.4 and not _touches_edge(scene))
        pictures = on_skin(np.ascontiguousarray(part[..., :3]), random)
        pictures = with_a_hole(pictures, random) if random.random() < 0.08 else pictures
        prompt = self._prompt(part[..., 3] > 127, random, size)
        return np.dstack([pictures, part[..., 3]]), prompt

    def _prompt(self, mask: np.ndarray, random: Generator, size: int) -> Prompt:
        tight = mask_box(mask) or Roi(0, 0, size, size)
        box = erring(tight, self.error(random), (size, size))
        points, labels = drawn_points(mask, random) if random.random() < 0.2 else no_points()
        return Prompt(np.array([[box.x0, box.y0, box.x1, box.y1]], np.float32), points, labels)


def _touches_edge(scene: ByteArray) -> bool:
    """Whether a lesion reaches so near the frame's edge that mirroring would show a second one."""
    mask, rim = scene[..., 3] > 0, scene.shape[0] // 8
    return bool(mask[:rim].any() or mask[-rim:].any() or mask[:, :rim].any() or mask[:, -rim:].any())


def _after(first: FloatArray, second: FloatArray) -> FloatArray:
    """One matrix that does the first and then the second."""
    return np.asarray(
        np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]]), np.float32
    )


def outline_loss(logits: Tensor, overlap: Tensor, masks: Tensor) -> Tensor:
    """Dice and cross-entropy of the masks, and how far the expected overlap is from the one reached."""
    chances = torch.sigmoid(logits)
    shared, both = (chances * masks).sum((1, 2, 3)), chances.sum((1, 2, 3)) + masks.sum((1, 2, 3))
    dice = 1 - (2 * shared + 10) / (both + 10)
    with torch.no_grad():
        lit, truth = logits > 0, masks > 0.5
        reached = (lit & truth).sum((1, 2, 3)) / (lit | truth).sum((1, 2, 3)).clamp(min=1)
    error = functional.mse_loss(overlap[:, 0], reached)
    return dice.mean() + functional.binary_cross_entropy_with_logits(logits, masks) + 0.3 * error


class Lesson:
    """What a batch costs: the outline, the code, or both."""

    def __init__(self, priors: Tensor, task: Task) -> None:
        """Take the frequencies with which codes are drawn, and what each loss weighs."""
        self.priors, self.task = priors, task

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy is of logits adjusted for the drawn frequencies (Menon et al. 2021): all codes count alike."""
        pictures, masks, box, points, labels, codes = batch
        logits, overlap, said = answered(network, normalised(pictures), box, points, labels)
        drawn = functional.cross_entropy(said + self.priors.log(), codes, label_smoothing=0.05)
        return self.task.outline * outline_loss(logits, overlap, masks) + self.task.code * drawn


class Judgement:
    """Dice behind the expert's and behind the detector's kind of box, and the codes, on the validation part."""

    def __init__(self, scenes: ByteArray, rows: Sequence[Row], errors: FloatArray, size: int) -> None:
        """Take evenly spaced rows; the detector's error of each row is its own."""
        chosen = np.linspace(0, len(rows) - 1, JUDGED).astype(int)
        self.rows, self.codes = [rows[i] for i in chosen], np.array([CODES.index(rows[i].code) for i in chosen])
        self.sets = {
            kind: self._inputs(scenes, chosen, errors if kind == "auto" else 0 * errors, size)
            for kind in ("tight", "auto")
        }

    def _inputs(self, scenes: ByteArray, chosen: np.ndarray, errors: FloatArray, size: int) -> tuple[Tensor, ...]:
        parts, boxes = [], []
        for row, index in zip(self.rows, chosen, strict=True):
            scene = np.asarray(scenes[index])
            box = erring(true_box(scene, row), errors[index], row.size)
            parts.append(cut(scene, seen_part(row, box, fed(size)), size))
            boxes.append(boxed(row, box, fed(size)))
        both = np.stack(parts)
        return (
            torch.from_numpy(both[..., :3].copy()),
            torch.from_numpy(both[..., 3] > 127),
            torch.from_numpy(np.stack(boxes)),
        )

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Figures of the averaged network."""
        figures: dict[str, float] = {}
        for kind, (pictures, masks, boxes) in self.sets.items():
            dice, logits = self._outlined(network, pictures, masks, boxes)
            figures[kind] = dice.mean().item()
            isic = dice[[row.folder == "isic2018" for row in self.rows]]
            figures |= {f"{kind}_isic": isic.mean().item()} if len(isic) else {}
            shares = torch.softmax(logits.double(), 1).numpy()
            summary = class_summary(shares, self.codes)
            figures |= {
                f"{kind}_{name}": cast("float", summary[name]) for name in ("balanced_accuracy", "auc_malignant")
            }
        return figures

    @staticmethod
    def _outlined(network: nn.Module, pictures: Tensor, masks: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        dices, codes = [], []
        for picture, mask, box in zip(pictures.split(20), masks.split(20), boxes.split(20), strict=True):
            points, labels = (torch.from_numpy(part).expand(len(box), *part.shape) for part in no_points())
            logits, _, said = network(normalised(picture), box, points, labels)
            lit = functional.interpolate(logits, scale_factor=2.0, mode="bilinear")[:, 0] > 0
            dices.append(2 * (lit & mask).sum((1, 2)) / (lit.sum((1, 2)) + mask.sum((1, 2))).clamp(min=1))
            codes.append(said)
        return torch.cat(dices).double(), torch.cat(codes)


def begin(network: Student, folder: Path, start: str) -> Student:
    """Start from another course: a student's whole, or a classifier's trunk."""
    path = folder / f"{start}.pt"
    if not path.exists():
        return network
    weights = averaged_weights(path)
    if any(name.startswith("decoder.") for name in weights):
        network.load_state_dict(weights)
        return network
    taught = cast("LesionClassifier", averaged(LesionClassifier(), path))
    network.encoder.trunk.load_state_dict(taught.trunk.state_dict())
    network.last.load_state_dict(taught.last.state_dict())
    return network


def main(
    folder: Annotated[Path, typer.Option(help="Where checkpoint, curve and cache lie, outside of the repository.")],
    minutes: Annotated[float, typer.Option(help="Length of the course.")] = 60.0,
    name: Annotated[str, typer.Option(help="Name of the course.")] = "student",
    start: Annotated[str, typer.Option(help="The course whose weights it begins with.")] = "classifier",
    seed: Annotated[int, typer.Option(help="Seeds weights, order and augmentation.")] = 0,
    task: Annotated[str, typer.Option(help="both, or the outline alone.")] = "both",
    sets: Annotated[str, typer.Option(help="Sets to learn from, with commas between; all by default.")] = "",
) -> None:
    """Train, or go on training, the student."""
    torch.set_num_threads(1)  # two threads wait for each other on a machine that others use too
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    known = {part: [row for row in read_rows(data_folder(), part) if row.code] for part in ("train", "validation")}
    rows = {part: of_sets(some, sets) for part, some in known.items()}
    scenes = {part: cached(some, whole_scene, folder / "cache") for part, some in rows.items()}
    chosen = [row in rows["validation"] for row in known["validation"]]
    errors = np.load(folder / "box-errors.npy")[chosen]
    how = TASKS[task]
    plan = Plan(minutes, how.sizes, how.rate, folder, name, seed, judge_every=8.0)
    judge = Judgement(scenes["validation"], rows["validation"], errors, plan.sizes[-1])
    drawn = Prompted(scenes["train"], rows["train"], errors)
    Course(begin(Student(), folder, start), plan).run(drawn.batch, Lesson(drawn.priors, how), judge)


if __name__ == "__main__":
    typer.run(main)
