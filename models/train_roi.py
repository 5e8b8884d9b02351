"""Trains the detector of the region of interest: a heat map of lesion probability over the whole frame.

python models/train_roi.py --folder BUILD --minutes 25
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast

import cv2
import numpy as np
import torch
import typer
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from augment import moved, on_skin, turning
from data import ByteArray, Row, cached, data_folder, of_sets, read_rows, whole_frame
from networks import RegionDetector, normalised
from phantoms import phantom_frames
from skin import bare_patch, cloud, healed, nothing, rendered_lesion, rendered_skin
from training import Batch, Course, Plan, answered, averaged_weights

BATCH = 24
WEIGHTS = {"ham224": 1.0, "ham200": 0.7, "isic2018": 3.0, "clinical300": 6.0, "clinical": 6.0}
"""How often a set is drawn, an image: the more the nearer its frames are to those of a device."""
JUDGED = 300
PHANTOMS = 240


class Frames:
    """Draws pictures with masks: labelled frames seen in new ways, frames without a lesion, rendered ones."""

    def __init__(self, frames: ByteArray, rows: Sequence[Row], phantoms: ByteArray) -> None:
        """Take the cached frames, their rows, and frames of the phantom."""
        self.phantoms = phantoms
        weights = np.array([WEIGHTS[row.folder] for row in rows])
        self.frames, self.odds = frames, weights / weights.sum()

    def batch(self, random: Generator, size: int) -> Batch:
        """(n, size, size, 3) uint8 pictures and (n, 1, size, size) float masks."""
        drawn = [self._one(random, size) for _ in range(BATCH)]
        pictures = torch.from_numpy(np.stack([picture for picture, _ in drawn]))
        masks = torch.from_numpy(np.stack([mask for _, mask in drawn])).float() / 255
        return pictures, masks[:, None]

    def _one(self, random: Generator, size: int) -> tuple[ByteArray, ByteArray]:
        picture, mask = self._scene(random)
        return on_skin(_scaled(picture, size), random), _scaled(mask, size)

    def _scene(self, random: Generator) -> tuple[ByteArray, ByteArray]:
        frame = np.array(self.frames[random.choice(len(self.odds), p=self.odds)])
        kind = random.random()
        if kind < 0.80:
            return self._positive(frame, random)
        if kind < 0.84:
            phantom = np.array(self.phantoms[random.integers(len(self.phantoms))])
            matrix = turning(random, frame.shape[0], float(random.uniform(0.8, 1.3)), 0.08, 0.1)
            return moved(phantom[..., :3], matrix), moved(phantom[..., 3], matrix)
        if kind < 0.88:
            return rendered_lesion(random, frame.shape[0])
        picture = self._negative(frame, random)
        return picture, np.zeros(picture.shape[:2], np.uint8)

    @staticmethod
    def _positive(frame: ByteArray, random: Generator) -> tuple[ByteArray, ByteArray]:
        side, kind = frame.shape[0], random.random()
        if kind < 0.5:
            scale, shift = np.exp(random.uniform(-0.15, 0.2)), 0.06
        elif kind < 0.72:
            scale, shift = random.uniform(1.2, 2.4), 0.25
        else:
            scale, shift = random.uniform(0.3, 0.85), 0.2
        matrix = turning(random, side, float(scale), shift, 0.35)
        if scale < 0.6 or (scale < 0.85 and random.random() < 0.5):
            return _on_canvas(frame, matrix, random)
        return moved(frame[..., :3], matrix), moved(frame[..., 3], matrix)

    @staticmethod
    def _negative(frame: ByteArray, random: Generator) -> ByteArray:
        side, kind = frame.shape[0], random.random()
        if kind < 0.15:
            return nothing(random, side)
        if kind < 0.35:
            return rendered_skin(random, side)
        patch = bare_patch(frame, random) if kind < 0.75 else None
        if patch is not None:
            return moved(patch, turning(random, side, 1.0, 0.1, 0.3))
        if (frame[..., 3] > 0).mean() < 0.25:
            return healed(frame)
        return rendered_skin(random, side)


def _scaled(picture: ByteArray, size: int) -> ByteArray:
    return cast("ByteArray", cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))


def _on_canvas(frame: ByteArray, matrix: np.ndarray, random: Generator) -> tuple[ByteArray, ByteArray]:
    """The frame, shrunk, on a canvas of its own skin's colour, its edges faded."""
    side = frame.shape[0]
    bare = frame[frame[..., 3] == 0][:, :3]
    tone = np.median(bare, axis=0) if len(bare) else np.array([200.0, 160.0, 140.0])
    canvas = tone + random.uniform(0, 8) * cloud(random, side, 0.15)[..., None]
    window = np.zeros((side, side), np.float32)
    window[6:-6, 6:-6] = 1
    window = cv2.GaussianBlur(window, (0, 0), random.uniform(1, 6))
    seen = moved(window, matrix, mirrored=False)[..., None]
    shrunk = moved(frame[..., :3], matrix, mirrored=False)
    mask = moved(frame[..., 3], matrix, mirrored=False)
    return np.clip(shrunk * seen + canvas * (1 - seen), 0, 255).astype(np.uint8), mask


def overlap_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice and cross-entropy, half and half; an empty frame is judged by cross-entropy and by what it lights up."""
    chances = torch.sigmoid(logits)
    shared = (chances * masks).sum((1, 2, 3))
    both = chances.sum((1, 2, 3)) + masks.sum((1, 2, 3))
    dice = (2 * shared + 20) / (both + 20)
    return 0.5 * (1 - dice).mean() + 0.5 * functional.binary_cross_entropy_with_logits(logits, masks)


def heat_loss(network: nn.Module, batch: Batch) -> Tensor:
    """`overlap_loss` of what the network says about a batch."""
    pictures, masks = batch
    return overlap_loss(answered(network, normalised(pictures))[0], masks)


class Judgement:
    """Dice of the raw heat map on some frames of the validation part."""

    def __init__(self, frames: ByteArray, rows: Sequence[Row], size: int) -> None:
        """Take evenly spaced frames."""
        chosen = np.linspace(0, len(rows) - 1, JUDGED).astype(int)
        self.rows = [rows[index] for index in chosen]
        frames = np.stack([_scaled(np.array(frames[index]), size) for index in chosen])
        self.pictures, self.masks = torch.from_numpy(frames[..., :3].copy()), torch.from_numpy(frames[..., 3] > 127)

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Mean Dice, over all and by set."""
        parts = [network(normalised(part))[:, 0] > 0 for part in self.pictures.split(25)]
        lit = torch.cat(parts)
        shared = (lit & self.masks).sum((1, 2)).double()
        dice = 2 * shared / (lit.sum((1, 2)) + self.masks.sum((1, 2))).clamp(min=1)
        figures = {"dice": dice.mean().item()}
        for folder in ("ham224", "isic2018", "clinical300"):
            here = dice[[row.folder == folder for row in self.rows]]
            figures |= {f"dice_{folder}": here.mean().item()} if len(here) else {}
        return figures


def main(
    folder: Annotated[Path, typer.Option(help="Where checkpoint, curve and cache lie, outside of the repository.")],
    minutes: Annotated[float, typer.Option(help="Length of the course.")] = 25.0,
    name: Annotated[str, typer.Option(help="Name of the course.")] = "roi",
    seed: Annotated[int, typer.Option(help="Seeds weights, order and augmentation.")] = 0,
    start: Annotated[str, typer.Option(help="A detector's course whose weights it begins with.")] = "",
    sets: Annotated[str, typer.Option(help="Sets to learn from, with commas between; all by default.")] = "",
) -> None:
    """Train, or go on training, the detector."""
    torch.set_num_threads(1)  # two threads wait for each other on a machine that others use too
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    parts = {part: of_sets(read_rows(data_folder(), part), sets) for part in ("train", "validation")}
    frames = {part: cached(rows, whole_frame, folder / "cache") for part, rows in parts.items()}
    sizes, rate = ((160, 192), 7e-4) if start else ((128, 160, 192), 2e-3)
    plan = Plan(minutes, sizes, rate, folder, name, seed, judge_every=4.0)
    judge = Judgement(frames["validation"], parts["validation"], plan.sizes[-1])
    drawn = Frames(frames["train"], parts["train"], phantom_frames(PHANTOMS, folder / "cache"))
    network = RegionDetector()
    if start:
        network.load_state_dict(averaged_weights(folder / f"{start}.pt"))
    Course(network, plan).run(drawn.batch, heat_loss, judge)


if __name__ == "__main__":
    typer.run(main)
