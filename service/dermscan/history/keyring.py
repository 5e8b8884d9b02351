"""The keyring: the history's own key, sealed under the master key. The master key itself is never in it.

One random history key is the root of everything in the folder: the database key and the wrapping key are derived from
it. It lies in the keyring once for each master key that may open it (a *slot*), so that a new master key is a new slot
and neither the database nor a picture is written again. The keyring also tells a wrong key from a damaged history:
a slot is found by the key's public id, and the whole file carries a checksum.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermscan.errors import HistoryCorrupt, HistoryNewer, KeyRefused
from dermscan.history.durable import disk_errors, replace_file, waiting_place
from dermscan.history.keys import KEY_BYTES, KEY_ID_BYTES, MasterKey, SecretKey

KEYRING = "keyring"
COPY = "keyring.copy"
"""A second copy: the keyring is small, and without it the history is lost."""

MAGIC = b"DSKR"
FORMAT_VERSION = 1
_HEAD = struct.Struct(">4sBB")
_SLOT = struct.Struct(f">B{KEY_ID_BYTES}s12s{KEY_BYTES + 16}s")
_CHECKSUM_BYTES = 32


class SlotKind(IntEnum):
    """What kind of key opens a slot."""

    MASTER = 1
    RECOVERY = 2


class HistoryKey(SecretKey):
    """The root of the keys of one history."""

    __slots__ = ()

    @property
    def database_key(self) -> SecretKey:
        """The key of the SQLCipher database."""
        return SecretKey(self.derive("database"))

    @property
    def wrapping_key(self) -> SecretKey:
        """The key that wraps the lesions' data keys."""
        return SecretKey(self.derive("wrapping"))

    @property
    def audit_key(self) -> SecretKey:
        """The key that seals the audit log."""
        return SecretKey(self.derive("audit"))


@dataclass(frozen=True, slots=True)
class Slot:
    """The history key, sealed for one key."""

    kind: int
    key_id: bytes
    nonce: bytes
    sealed: bytes


def has_keyring(folder: Path) -> bool:
    """Whether there is a keyring or its copy, sound or not.

    Raises:
        HistoryUnavailable: The folder cannot be looked into.
    """
    with disk_errors():
        return (folder / KEYRING).exists() or (folder / COPY).exists()


def create_keyring(folder: Path, master: MasterKey) -> HistoryKey:
    """Make a new history key and write the keyring, copy first, so that a keyring always has its copy.

    Raises:
        StorageFull: The disk is full.
        HistoryUnavailable: The folder cannot be written.
    """
    key = HistoryKey.generate()
    _write(folder, [_sealed(key, master)])
    return key


def open_keyring(folder: Path, master: SecretKey) -> HistoryKey:
    """Fetch the history key with a master key or a recovery key.

    Raises:
        KeyRefused: The keyring is sound and this key is not among those that open it.
        HistoryCorrupt: Neither the keyring nor its copy is sound.
        HistoryNewer: A newer version of this software wrote it.
        HistoryUnavailable: It cannot be read.
    """
    return open_slot(read_slots(folder), master)


def read_slots(folder: Path) -> list[Slot]:
    """List what opens the history.

    Raises:
        HistoryCorrupt: Neither the keyring nor its copy is sound.
        HistoryNewer: A newer version of this software wrote it.
        HistoryUnavailable: It cannot be read.
    """
    return unpacked(_sound(folder))


def open_slot(slots: Sequence[Slot], master: SecretKey) -> HistoryKey:
    """Fetch the history key from the slot of this key.

    Raises:
        KeyRefused: There is no slot for it.
        HistoryCorrupt: Its slot was altered.
    """
    slot = next((slot for slot in slots if slot.key_id == master.key_id), None)
    if slot is None:
        raise KeyRefused
    try:
        return HistoryKey(_cipher(master).decrypt(slot.nonce, slot.sealed, _binding(slot.kind, slot.key_id)))
    except InvalidTag:
        raise HistoryCorrupt(problem="the keyring was altered") from None


def write_keyring(folder: Path, key: HistoryKey, master: MasterKey, others: Sequence[Slot]) -> None:
    """Write a keyring for a history that was made elsewhere: for this master key, and the slots that stay.

    Raises:
        StorageFull: The disk is full.
        HistoryUnavailable: The folder cannot be written.
    """
    _write(folder, [_sealed(key, master), *others])


def replace_master_key(folder: Path, key: HistoryKey, new: MasterKey) -> None:
    """Make a new master key the only one; recovery keys stay.

    The new one opens the history before the old one ceases to, so that an interruption leaves at least one of them.

    Raises:
        StorageFull: The disk is full.
        HistoryUnavailable: The keyring cannot be written.
    """
    slots = read_slots(folder)
    if new.key_id not in {slot.key_id for slot in slots}:
        slots.append(_sealed(key, new))
        _write(folder, slots)
    _write(folder, [slot for slot in slots if slot.kind != SlotKind.MASTER or slot.key_id == new.key_id])


def replace_recovery_key(folder: Path, key: HistoryKey, new: SecretKey) -> None:
    """Make a new recovery key the only one; master keys stay.

    Raises:
        StorageFull: The disk is full.
        HistoryUnavailable: The keyring cannot be written.
    """
    others = [slot for slot in read_slots(folder) if slot.kind != SlotKind.RECOVERY]
    _write(folder, [*others, _sealed(key, new, SlotKind.RECOVERY)])


def mend_keyring(folder: Path) -> None:
    """Make the keyring and its copy equal again where one is damaged, missing or older, and clear what was begun."""
    content = _sound(folder)
    with disk_errors():
        for name in (KEYRING, COPY):
            waiting_place(folder / name).unlink(missing_ok=True)
            if _read(folder / name) != content:
                replace_file(folder / name, content)


def _write(folder: Path, slots: Sequence[Slot]) -> None:
    content = packed(slots)
    with disk_errors():
        replace_file(folder / COPY, content)
        replace_file(folder / KEYRING, content)


def _sound(folder: Path) -> bytes:
    for name in (KEYRING, COPY):
        content = _read(folder / name)
        if hmac.compare_digest(hashlib.sha256(content[:-_CHECKSUM_BYTES]).digest(), content[-_CHECKSUM_BYTES:]):
            return content
    raise HistoryCorrupt(problem="the keyring and its copy are damaged")


def _read(path: Path) -> bytes:
    with disk_errors():
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""


def unpacked(content: bytes) -> list[Slot]:
    """Read the content of a keyring, whose checksum is known to fit.

    Raises:
        HistoryCorrupt: It is no keyring.
        HistoryNewer: A newer version of this software wrote it.
    """
    body = content[:-_CHECKSUM_BYTES]
    if len(body) < _HEAD.size:
        raise HistoryCorrupt(problem="the keyring is no keyring")
    magic, version, count = _HEAD.unpack_from(body)
    if magic != MAGIC:
        raise HistoryCorrupt(problem="the keyring is no keyring")
    if version > FORMAT_VERSION:
        raise HistoryNewer(found=f"of keyring {version}")
    if len(body) != _HEAD.size + count * _SLOT.size:
        raise HistoryCorrupt(problem="the keyring is no keyring")
    return [Slot(*fields) for fields in _SLOT.iter_unpack(body[_HEAD.size :])]


def packed(slots: Sequence[Slot]) -> bytes:
    """Write the content of a keyring."""
    each = (_SLOT.pack(slot.kind, slot.key_id, slot.nonce, slot.sealed) for slot in slots)
    body = _HEAD.pack(MAGIC, FORMAT_VERSION, len(slots)) + b"".join(each)
    return body + hashlib.sha256(body).digest()


def _sealed(key: HistoryKey, master: SecretKey, kind: SlotKind = SlotKind.MASTER) -> Slot:
    nonce = secrets.token_bytes(12)
    bound = _binding(kind, master.key_id)
    return Slot(kind, master.key_id, nonce, _cipher(master).encrypt(nonce, key.expose(), bound))


def _cipher(master: SecretKey) -> AESGCM:
    return AESGCM(master.derive("keyring"))


def _binding(kind: int, key_id: bytes) -> bytes:
    return MAGIC + bytes([FORMAT_VERSION, kind]) + key_id
