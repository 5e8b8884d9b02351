"""The files of the encrypted pictures. It knows neither keys nor what is in them, and deletes no filed one.

A blob is written once, under a random name, and never modified. New blobs wait in `transit/` until the database has
taken their scan and move to `blobs/` then. After a crash the database decides about what waits there: it is moved when
a row names it and deleted when none does. What lies in `blobs/` is not touched, so that no older copy of the
database, put back, can cost a picture.
"""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from dermscan.errors import HistoryCorrupt
from dermscan.history.durable import begin_new, disk_errors, make_private_folder, sync, sync_folder

BLOBS = "blobs"
TRANSIT = "transit"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """A blob that is on the disk and waits for its scan.

    Attributes:
        name: Its random name.
        size_bytes: Its length.
        sha256: Its SHA-256.
    """

    name: str
    size_bytes: int
    sha256: bytes


class _Begun:
    """A blob that is being written, and what is counted on the way."""

    def __init__(self, path: Path, pieces: Iterable[bytes], open_files: ExitStack) -> None:
        self._name, self._size, self._digest = path.name, 0, hashlib.sha256()
        self.file = open_files.enter_context(begin_new(path, self._counted(pieces)))

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._digest.update(piece)
            self._size += len(piece)
            yield piece

    def staged(self) -> StagedBlob:
        return StagedBlob(self._name, self._size, self._digest.digest())


class BlobStore:
    """The two folders of blobs of one history."""

    def __init__(self, folder: Path) -> None:
        self._filed = folder / BLOBS
        self._transit = folder / TRANSIT

    def prepare(self) -> None:
        """Make the folders where they are missing.

        Raises:
            StorageFull: The disk is full.
            HistoryUnavailable: They cannot be made.
        """
        with disk_errors():
            make_private_folder(self._filed)
            make_private_folder(self._transit)

    def is_empty(self) -> bool:
        """Whether no picture was ever filed here."""
        return not any(
            entry for folder in (self._filed, self._transit) if folder.is_dir() for entry in folder.iterdir()
        )

    def stage(self, contents: Sequence[Iterable[bytes]]) -> list[StagedBlob]:
        """Write new blobs through to the disk, all of them or none.

        Args:
            contents: Each blob, piece by piece.

        Returns:
            What was written, in order.

        Raises:
            StorageFull: The disk is full.
            HistoryUnavailable: The disk fails.
        """
        names = [secrets.token_hex(16) for _ in contents]
        with disk_errors(), ExitStack() as open_files:
            try:
                begun = [
                    _Begun(self._transit / name, content, open_files)
                    for name, content in zip(names, contents, strict=True)
                ]
                # Only now, with all of them on their way: together they cost the disk hardly more than one
                for blob in begun:
                    sync(blob.file)
                sync_folder(self._transit)
            except OSError:
                self.discard(names)
                raise
        return [blob.staged() for blob in begun]

    def waiting(self) -> list[str]:
        """Names of the blobs about which the database has still to decide."""
        with disk_errors():
            return sorted(entry.name for entry in self._transit.iterdir())

    def keep(self, names: Iterable[str]) -> None:
        """Move blobs whose scan is in the database to their place.

        A failure is no loss: they can be read where they are and are moved at the next start.
        """
        try:
            for name in names:
                (self._transit / name).replace(self._filed / name)
            # The new names are enough: an old one that comes back is moved by the next start once more
            sync_folder(self._filed)
        except OSError as error:
            _log.warning("Pictures stay in transit: %s", error.strerror)

    def discard(self, names: Iterable[str]) -> None:
        """Delete blobs that no scan names. What cannot be deleted is tried again at the next start."""
        for name in names:
            with suppress(OSError):
                (self._transit / name).unlink()

    def read(self, name: str) -> bytes:
        """Read one blob.

        Raises:
            HistoryCorrupt: It is missing.
            HistoryUnavailable: It cannot be read.
        """
        # The second look at its place: it may have moved there between the first look and the one in transit
        for folder in (self._filed, self._transit, self._filed):
            with disk_errors(), suppress(FileNotFoundError):
                return (folder / name).read_bytes()
        raise HistoryCorrupt(problem="a picture is missing")
