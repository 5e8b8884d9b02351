"""The mark: how far the audit log had come, kept outside the database. It says nothing about what was done.

Whoever cuts the log off or puts an older copy of the database back, finds the mark ahead of it. The file has two
places, written in turn and in place, so that a write that is cut off leaves the one before. It is written after the
database has the entry and is not waited for: after a power cut it may lag behind, never run ahead.
"""

import hmac
import logging
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from dermscan.history.durable import disk_errors, file_mode, replace_file
from dermscan.history.keys import SecretKey

MARK = "audit.mark"
MAGIC = b"DSAM"
FORMAT_VERSION = 1
CHAIN_BYTES = 32
_SLOT = struct.Struct(f">4sBQ{CHAIN_BYTES}s{CHAIN_BYTES}s")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reached:
    """An entry of the log.

    Attributes:
        seq: Its number, from 1; 0 before the first.
        chain: Its link of the chain, 32 bytes.
    """

    seq: int
    chain: bytes


START = Reached(0, bytes(CHAIN_BYTES))
"""Before the first entry."""


class AuditMark:
    """The file of the mark."""

    def __init__(self, folder: Path, key: SecretKey) -> None:
        """Take the folder of the history and the audit key."""
        self._path = folder / MARK
        self._key = key.derive("audit mark")

    def set(self, reached: Reached) -> None:
        """Write the whole file anew, through to the disk.

        Raises:
            StorageFull: The disk is full.
            HistoryUnavailable: It cannot be written.
        """
        with disk_errors():
            replace_file(self._path, 2 * self._sealed(reached))

    def exists(self) -> bool:
        """Whether there is such a file, sound or not."""
        return self._path.exists()

    def advance(self, reached: Reached) -> None:
        """Note that the log has come further. A failure is no loss: the mark lags behind then."""
        try:
            mode = file_mode(self._path.parent)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            try:
                os.pwrite(descriptor, self._sealed(reached), _SLOT.size * (reached.seq % 2))
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.warning("The mark of the audit log stays behind: %s", error.strerror)

    def read(self) -> Reached | None:
        """How far the log had come at least; None where no place of the file is sound.

        Raises:
            HistoryUnavailable: The file cannot be read.
        """
        with disk_errors():
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return None
        places = (self._opened(content[at : at + _SLOT.size]) for at in (0, _SLOT.size))
        return max((place for place in places if place is not None), key=lambda place: place.seq, default=None)

    def _sealed(self, reached: Reached) -> bytes:
        seal = _seal(self._key, reached)
        return _SLOT.pack(MAGIC, FORMAT_VERSION, reached.seq, reached.chain, seal)

    def _opened(self, content: bytes) -> Reached | None:
        if len(content) != _SLOT.size:
            return None
        magic, version, seq, chain, seal = _SLOT.unpack(content)
        reached = Reached(seq, chain)
        sound = hmac.compare_digest(seal, _seal(self._key, reached))
        return reached if sound and (magic, version) == (MAGIC, FORMAT_VERSION) else None


def _seal(key: bytes, reached: Reached) -> bytes:
    return hmac.digest(key, MAGIC + bytes([FORMAT_VERSION]) + struct.pack(">Q", reached.seq) + reached.chain, "sha256")
