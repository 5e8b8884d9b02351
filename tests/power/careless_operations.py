"""What a careless program would do, so that the harness has something to find; and the careful way beside each."""

import os
from collections.abc import Callable
from pathlib import Path

from power.cutting import AFTER, BEFORE, Operation
from power.recording import mark_begin

OLD, NEW = b"o" * 3000, b"n" * 3000


def prepare(folder: Path) -> None:
    """One file with the old content."""
    (folder / "file").write_bytes(OLD)


def examine(folder: Path) -> str:
    """The file must have the old content or the new, whole."""
    content = (folder / "file").read_bytes()
    if content not in {OLD, NEW}:
        message = "the file is torn"
        raise AssertionError(message)
    return AFTER if content == NEW else BEFORE


def write(place: Path, *, sync: bool) -> None:
    """Write the new content, through to the disk or not."""
    with place.open("wb") as file:
        file.write(NEW)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Write the folder through to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def in_place(folder: Path) -> None:
    """Write over the old content."""
    write(folder / "file", sync=True)


def replaced_unsynced(folder: Path) -> None:
    """Rename a file that was not synced."""
    write(folder / "new", sync=False)
    (folder / "new").replace(folder / "file")
    sync_folder(folder)


def replaced_unfinished(folder: Path) -> None:
    """Rename a synced file, and say that it is done before the folder was synced."""
    write(folder / "new", sync=True)
    (folder / "new").replace(folder / "file")


def replaced(folder: Path) -> None:
    """The careful way."""
    replaced_unfinished(folder)
    sync_folder(folder)


def _operation(run: Callable[[Path], None]) -> Operation:
    def marked(folder: Path) -> None:
        mark_begin(folder)
        run(folder)

    return Operation(run.__name__, prepare, marked, examine, Path(__file__))


OPERATIONS = {run.__name__: _operation(run) for run in (in_place, replaced_unsynced, replaced_unfinished, replaced)}
