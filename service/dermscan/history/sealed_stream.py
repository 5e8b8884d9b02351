"""A stream of any length, encrypted and authenticated in pieces: memory stays bounded. It knows no files' names.

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar: Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance, CRYPTO 2015) with AES-256-GCM: the nonce is the piece's number, 11 bytes, and a byte that
is 1 for the last piece only. A key seals one stream. Pieces that are altered, swapped, left out or cut off at the end
are noticed.
"""

from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermscan.errors import BackupCorrupt
from dermscan.history.keys import SecretKey

PIECE = 1024 * 1024
_TAG = 16


class SealingWriter:
    """Takes bytes, writes sealed pieces. Only `finish` makes the stream whole."""

    def __init__(self, file: BinaryIO, key: SecretKey, bound: bytes) -> None:
        """Seal into an open file.

        Args:
            file: Where the pieces go.
            key: A key that seals nothing else.
            bound: What every piece is bound to.
        """
        self._file = file
        self._cipher = AESGCM(key.expose())
        self._bound = bound
        self._waiting = bytearray()
        self._number = 0

    def write(self, content: bytes) -> int:
        """Take bytes; a piece is written when it is certain that another follows."""
        self._waiting += content
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(content)

    def finish(self) -> None:
        """Write the last piece."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, content: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), content, self._bound))
        self._number += 1


class OpeningReader:
    """Reads sealed pieces, gives bytes. Nothing of a piece is given before it is authenticated."""

    def __init__(self, file: BinaryIO, key: SecretKey, bound: bytes) -> None:
        """Read from an open file; the arguments are those of `SealingWriter`."""
        self._file = file
        self._cipher = AESGCM(key.expose())
        self._bound = bound
        self._next = file.read(PIECE + _TAG)
        self._content = bytearray()
        self._number = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Give `size` bytes, fewer only at the end.

        Raises:
            BackupCorrupt: The stream was altered or is cut off.
        """
        while len(self._content) < size and not self._ended:
            self._open_next()
        content = bytes(self._content[:size])
        del self._content[:size]
        return content

    def _open_next(self) -> None:
        piece, self._next = self._next, self._file.read(PIECE + _TAG)
        self._ended = not self._next
        try:
            self._content += self._cipher.decrypt(_nonce(self._number, last=self._ended), piece, self._bound)
        except InvalidTag:
            raise BackupCorrupt(problem="it was altered, is cut off or is incomplete") from None
        self._number += 1


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
