"""The head of a backup: what it is of, when it was made, and the keyring that opens it. Nothing personal is in it."""

import hashlib
import secrets
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from dermscan.errors import BackupCorrupt, HistoryCorrupt, HistoryNewer, InputError, KeyRefused
from dermscan.history.keyring import HistoryKey, Slot, has_keyring, open_keyring, open_slot, packed, unpacked
from dermscan.history.keys import KEY_ID_BYTES, MasterKey, SecretKey
from dermscan.history.schema import EPOCH, MICROSECOND
from dermscan.history.sealed_stream import OpeningReader, SealingWriter

MAGIC = b"DSBK"
FORMAT_VERSION = 1
SUFFIX = ".backup"
_ID_BYTES = 16
_FIXED = struct.Struct(f">4sB{_ID_BYTES}s{KEY_ID_BYTES}sqQQQH")


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """The head of a backup.

    Attributes:
        backup_id: 16 random bytes; the backup's own key is derived with them.
        history_id: Public id of the history key.
        created_at: When it was made, by the device's clock, UTC.
        audit_seq: Number of the last entry of the audit log in it.
        scans: Scans in it.
        content_bytes: Bytes of database and pictures in it.
        slots: What opens it.
    """

    backup_id: bytes
    history_id: bytes
    created_at: datetime
    audit_seq: int
    scans: int
    content_bytes: int
    slots: tuple[Slot, ...]

    def write(self) -> bytes:
        """Spell it out."""
        keyring = packed(self.slots)
        created = (self.created_at - EPOCH) // MICROSECOND
        figures = (created, self.audit_seq, self.scans, self.content_bytes, len(keyring))
        return _FIXED.pack(MAGIC, FORMAT_VERSION, self.backup_id, self.history_id, *figures) + keyring

    def sealing(self, file: BinaryIO, key: HistoryKey) -> SealingWriter:
        """What seals the content; every piece is bound to this head."""
        return SealingWriter(file, self._own_key(key), hashlib.sha256(self.write()).digest())

    def opening(self, file: BinaryIO, key: HistoryKey) -> OpeningReader:
        """What opens the content."""
        return OpeningReader(file, self._own_key(key), hashlib.sha256(self.write()).digest())

    def _own_key(self, key: HistoryKey) -> SecretKey:
        return SecretKey(key.derive(f"backup {self.backup_id.hex()}"))


def new_backup_id() -> bytes:
    """Make an id for a backup."""
    return secrets.token_bytes(_ID_BYTES)


def read_header(file: BinaryIO, source: Path) -> BackupHeader:
    """Read the head from the beginning of an open file. It is authenticated only when the first piece is.

    Raises:
        InputError: It is no backup.
        BackupCorrupt: It is damaged.
        HistoryNewer: A newer version of this software made it.
    """
    fixed = file.read(_FIXED.size)
    if fixed[: len(MAGIC)] != MAGIC:
        raise InputError(source=source, problem="it is no backup of a history")
    if len(fixed) < _FIXED.size:
        raise BackupCorrupt(problem="it is cut off")
    _, version, backup_id, history_id, created, seq, scans, size, length = _FIXED.unpack(fixed)
    if version > FORMAT_VERSION:
        raise HistoryNewer(found=f"of backup {version}")
    slots = _slots(file.read(length))
    try:
        created_at = EPOCH + created * MICROSECOND
    except OverflowError:
        raise BackupCorrupt(problem="its head was altered") from None
    return BackupHeader(backup_id, history_id, created_at, seq, scans, size, slots)


def history_key_of(header: BackupHeader, key: SecretKey, folder: Path | None = None) -> HistoryKey:
    """Fetch the key of the history that a backup is of.

    Args:
        header: The backup's head.
        key: A recovery key, or a master key.
        folder: The history of this device: where the backup is of it, a later master key serves as well.

    Raises:
        KeyRefused: The key opens neither the backup nor its history.
        BackupCorrupt: The head was altered.
    """
    try:
        found = open_slot(header.slots, key)
    except HistoryCorrupt:
        raise BackupCorrupt(problem="its head was altered") from None
    except KeyRefused:
        if folder is None or not isinstance(key, MasterKey) or not has_keyring(folder):
            raise
        found = open_keyring(folder, key)
        if found.key_id != header.history_id:
            raise KeyRefused from None
    if found.key_id != header.history_id:
        raise BackupCorrupt(problem="its head was altered")
    return found


def _slots(content: bytes) -> tuple[Slot, ...]:
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise BackupCorrupt(problem="its head is damaged or cut off")
    try:
        return tuple(unpacked(content))
    except HistoryCorrupt:
        raise BackupCorrupt(problem="its head was altered") from None
