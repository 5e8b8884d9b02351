"""Reads the labelled lesion images, splits them by lesion, and keeps them in memory-mapped arrays of one size.

A lesion is in one part only, whichever of its images is asked for: the part follows from a hash of its `lesion_id`.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from dermscan.analysis.preparation import resized, square_crop
from dermscan.domain import DiagnosisCode, RgbImage, Roi

Part: TypeAlias = Literal["train", "validation", "test"]
ByteArray: TypeAlias = NDArray[np.uint8]

CODES = tuple(code.value for code in DiagnosisCode)
DEFAULT_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"

HAM, ISIC, PAD = "HAM10000", "ISIC 2018 Task 1", "PAD-UFES-20"
SOURCES = {"ham224": HAM, "ham200": HAM, "isic2018": ISIC, "clinical300": PAD, "clinical": PAD}
"""The source of each set. ISIC 2018 Task 1 (CC-0 for most) and PAD-UFES-20 (CC BY 4.0) allow commercial use."""

FRAME_SIDE = 256
SCENE_SIDE = 320
CROP_SIDE = 288
CROP_CONTEXT = 2.4
"""Cached crops show this many longer sides of the lesion's box, so that augmentation can choose within them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled image of `lesions.csv`.

    Attributes:
        image_id: Its name.
        folder: The set it comes from.
        image: Path of the picture.
        mask: Path of the 1-bit mask, white on the lesion.
        code: One of the eight codes, empty when unknown.
        lesion_id: The lesion it shows.
        part: The part of the split that the lesion is in.
        size: (width, height) of the picture.
    """

    image_id: str
    folder: str
    image: Path
    mask: Path
    code: str
    lesion_id: str
    part: Part
    size: tuple[int, int]


def data_folder() -> Path:
    """The folder with `lesions.csv`: `$DERMSCAN_DATA`, or `../shared/data` beside the checkout."""
    return Path(os.environ.get("DERMSCAN_DATA", DEFAULT_DATA))


def part_of(lesion_id: str) -> Part:
    """70 % of the lesions train, 15 % tune thresholds and temperature, 15 % are only reported on."""
    share = int.from_bytes(hashlib.sha256(lesion_id.encode()).digest()[:8], "big") / 2**64
    if share < 0.70:
        return "train"
    return "validation" if share < 0.85 else "test"


def read_rows(folder: Path, part: Part | None = None) -> list[Row]:
    """Read `lesions.csv` in the file's order, one part of it or all."""
    with (folder / "lesions.csv").open(newline="", encoding="utf-8") as file:
        rows = [_row(folder, entry) for entry in csv.DictReader(file)]
    return [row for row in rows if part in (None, row.part)]


def named_sets(sets: str) -> tuple[str, ...]:
    """The sets that are named with commas between them; all where none is named.

    Raises:
        typer.BadParameter: There is no such set.
    """
    wanted = tuple(sets.split(",")) if sets else tuple(SOURCES)
    if unknown := sorted(set(wanted) - set(SOURCES)):
        message = f"there is no set {', '.join(unknown)}; there are {', '.join(SOURCES)}"
        raise typer.BadParameter(message)
    return wanted


def of_sets(rows: Sequence[Row], sets: str) -> list[Row]:
    """Those rows whose set is among `named_sets`."""
    wanted = named_sets(sets)
    return [row for row in rows if row.folder in wanted]


def _row(folder: Path, entry: dict[str, str]) -> Row:
    return Row(
        image_id=entry["image_id"],
        folder=entry["folder"],
        image=folder / entry["image"],
        mask=folder / entry["mask"],
        code=entry["dx"],
        lesion_id=entry["lesion_id"],
        part=part_of(entry["lesion_id"]),
        size=(int(entry["width"]), int(entry["height"])),
    )


def read_image(path: Path) -> RgbImage:
    """(height, width, 3) uint8 RGB."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(pixels[..., ::-1])


def read_mask(path: Path) -> NDArray[np.bool_]:
    """(height, width) bool, True on the lesion."""
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise FileNotFoundError(path)
    return pixels > 127


def mask_box(mask: NDArray[np.bool_]) -> Roi | None:
    """The tight box around a mask, None when it is empty."""
    if not mask.any():
        return None
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return Roi(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def whole_frame(row: Row) -> ByteArray:
    """(FRAME_SIDE, FRAME_SIDE, 4) uint8: the squeezed frame in RGB and its mask, 0 or 255."""
    mask = read_mask(row.mask).astype(np.uint8) * 255
    small = cv2.resize(mask, (FRAME_SIDE, FRAME_SIDE), interpolation=cv2.INTER_AREA)
    return np.dstack([resized(read_image(row.image), FRAME_SIDE, FRAME_SIDE), small])


def whole_scene(row: Row) -> ByteArray:
    """(SCENE_SIDE, SCENE_SIDE, 4) uint8: `whole_frame` in more pixels, from which a part of the frame can be cut."""
    mask = read_mask(row.mask).astype(np.uint8) * 255
    small = cv2.resize(mask, (SCENE_SIDE, SCENE_SIDE), interpolation=cv2.INTER_AREA)
    return np.dstack([resized(read_image(row.image), SCENE_SIDE, SCENE_SIDE), small])


def lesion_crop(row: Row) -> ByteArray:
    """(CROP_SIDE, CROP_SIDE, 3) uint8 RGB: the square around the lesion, `CROP_CONTEXT` times its longer side."""
    pixels, box = read_image(row.image), mask_box(read_mask(row.mask))
    if box is None:
        box = Roi(0, 0, pixels.shape[1], pixels.shape[0])
    return resized(centred_crop(pixels, box, CROP_CONTEXT), CROP_SIDE, CROP_SIDE)


def centred_crop(pixels: RgbImage, box: Roi, context: float) -> RgbImage:
    """The square around a box as `square_crop` gives it, but never moved: mirrored where it leaves the frame."""
    margin = round(context * max(box.width, box.height))
    framed = cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    return square_crop(framed, Roi(box.x0 + margin, box.y0 + margin, box.x1 + margin, box.y1 + margin), context)


def cached(rows: Sequence[Row], make: Callable[[Row], ByteArray], cache: Path) -> ByteArray:
    """One array of all rows' pictures, made once and memory-mapped afterwards.

    Args:
        rows: What to read, in this order.
        make: Gives one row's picture; all have the same shape. Its name is part of the file's name.
        cache: Folder for the arrays, outside of the repository.

    Returns:
        (rows, ...) uint8, read-only.
    """
    names = "\n".join(row.image_id for row in rows)
    key = hashlib.sha256(names.encode()).hexdigest()[:12]
    path = cache / f"{make.__name__}-{key}.npy"
    if not path.exists():
        _fill(rows, make, path)
    return np.load(path, mmap_mode="r")


def _fill(rows: Sequence[Row], make: Callable[[Row], ByteArray], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (len(rows), *make(rows[0]).shape)
    partial = path.with_suffix(".partial")
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    with ThreadPoolExecutor(2) as pool:
        pictures = track(pool.map(make, rows), total=len(rows), description=f"reading {make.__name__}")
        for index, picture in enumerate(pictures):
            array[index] = picture
    array.flush()
    partial.rename(path)
