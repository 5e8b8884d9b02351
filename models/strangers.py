"""Pictures that are no lesion, to teach the classifier where it must not answer, and to judge that: two sets apart.

They come out of scikit-image, scikit-learn and matplotlib (faces, writing, objects, surfaces), of drawing (blank
frames, text, rendered skin) and of labelled pictures (bare skin, blur beyond recognition). Wounds and other parts of
the body are not among them: no package has such pictures.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, cast

import cv2
import matplotlib as mpl
import numpy as np
import skimage
import sklearn
from numpy.random import Generator

from augment import moved, relit, turning
from data import ByteArray, Row, read_image, whole_frame
from skin import bare_patch, nothing, rendered_skin

SIDE = 256
SETS = ("train", "test")
WORDS = ("Derm-Scan", "2 cm", "Please hold still", "ID 0000", "left forearm", "0123456789", "Sample")
PHOTOGRAPHS = {
    "face": ("astronaut.png", "grace_hopper.jpg"),
    "writing": ("page.png", "text.png"),
    "surface": ("brick.png", "grass.png", "gravel.png", "moon.png", "coins.png"),
    "object": ("chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "camera.png", "hubble_deep_field.jpg"),
    "other_medical": ("retina.jpg", "ihc.png", "cell.png", "microaneurysms.png"),
}
"""Packaged photographs by kind; the first half of each kind is learnt from, the others judge."""


def strangers(part: Literal["train", "test"], rows: Sequence[Row], count: int = 60) -> dict[str, list[ByteArray]]:
    """About `count` frames of each kind, (SIDE, SIDE, 3) uint8 RGB.

    Args:
        part: Which of the two sets.
        rows: Labelled rows of the same part, for bare skin and blur.
        count: Frames of a kind.
    """
    random = np.random.default_rng((11, SETS.index(part)))
    frames = {kind: _views(_half(names, part), random, count) for kind, names in PHOTOGRAPHS.items()}
    frames["face"] += _small_faces(part, count)
    frames["blank"] = [nothing(random, SIDE) for _ in range(count)]
    frames["drawn_text"] = [_text(random) for _ in range(count)]
    frames["rendered_skin"] = [rendered_skin(random, SIDE) for _ in range(count)]
    return frames | _of_rows(rows, random, count)


def _half(names: Sequence[str], part: str) -> list[str]:
    middle = (len(names) + 1) // 2
    return list(names[:middle] if part == "train" else names[middle:])


def _views(names: Sequence[str], random: Generator, count: int) -> list[ByteArray]:
    """Random parts of some photographs, turned and lit anew."""
    sources = [_photograph(name) for name in names]
    return [_view(sources[int(random.integers(len(sources)))], random) for _ in range(count)]


def _view(source: ByteArray, random: Generator) -> ByteArray:
    side = int(min(source.shape[:2]) * random.uniform(0.4, 1.0))
    y, x = (int(random.integers(0, length - side + 1)) for length in source.shape[:2])
    part = cast("ByteArray", cv2.resize(source[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return relit(moved(part, turning(random, SIDE, 1.0, 0.05, 0.2)), random, 0.7)


def _photograph(name: str) -> ByteArray:
    folders = (
        Path(skimage.__file__).parent / "data",
        Path(sklearn.__file__).parent / "datasets" / "images",
        Path(mpl.get_data_path()) / "sample_data",
    )
    return read_image(next(folder / name for folder in folders if (folder / name).exists()))


def _small_faces(part: str, count: int) -> list[ByteArray]:
    """Faces of 25 x 25 pixels that scikit-image trains its detector's example on, enlarged."""
    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")[:100]
    chosen = faces[:50] if part == "train" else faces[50:]
    grey = [(np.clip(face, 0, 1) * 255).astype(np.uint8) for face in chosen[:count]]
    return [np.dstack([cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)] * 3) for face in grey]


def _text(random: Generator) -> ByteArray:
    paper, ink = random.integers(150, 256, 3), random.integers(0, 90, 3)
    page = np.full((SIDE, SIDE, 3), paper, np.uint8)
    for line in range(int(random.integers(1, 6))):
        word, size = WORDS[int(random.integers(len(WORDS)))], float(random.uniform(0.5, 2.0))
        at = (int(random.integers(-20, 60)), 40 + 45 * line)
        cv2.putText(page, word, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink.tolist(), 2, cv2.LINE_AA)
    return moved(page, turning(random, SIDE, 1.0, 0.05, 0.1))


def _of_rows(rows: Sequence[Row], random: Generator, count: int) -> dict[str, list[ByteArray]]:
    chosen = [rows[index] for index in np.linspace(0, len(rows) - 1, 3 * count).astype(int)]
    frames = [whole_frame(row) for row in chosen]
    bare = [patch for frame in frames if (patch := bare_patch(frame, random)) is not None]
    return {"bare_skin": bare[:count], "blurred": list(_blurred(frames[:count], random))}


def _blurred(frames: Sequence[ByteArray], random: Generator) -> Iterator[ByteArray]:
    for frame in frames:
        yield cast("ByteArray", cv2.GaussianBlur(frame[..., :3], (0, 0), random.uniform(0.1, 0.2) * SIDE))
