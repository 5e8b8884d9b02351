"""Files that are there completely or not at all. What is in them means nothing here."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from dermscan.errors import HistoryUnavailable, StorageFull

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
SHARED_FILE = 0o660
SHARED_FOLDER = 0o770
"""Modes in a folder that was opened to its group on purpose, so that a unit with a user of its own reads beside."""

_LOOK_AGAIN_S = 0.02
_SENT_ON_BYTES = 4 * 1024 * 1024
"""Bytes of a file after which the kernel is told to write them out."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn the system's errors into the history's.

    Raises:
        StorageFull: No space or quota is left.
        HistoryUnavailable: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from None
        raise HistoryUnavailable(problem=error.strerror or "the disk fails") from None


def sync_folder(folder: Path) -> None:
    """Make the names of the folder's files survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_shared(folder: Path) -> bool:
    """Whether a folder was opened to its group, and to nobody else."""
    return stat.S_IMODE(folder.stat().st_mode) & 0o777 == SHARED_FOLDER


def file_mode(folder: Path) -> int:
    """Mode of a new file in a folder."""
    return SHARED_FILE if is_shared(folder) else PRIVATE_FILE


def write_new(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that was not there through to the disk; on failure nothing is left of it.

    It is its owner's alone, or the group's as well where the folder is.

    Its name survives a power cut only after `sync_folder`.
    """
    with begin_new(path, pieces) as file:
        try:
            sync(file)
        except OSError:
            _remove(path)
            raise


def begin_new(path: Path, pieces: Iterable[bytes]) -> FileIO:
    """Write a file as `write_new`, but do not wait for the disk: it is on its way there, and safe once it is synced.

    Returns:
        The open file, for the sync, which must be this file's: another opening of it might not be told of an error.
    """
    mode = file_mode(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with ExitStack() as unless_written:
        unless_written.callback(_remove, path)
        file = unless_written.enter_context(os.fdopen(descriptor, "wb", buffering=0))
        _write_on(file, pieces)
        unless_written.pop_all()
    return file


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _write_on(file: FileIO, pieces: Iterable[bytes]) -> None:
    told, written = 0, 0
    for piece in pieces:
        _write_all(file, piece)
        written += len(piece)
        if written - told >= _SENT_ON_BYTES:
            # The kernel begins to write it out, so that little is left to wait for at the end
            os.posix_fadvise(file.fileno(), told, written - told, os.POSIX_FADV_DONTNEED)
            told = written


def _write_all(file: FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in the place of another at one stroke, through to the disk."""
    waiting = waiting_place(path)
    waiting.unlink(missing_ok=True)
    write_new(waiting, [content])
    waiting.replace(path)
    sync_folder(path.parent)


def sync(file: BinaryIO | FileIO) -> None:
    """Write a file's content through to the disk."""
    file.flush()
    os.fsync(file.fileno())


def waiting_place(path: Path) -> Path:
    """Where a file's new content waits to take its place."""
    return path.with_name(path.name + ".new")


def make_private_folder(folder: Path) -> None:
    """Make the folder where it is missing, and see to it that only its owner can look inside.

    A folder of mode 0770 was opened to its group on purpose and stays so, as does what is made in it.
    """
    if not folder.is_dir():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True)
        if is_shared(folder.parent):
            folder.chmod(SHARED_FOLDER)
        sync_folder(folder.parent)
    if folder.stat().st_mode & 0o777 not in {PRIVATE_FOLDER, SHARED_FOLDER}:
        folder.chmod(PRIVATE_FOLDER)


def lock_file(path: Path, patience_s: float = 0.0) -> int:
    """Take the exclusive lock that ends with the process, and return the descriptor that holds it.

    Args:
        path: The file; it is made where it is missing.
        patience_s: Seconds for which another process is waited for.

    Raises:
        HistoryUnavailable: Another process has it.
    """
    mode = file_mode(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    until = time.monotonic() + patience_s
    while not _locked(descriptor):
        if time.monotonic() >= until:
            os.close(descriptor)
            raise HistoryUnavailable(problem="another process is writing to it; stop the service first")
        time.sleep(_LOOK_AGAIN_S)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True
