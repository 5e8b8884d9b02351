"""Every page of an SQLCipher database and its write-ahead log in clear, with free pages and leftovers of old records.

SQLCipher itself never shows those. A page of 4096 bytes is AES-256-CBC ciphertext, then 16 bytes of IV and 64 of HMAC;
the first page begins with 16 bytes of salt. With a raw key the salt plays no part in the encryption.
"""

from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE, SALT, RESERVED = 4096, 16, 80
LOG_HEADER, FRAME_HEADER = 32, 24


def plain_pages(database: Path, key: bytes) -> list[bytes]:
    content = database.read_bytes()
    first = _plain(content[SALT:PAGE], key)
    rest = [_plain(content[at : at + PAGE], key) for at in range(PAGE, len(content), PAGE)]
    return [first, *rest, *_of_log(database.with_name(database.name + "-wal"), key)]


def _of_log(log: Path, key: bytes) -> list[bytes]:
    content = log.read_bytes() if log.exists() else b""
    pages = []
    for at in range(LOG_HEADER, len(content), FRAME_HEADER + PAGE):
        page = content[at + FRAME_HEADER : at + FRAME_HEADER + PAGE]
        first = int.from_bytes(content[at : at + 4], "big") == 1
        pages.append(_plain(page[SALT:] if first else page, key))
    return pages


def _plain(page: bytes, key: bytes) -> bytes:
    end = len(page) - RESERVED
    decryptor = Cipher(algorithms.AES(key), modes.CBC(page[end : end + 16])).decryptor()
    return decryptor.update(page[:end]) + decryptor.finalize()
