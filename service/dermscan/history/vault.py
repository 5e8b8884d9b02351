"""Encryption of pictures, one data key a lesion. No key and nothing decrypted is ever written anywhere."""

import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermscan.errors import HistoryCorrupt
from dermscan.history.keys import KEY_ID_BYTES, SecretKey

MAGIC = b"DSBL"
FORMAT_VERSION = 1
NONCE_BYTES = 12
TAG_BYTES = 16
HEADER = struct.Struct(f">4sBBH{KEY_ID_BYTES}s{NONCE_BYTES}s")
"""Magic, format version, encoding, schema version, key id, nonce; big-endian."""

_WRAP_VERSION = 1
_WRAP = struct.Struct(f">B{KEY_ID_BYTES}s{NONCE_BYTES}s{32 + TAG_BYTES}s")


class Encoding(IntEnum):
    """How a picture was turned into bytes before it was encrypted; see `history.pictures`."""

    PNG = 1
    ROWS = 2
    BITS = 3
    JSON = 4


class BlobKind(StrEnum):
    """What a blob is to its row."""

    FRAME = "frame"
    MASK = "mask"
    CORRECTED_MASK = "corrected_mask"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob belongs; it opens nowhere else.

    Attributes:
        table: The table whose row it belongs to.
        row_id: That row's identifier.
        kind: What it is to the row.
    """

    table: str
    row_id: str
    kind: str


class DataKey(SecretKey):
    """The key of one lesion's pictures."""

    __slots__ = ()


class Vault:
    """Wraps and unwraps the data keys of the lesions under the history's wrapping key.

    Attributes:
        ticket_key: The key of the one-time tickets, derived from the wrapping key.
    """

    def __init__(self, wrapping_key: SecretKey) -> None:
        self._cipher = AESGCM(wrapping_key.expose())
        self._key_id = wrapping_key.key_id
        self.ticket_key = SecretKey(wrapping_key.derive("ticket"))

    def wrap(self, key: DataKey, lesion_id: str) -> bytes:
        """Encrypt a lesion's data key so that it opens for this lesion only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        bound = _wrap_binding(self._key_id, lesion_id)
        return _WRAP.pack(_WRAP_VERSION, self._key_id, nonce, self._cipher.encrypt(nonce, key.expose(), bound))

    def unwrap(self, wrapped: bytes, lesion_id: str) -> DataKey:
        """Decrypt a lesion's data key.

        Raises:
            HistoryCorrupt: It was altered, or wrapped for another lesion or under another wrapping key.
        """
        if len(wrapped) != _WRAP.size:
            raise HistoryCorrupt(problem="a lesion's key has the wrong length")
        version, key_id, nonce, sealed = _WRAP.unpack(wrapped)
        if version != _WRAP_VERSION or key_id != self._key_id:
            raise HistoryCorrupt(problem="a lesion's key was wrapped by another key")
        try:
            return DataKey(self._cipher.decrypt(nonce, sealed, _wrap_binding(key_id, lesion_id)))
        except InvalidTag:
            raise HistoryCorrupt(problem="a lesion's key was altered") from None


def seal(content: bytes, key: DataKey, place: Place, encoding: Encoding, schema_version: int) -> bytes:
    """Encrypt one blob with AES-256-GCM under a fresh random nonce; see docs/history.md for the form."""
    return b"".join(seal_pieces([content], key, place, encoding, schema_version))


def seal_pieces(
    content: Iterable[bytes], key: DataKey, place: Place, encoding: Encoding, schema_version: int
) -> Iterator[bytes]:
    """Encrypt one blob while its content is being made, so that neither is ever in memory whole.

    Yields:
        The header, the ciphertext of each piece, and the tag; together they are what `seal` gives.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    header = HEADER.pack(MAGIC, FORMAT_VERSION, encoding, schema_version, key.key_id, nonce)
    cipher = Cipher(algorithms.AES(key.expose()), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(header + _binding(place))
    yield header
    for piece in content:
        yield cipher.update(piece)
    cipher.finalize()
    yield cipher.tag


def unseal(blob: bytes, key: DataKey, place: Place) -> tuple[Encoding, bytes]:
    """Decrypt one blob.

    Returns:
        How the content is encoded, and the content.

    Raises:
        HistoryCorrupt: It is no blob, was altered, or belongs to another place or key; nothing of it is given away.
    """
    if len(blob) < HEADER.size + TAG_BYTES:
        raise HistoryCorrupt(problem="a picture is cut off")
    magic, version, encoding, _schema, key_id, nonce = HEADER.unpack_from(blob)
    if magic != MAGIC or version != FORMAT_VERSION:
        raise HistoryCorrupt(problem="a picture has an unknown form")
    if key_id != key.key_id:
        raise HistoryCorrupt(problem="a picture was encrypted for another lesion")
    try:
        content = AESGCM(key.expose()).decrypt(nonce, blob[HEADER.size :], blob[: HEADER.size] + _binding(place))
    except InvalidTag:
        raise HistoryCorrupt(problem="a picture was altered or moved") from None
    return _known(encoding), content


def _known(encoding: int) -> Encoding:
    try:
        return Encoding(encoding)
    except ValueError:
        raise HistoryCorrupt(problem="a picture has an unknown encoding") from None


def _binding(place: Place) -> bytes:
    return _joined("dermscan blob", place.table, place.row_id, place.kind)


def _wrap_binding(key_id: bytes, lesion_id: str) -> bytes:
    return bytes([_WRAP_VERSION]) + key_id + _joined("dermscan lesion key", lesion_id)


def _joined(*parts: str) -> bytes:
    """Join with lengths, so that no two different lists give the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in encoded)
