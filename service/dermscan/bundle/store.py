"""Where installed bundles lie: one folder each, never changed once there, and two links that say which is in service.

    STORE/dermscan-0.4.0/   a bundle
    STORE/current           link to the one in service
    STORE/previous          link to the last good one
    STORE/.incoming-*       what an installation is making, or was when the power went

A link is changed by renaming another over it, so that at every moment it names a whole bundle. This module knows
nothing of what a bundle holds.
"""

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dermscan.errors import BundleCorrupt, OutputError

CURRENT, PREVIOUS = "current", "previous"
INCOMING = ".incoming-"
_LINK_IN_MAKING = ".link"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_FOLDER_MODE = 0o755
_NO_LINK = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ELOOP})
"""There is nothing, no folder, or something that is no link."""


@dataclass(frozen=True, slots=True)
class BundleStore:
    """A store of installed bundles, which need not exist yet.

    Attributes:
        folder: Its folder.
    """

    folder: Path

    def names(self) -> tuple[str, ...]:
        """Names of the bundles that are there, sorted; a damaged one is there too.

        Raises:
            BundleCorrupt: The store cannot be read.
        """
        try:
            with os.scandir(self.folder) as entries:
                found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unreadable(error) from None
        return tuple(sorted(name for name in found if _NAME.fullmatch(name)))

    def place(self, name: str) -> Path:
        """Where a bundle lies or would lie."""
        return self.folder / name

    def linked(self, link: str) -> str | None:
        """The name of the bundle that a link names; None where there is no link, or one that leads elsewhere.

        Raises:
            BundleCorrupt: The store cannot be read.
        """
        try:
            name = str((self.folder / link).readlink())
        except OSError as error:
            if error.errno in _NO_LINK:
                return None
            raise _unreadable(error) from None
        return name if _NAME.fullmatch(name) else None

    def point(self, link: str, name: str) -> None:
        """Let a link name a bundle, at one stroke and through to the disk."""
        making = self.folder / _LINK_IN_MAKING
        making.unlink(missing_ok=True)
        making.symlink_to(name)
        making.replace(self.folder / link)
        sync_folder(self.folder)

    def drop(self, link: str) -> None:
        """Take a link away, through to the disk."""
        (self.folder / link).unlink(missing_ok=True)
        sync_folder(self.folder)

    def incoming(self) -> Path:
        """A new, empty folder for what is being installed."""
        return Path(tempfile.mkdtemp(prefix=INCOMING, dir=self.folder))

    def accept(self, incoming: Path, name: str) -> None:
        """Let a folder of `incoming` become a bundle; what lay there before goes."""
        incoming.chmod(_FOLDER_MODE)
        if self.place(name).is_dir():
            self.place(name).rename(self.incoming() / name)
        incoming.rename(self.place(name))
        sync_folder(self.folder)

    def sweep(self) -> None:
        """Take away bundles that no link names, and what an interrupted installation has left."""
        kept = {self.linked(CURRENT), self.linked(PREVIOUS)}
        unused = [self.place(name) for name in self.names() if name not in kept]
        for folder in [*unused, *self.folder.glob(f"{INCOMING}*")]:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other installations out, and turn the disk's errors into one of ours.

        Raises:
            OutputError: The store cannot be written, the disk is full, or another installation goes on.
        """
        with disk_told(self.folder):
            if not self.folder.exists():
                self.folder.mkdir(parents=True)
                self.folder.chmod(_FOLDER_MODE)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _lock(descriptor, self.folder)
                yield
            finally:
                os.close(descriptor)


@contextmanager
def disk_told(folder: Path) -> Iterator[None]:
    """Turn the system's errors into one of ours.

    Raises:
        OutputError: The disk is full or fails, or the folder may not be written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror or "the disk fails") from None


def _unreadable(error: OSError) -> BundleCorrupt:
    return BundleCorrupt(problem=f"the store of installed bundles cannot be read: {error.strerror}")


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(target=folder, problem="another installation goes on") from None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
