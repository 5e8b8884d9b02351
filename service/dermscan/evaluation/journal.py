"""What an evaluation has done so far, so that it can go on after it was ended; it holds figures, never pictures.

A text file. Its first line says what is evaluated; each further line is a chunk: a checksum, the chunk's number, the
figures as JSON. Chunks stand in the order in which they were ready. A last line that was cut off is taken away when the
journal is opened again; any other damage is refused.
"""

import fcntl
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from dermscan.errors import InputError, OutputError
from dermscan.evaluation.chunks import FIGURES
from dermscan.evaluation.figures import Figures

_NOT_YET = -1
LONGEST_NUMBER = 12
"""Digits of a chunk's number."""


class Journal:
    """The chunks that are judged, on the disk; in memory a chunk is one number."""

    def __init__(self, path: Path, writer: FileIO, chunks: int) -> None:
        """Begin with no chunk; `open_journal` takes up those that are there."""
        self._path, self._writer = path, writer
        self._places = array("q", [_NOT_YET]) * chunks

    def __contains__(self, number: object) -> bool:
        """Whether a chunk is judged."""
        return isinstance(number, int) and self._places[number] != _NOT_YET

    def append(self, number: int, figures: str) -> None:
        """File a chunk.

        Args:
            number: Its place among the chunks.
            figures: JSON of `FIGURES`.

        Raises:
            OutputError: The disk is full or does not take it.
        """
        self._places[number] = self.write(f"{number} {figures}")

    def write(self, text: str) -> int:
        """Write a line at the end; the place where it begins."""
        place = os.fstat(self._writer.fileno()).st_size
        line = _line(text)
        try:
            while line:
                line = line[self._writer.write(line) :]
        except OSError as error:
            raise OutputError(target=self._path, problem=error.strerror) from None
        return place

    def take_up(self, number: str, place: int) -> None:
        """Take a chunk that was filed before.

        Raises:
            InputError: There is no such chunk, or it is there twice.
        """
        index = int(number) if number.isdecimal() and len(number) <= LONGEST_NUMBER else len(self._places)
        if index >= len(self._places) or index in self:
            raise damaged(self._path, "a chunk is there twice or does not belong to it")
        self._places[index] = place

    def figures(self) -> Iterator[Figures]:
        """The figures of all pictures in the table's order, read from the disk chunk by chunk.

        Raises:
            InputError: The journal was damaged meanwhile.
        """
        with self._path.open("rb") as stream:
            for number, place in enumerate(self._places):
                stream.seek(place)
                text = _text(stream.readline())
                if text is None or not text.startswith(f"{number} "):
                    raise damaged(self._path, f"chunk {number} has changed")
                yield from self._parsed(text.partition(" ")[2])

    def _parsed(self, text: str) -> tuple[Figures, ...]:
        try:
            return FIGURES.validate_json(text)
        except ValidationError:
            raise damaged(self._path, "its figures are not those of this version") from None


@contextmanager
def open_journal(path: Path, subject: str, chunks: int) -> Iterator[Journal]:
    """Begin a journal, or go on with the one that is there; nobody else writes it meanwhile.

    Args:
        path: Where it lies.
        subject: What is evaluated and how, on one line. A journal of something else is refused.
        chunks: How many chunks there are.

    Raises:
        InputError: The journal is damaged, or of another evaluation.
        OutputError: It cannot be written, or another evaluation is writing it.
    """
    try:
        writer = path.open("ab", buffering=0)
    except OSError as error:
        raise OutputError(target=path, problem=error.strerror) from None
    with writer:
        try:
            fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(target=path, problem="another evaluation is writing it") from None
        journal = Journal(path, writer, chunks)
        with path.open("rb") as reader:
            writer.truncate(_take_up(journal, path, reader, subject))
        yield journal


def _take_up(journal: Journal, path: Path, reader: BinaryIO, subject: str) -> int:
    """Read what is there, line by line; the place behind the last whole line."""
    first = reader.readline()
    if not first:
        journal.write(subject)
        return len(_line(subject))
    _require_subject(path, _text(first), subject)
    place = reader.tell()
    while (line := reader.readline()).endswith(b"\n"):
        text = _text(line)
        if text is None:
            raise damaged(path, "a line does not agree with its checksum")
        journal.take_up(text.partition(" ")[0], place)
        place += len(line)
    return place


def _require_subject(path: Path, begun: str | None, subject: str) -> None:
    if begun is None:
        raise damaged(path, "its first line is not that of a journal")
    if begun != subject:
        problem = "it was begun with another bundle, table or setting; delete this journal, or name another --out"
        raise InputError(source=path, problem=problem)


def damaged(path: Path, how: str) -> InputError:
    """The error of a journal that cannot be relied on."""
    return InputError(source=path, problem=f"{how}; delete this journal to begin anew")


def _line(text: str) -> bytes:
    content = text.encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _text(line: bytes) -> str | None:
    """What a line says; None when it is not whole."""
    checksum, _, content = line.removesuffix(b"\n").partition(b" ")
    return (
        content.decode(errors="replace") if line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(content) else None
    )
