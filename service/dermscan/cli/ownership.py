"""Leaves a history that root has used to the user whom its folder belongs to. It opens no file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def left_to_its_owner(folder: Path) -> Iterator[None]:
    """Give what root makes in the folder to the folder's owner, or the service could not open it any more.

    It is done at the end, whatever has happened, and at the beginning for a command that was killed in between.
    """
    if os.geteuid() != 0:
        yield
        return
    _hand_over(folder)
    try:
        yield
    finally:
        _hand_over(folder)


def _hand_over(folder: Path) -> None:
    with suppress(FileNotFoundError):
        owner = folder.lstat()
        if owner.st_uid != 0:
            _give(folder, owner.st_uid, owner.st_gid)


def _give(folder: Path, user: int, group: int) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            # A file may go away meanwhile: the service works beside
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_uid == 0:
                    os.chown(entry.path, user, group, follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    _give(Path(entry.path), user, group)
