"""A folder that is there with all its files or not at all. What is in the files means nothing here."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dermscan.errors import OutputError

PRIVATE = 0o700


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """Fill a hidden folder beside the target, and give it the target's name at the end, when all of it is on the disk.

    Args:
        target: The folder to make: one that does not exist, or is empty and no disk's own folder.

    Yields:
        The folder to write into; only its owner can look inside.

    Raises:
        OutputError: The target is not empty, or the disk cannot take what is written; nothing is left of it.
    """
    with _told(target):
        _require_fresh(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".dermscan-", dir=target.parent))
    try:
        with _told(target):
            yield stage
            _sync(stage)
            stage.rename(target)
            _sync_folder(target.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _require_fresh(target: Path) -> None:
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir()):
        raise OutputError(target=target, problem="it is there already and no folder")
    if not target.exists():
        return
    if any(target.iterdir()):
        raise OutputError(target=target, problem="it is not empty")
    if target.is_mount():
        raise OutputError(target=target, problem="it is a disk; name a new folder on it")


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(target=target, problem=error.strerror or "the disk fails") from None


def _sync(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
