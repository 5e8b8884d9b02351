"""Clears what interrupted work has left behind. It never touches what a history or a backup consists of.

Unfinished files end in `.new`; a proof of a backup works in a folder that begins with `.dermscan-verify-`. Whoever
works among backups holds a shared lock on their folder, so that what is there while nobody holds it belongs to nobody.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dermscan.history.upgrade import COPIES

VERIFYING = ".dermscan-verify-"
_UNFINISHED = "*.new"
_BESIDE_UNFINISHED = "*.new-*"
"""What the database itself has put beside an unfinished one."""
_OF_BACKUPS = ("dermscan-*.snapshot.new*", "dermscan-*.backup.new", VERIFYING + "*")

_log = logging.getLogger(__name__)


def sweep_history(folder: Path) -> None:
    """Delete what a process that was killed has left in a history's folder. Only the one process that writes may."""
    unfinished = (*folder.glob(_UNFINISHED), *folder.glob(_BESIDE_UNFINISHED))
    _delete([*unfinished, *(folder / COPIES).glob(_UNFINISHED), *folder.glob(VERIFYING + "*")])


@contextmanager
def working_among_backups(folder: Path) -> Iterator[None]:
    """Delete what interrupted work has left among backups, unless somebody is working there, and then work there."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        # Whoever works there will find it out and say so
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete(rest for pattern in _OF_BACKUPS for rest in folder.glob(pattern))
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _delete(leftovers: Iterable[Path]) -> None:
    for rest in leftovers:
        try:
            shutil.rmtree(rest) if rest.is_dir() and not rest.is_symlink() else rest.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("What interrupted work has left cannot be deleted: %s", error.strerror)
        else:
            _log.info("Cleared what interrupted work had left")
