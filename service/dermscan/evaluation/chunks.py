"""A share of an evaluation that one process judges by itself: what it is told, and what it says. It files nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import cv2
from pydantic import TypeAdapter

from dermscan import __version__
from dermscan.analysis.accelerating import load_proven_models
from dermscan.analysis.runtime import Models
from dermscan.bundle.loading import load_bundle
from dermscan.errors import WorkersUnfit
from dermscan.evaluation.figures import Figures
from dermscan.evaluation.judging import judge_image
from dermscan.evaluation.report import mask_picture
from dermscan.evaluation.table import LabelledImage
from dermscan.settings import ModelSettings, QualitySettings

CHUNK = 8
"""Pictures that are judged at a stretch: about a second of work, so that little is lost with a process that ends."""

FIGURES = TypeAdapter(tuple[Figures, ...])


@dataclass(frozen=True, slots=True)
class Orders:
    """How the pictures of one evaluation are judged, wherever that happens.

    Attributes:
        bundle: Folder of the bundle.
        manifest_hash: The bundle that must lie there.
        models: How its networks are run.
        quality: The quality gate's limits.
        masks: Whether the masks are wanted.
        version: The software that gave the orders.
    """

    bundle: Path
    manifest_hash: str
    models: ModelSettings
    quality: QualitySettings
    masks: bool
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Chunk:
    """Pictures that follow each other in the table.

    Attributes:
        number: Its place among the chunks, from 0.
        images: Rows of the table.
    """

    number: int
    images: tuple[LabelledImage, ...]


@dataclass(frozen=True, slots=True)
class JudgedChunk:
    """What came of a chunk.

    Attributes:
        number: Its place among the chunks.
        count: How many pictures it holds.
        figures: JSON of `FIGURES`, one entry a picture.
        masks: image_id and PNG of each automatic mask; empty unless they were wanted.
    """

    number: int
    count: int
    figures: str
    masks: tuple[tuple[str, bytes], ...]


Judge: TypeAlias = Callable[[Iterable[Chunk]], Iterator[JudgedChunk]]
"""Judges chunks and hands them back in whatever order they are ready, without holding many of either."""


def chunked(images: Iterable[LabelledImage], size: int = CHUNK) -> Iterator[Chunk]:
    """Cut the rows of a table into chunks."""
    rows = iter(images)
    number = 0
    while taken := tuple(islice(rows, size)):
        yield Chunk(number, taken)
        number += 1


def judge_chunk(orders: Orders, chunk: Chunk) -> JudgedChunk:
    """Judge the pictures of a chunk; the networks are opened once a process.

    Raises:
        InputError: A picture or its mask cannot be read, or they differ in size.
        WorkersUnfit: Here is another version of the software, or another bundle in the folder of the orders.
        BundleError: The bundle cannot be used here.
        AnalysisFailed: A network could not be run on a picture.
    """
    models = _models(orders)
    figures: list[Figures] = []
    masks: list[tuple[str, bytes]] = []
    for image in chunk.images:
        judgement = judge_image(image, models, orders.quality)
        figures.append(Figures.of(judgement))
        if orders.masks:
            masks.append((image.image_id, mask_picture(judgement)))
    return JudgedChunk(chunk.number, len(figures), FIGURES.dump_json(tuple(figures)).decode(), tuple(masks))


@lru_cache(maxsize=1)
def _models(orders: Orders) -> Models:
    if orders.version != __version__:
        raise WorkersUnfit(problem=f"the orders are of version {orders.version}, and here is {__version__}")
    bundle = load_bundle(orders.bundle)
    if bundle.manifest_hash != orders.manifest_hash:
        raise WorkersUnfit(problem=f"another bundle lies in {orders.bundle} here")
    cv2.setNumThreads(orders.models.threads)
    return load_proven_models(bundle, orders.models).models
