"""Small files of the console's own state, replaced at one stroke. What is in them means nothing here."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dermscan.errors import InputError, OutputError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
LARGEST_BYTES = 1_000_000


def read_state(path: Path) -> bytes | None:
    """Read a file; None where there is none yet.

    Raises:
        InputError: It cannot be read, or is larger than any such file is.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(source="the console's folder", problem=error.strerror or "the disk fails") from None
    if len(content) > LARGEST_BYTES:
        raise InputError(source="the console's folder", problem="a file in it is far too large")
    return content


def write_state(path: Path, content: str) -> None:
    """Put a file in the place of another, through to the disk; it is its folder's owner's alone.

    Raises:
        OutputError: It cannot be written.
    """
    waiting = path.with_name(path.name + ".new")
    try:
        _make_folder(path.parent)
        waiting.unlink(missing_ok=True)
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _give_to_owner_of(path.parent, descriptor)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        waiting.replace(path)
    except OSError as error:
        raise _unwritable(error) from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the folder's files meanwhile.

    Raises:
        OutputError: The folder cannot be used.
    """
    try:
        _make_folder(folder)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        raise _unwritable(error) from None
    try:
        _give_to_owner_of(folder, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True)


def _give_to_owner_of(folder: Path, descriptor: int) -> None:
    """What root writes on the command line, the console must be able to read."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _unwritable(error: OSError) -> OutputError:
    problem = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or "the disk fails"
    return OutputError(target="the console's folder", problem=problem)
