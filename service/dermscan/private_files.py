"""New files that only their owner can read, from the first byte on. It overwrites nothing and follows no link."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dermscan.errors import OutputError

MODE = 0o600


@contextmanager
def new_private_file(path: Path, taken: str = "there is a file already") -> Iterator[BinaryIO]:
    """A file that was not there; when the block is left it is on the disk, and when the block fails it is gone again.

    Args:
        path: Where; its folder must be there.
        taken: What to say where something is there already, which stays as it is.

    Raises:
        OutputError: Something is there already, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    except FileExistsError:
        raise OutputError(target=path, problem=taken) from None
    except OSError as error:
        raise OutputError(target=path, problem=error.strerror) from None
    with ExitStack() as unless_whole:
        unless_whole.callback(_remove, path)
        with _told(path):
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            _sync_folder(path.parent)
        unless_whole.pop_all()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(target=path, problem=error.strerror) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
