"""Trains the classifier of the eight codes on crops around the lesion.

python models/train_classifier.py --folder BUILD --minutes 60
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

from augment import moved, on_skin, turning, with_a_hole
from data import CODES, CROP_CONTEXT, ByteArray, Part, Row, cached, data_folder, lesion_crop, of_sets, read_rows
from dermscan.evaluation.classes import class_summary
from networks import LesionClassifier, normalised
from strangers import strangers
from student import classifier_weights
from training import Batch, Course, Plan, answered, averaged_weights

BATCH = 24
CONTEXT = 1.6
"""Side of the crop in longer sides of the lesion's box, at run time; training varies it."""
STRANGE = 3
"""Pictures of a batch that are no lesion."""
FAMILIAR, UNFAMILIAR = -4.0, -2.1
"""Free energy that a lesion shall stay below and a stranger above; eight logits of nought have -2.08."""
FLATTENING = 0.5
"""Codes are drawn with their frequency to this power: 1 as they come, 0 all alike. The loss corrects for the rest."""


def adjusting(drawn: np.ndarray) -> np.ndarray:
    """The frequencies by which logits are adjusted. A code that is not there at all is left alone, and so unlearned."""
    return np.where(drawn > 0, drawn, 1.0)


class Crops:
    """Draws lesions, the rare codes more often than they come, seen in new ways."""

    def __init__(self, crops: ByteArray, rows: Sequence[Row], others: ByteArray) -> None:
        """Take the cached crops, their rows, and pictures that are no lesion."""
        self.others = others
        self.crops, self.codes = crops, np.array([CODES.index(row.code) for row in rows])
        counts = np.bincount(self.codes, minlength=len(CODES))
        views = _views(rows)
        weights = counts[self.codes] ** (FLATTENING - 1.0) / views
        self.odds = weights / weights.sum()
        self.priors = adjusting(np.bincount(self.codes, weights=self.odds, minlength=len(CODES)))

    def batch(self, random: Generator, size: int) -> Batch:
        """(n, size, size, 3) uint8 pictures and (n,) codes, -1 for the last `STRANGE`, which are no lesion."""
        drawn = random.choice(len(self.odds), BATCH - STRANGE, p=self.odds)
        pictures = [seen(np.array(self.crops[index]), random, size) for index in drawn]
        pictures += [self._stranger(random, size) for _ in range(STRANGE)]
        return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.append(self.codes[drawn], [-1] * STRANGE))

    def _stranger(self, random: Generator, size: int) -> ByteArray:
        picture = np.array(self.others[random.integers(len(self.others))])
        turned = moved(picture, turning(random, picture.shape[0], float(random.uniform(1.0, 1.6)), 0.1, 0.2))
        return cast("ByteArray", cv2.resize(turned, (size, size), interpolation=cv2.INTER_AREA))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of logits adjusted for the drawn frequencies (Menon et al. 2021): all codes count alike.

        The free energy is held low on lesions and high on strangers (Liu et al. 2020), so that it tells them apart.
        """
        pictures, codes = batch
        (logits,) = answered(network, normalised(pictures))
        lesion, energy = codes >= 0, -torch.logsumexp(logits, 1)
        adjusted = logits[lesion] + torch.from_numpy(np.log(self.priors)).float()
        apart = functional.relu(energy[lesion] - FAMILIAR).square().mean()
        apart = apart + functional.relu(UNFAMILIAR - energy[~lesion]).square().mean()
        return functional.cross_entropy(adjusted, codes[lesion], label_smoothing=0.05) + 0.1 * apart


def _views(rows: Sequence[Row]) -> np.ndarray:
    """How many images each row's lesion has, to the power of a half."""
    names, inverse, counts = np.unique([row.lesion_id for row in rows], return_inverse=True, return_counts=True)
    return cast("np.ndarray", np.sqrt(counts[inverse])) if len(names) else np.ones(len(rows))


def seen(crop: ByteArray, random: Generator, size: int) -> ByteArray:
    """One new view of a cached crop, (size, size, 3)."""
    context = CONTEXT * np.exp(random.uniform(-0.22, 0.3))
    turned = moved(crop, turning(random, crop.shape[0], CROP_CONTEXT / context, 0.06, 0.25))
    small = cast("ByteArray", cv2.resize(turned, (size, size), interpolation=cv2.INTER_AREA))
    small = on_skin(small, random)
    return with_a_hole(small, random) if random.random() < 0.25 else small


def plain(crop: ByteArray, size: int) -> ByteArray:
    """The view that run time takes: the middle of the cached crop, upright."""
    side = crop.shape[0]
    cut = round(side * (1 - CONTEXT / CROP_CONTEXT) / 2)
    middle = np.ascontiguousarray(crop[cut : side - cut, cut : side - cut])
    return cast("ByteArray", cv2.resize(middle, (size, size), interpolation=cv2.INTER_AREA))


@torch.no_grad()
def logits_of(network: nn.Module, crops: ByteArray, size: int) -> np.ndarray:
    """(n, 8) logits of plain views."""
    parts = []
    for begin in range(0, len(crops), 32):
        pictures = np.stack([plain(np.array(crop), size) for crop in crops[begin : begin + 32]])
        parts.append(network(normalised(torch.from_numpy(pictures))).numpy())
    return np.concatenate(parts)


class Judgement:
    """Balanced accuracy and malignancy on evenly spaced rows of the validation part."""

    def __init__(self, crops: ByteArray, rows: Sequence[Row], size: int, judged: int = 500) -> None:
        """Choose the rows."""
        chosen = np.linspace(0, len(rows) - 1, judged).astype(int)
        self.crops, self.size = np.stack([crops[index] for index in chosen]), size
        self.codes = np.array([CODES.index(rows[index].code) for index in chosen])

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Figures of the averaged network."""
        logits = logits_of(network, self.crops, self.size).astype(np.float64)
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        summary = class_summary(chances / chances.sum(axis=1, keepdims=True), self.codes)
        return {name: cast("float", summary[name]) for name in ("balanced_accuracy", "auc_malignant")}


def labelled(part: Part, cache: Path, sets: str = "") -> tuple[ByteArray, list[Row]]:
    """The cached crops of one part and their rows, those without a code left out."""
    rows = [row for row in of_sets(read_rows(data_folder(), part), sets) if row.code]
    return cached(rows, lesion_crop, cache), rows


def main(
    folder: Annotated[Path, typer.Option(help="Where checkpoint, curve and cache lie, outside of the repository.")],
    minutes: Annotated[float, typer.Option(help="Length of the course.")] = 60.0,
    name: Annotated[str, typer.Option(help="Name of the course.")] = "classifier",
    seed: Annotated[int, typer.Option(help="Seeds weights, order and augmentation.")] = 0,
    start: Annotated[str, typer.Option(help="A course, whichever, whose weights it begins with.")] = "",
    sets: Annotated[str, typer.Option(help="Sets to learn from, with commas between; all by default.")] = "",
    trunk: Annotated[str, typer.Option(help="Size of the network: lite0, lite1 or lite2.")] = "lite0",
) -> None:
    """Train, or go on training, the classifier."""
    torch.set_num_threads(1)  # two threads wait for each other on a machine that others use too
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    others = np.concatenate([np.stack(some) for some in strangers("train", read_rows(data_folder(), "train")).values()])
    crops = Crops(*labelled("train", folder / "cache", sets), others)
    sizes, rate = ((192, 224), 5e-4) if start else ((128, 160, 192, 192), 1e-3)
    plan = Plan(minutes, sizes, rate, folder, name, seed, judge_every=8.0)
    judge = Judgement(*labelled("validation", folder / "cache", sets), plan.sizes[-1])
    network = LesionClassifier(trunk=trunk)
    if start:
        network.load_state_dict(classifier_weights(averaged_weights(folder / f"{start}.pt")))
    Course(network, plan).run(crops.batch, crops.loss, judge)


if __name__ == "__main__":
    typer.run(main)
