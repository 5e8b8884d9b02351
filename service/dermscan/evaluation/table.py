"""The table of labelled pictures that an evaluation reads."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dermscan.domain import DiagnosisCode
from dermscan.errors import InputError

REQUIRED_COLUMNS = ("image_id", "image", "mask", "dx")


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One row of the table.

    Attributes:
        image_id: Name of the picture, also of the mask that is written for it.
        image: The picture's file.
        mask: The expert's mask, None when there is none.
        dx: The diagnosis, None when there is none.
        source: Where the picture comes from, empty when the table does not say.
    """

    image_id: str
    image: Path
    mask: Path | None
    dx: DiagnosisCode | None
    source: str


@dataclass(frozen=True, slots=True)
class LabelledTable:
    """A table that was gone through once and found usable; its rows stay on the disk.

    Attributes:
        path: The CSV file; pictures and masks are relative to its folder.
        count: How many rows are judged.
        rows: How many rows there are.
        sha256: Of the file's bytes, hexadecimal.
    """

    path: Path
    count: int
    rows: int
    sha256: str

    def images(self) -> Iterator[LabelledImage]:
        """The rows that are judged, in their order, at even distances over the whole table.

        Raises:
            InputError: The table cannot be read any more, or has changed and is not usable.
        """
        wanted = (index * self.rows // self.count for index in range(self.count))
        following = next(wanted)
        for index, image in enumerate(_read(self.path)):
            if index == following:
                yield image
                following = next(wanted, self.rows)


def open_table(path: Path, limit: int | None = None) -> LabelledTable:
    """Go through a table of labelled pictures once, so that a bad row is told before the work begins.

    Args:
        path: CSV with the columns `image_id, image, mask, dx` and any others; files are relative to it.
        limit: Greatest number of rows that are judged.

    Raises:
        InputError: The table cannot be read, lacks a column, has no row, or a row is not usable.
    """
    path = path.absolute()
    rows = sum(1 for _ in _read(path))
    if not rows:
        raise InputError(source=path, problem="it has no rows")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return LabelledTable(path, min(rows, limit or rows), rows, digest)


def _read(path: Path) -> Iterator[LabelledImage]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            _require_columns(path, reader.fieldnames or ())
            for number, row in enumerate(reader, start=2):
                yield _labelled(path, number, row)
    except OSError as error:
        raise InputError(source=path, problem=error.strerror) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(source=path, problem="it is no CSV table in UTF-8") from None


def _require_columns(path: Path, found: Sequence[str]) -> None:
    missing = [column for column in REQUIRED_COLUMNS if column not in found]
    if missing:
        raise InputError(source=path, problem=f"it lacks the column {missing[0]}")


def _labelled(path: Path, number: int, row: dict[str, str | None]) -> LabelledImage:
    image_id, image, mask, dx = (row[column] or "" for column in REQUIRED_COLUMNS)
    if not image_id or not image or Path(image_id).name != image_id:
        raise InputError(source=path, problem=f"line {number} has no image, or an image_id that is no plain name")
    try:
        code = DiagnosisCode(dx) if dx else None
    except ValueError:
        raise InputError(source=path, problem=f"line {number} has a dx that is none of the eight codes") from None
    folder = path.parent
    return LabelledImage(image_id, folder / image, folder / mask if mask else None, code, row.get("source") or "")
