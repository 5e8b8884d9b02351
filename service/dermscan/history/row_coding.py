"""Pixels as compressed differences from row to row, without loss: the quick form of a frame. It encrypts nothing.

A sensor's noise cannot be compressed away, so that a format that searches long finds hardly more than one that does
not: the entropy coder of Zstandard's lightest level over differences to the row above makes of twelve megapixels what
PNG does, in a tenth of the time (docs/history.md). Stripes of rows stand for themselves, so that every core takes its
part and the first stripe is on the disk before the last is compressed.
"""

import functools
import os
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import zstandard
from numpy.typing import NDArray

from dermscan.domain import RgbImage

_HEAD = struct.Struct(">III")
"""Height, width, rows in a stripe; big-endian, as each stripe's length before it."""

_LENGTH = struct.Struct(">I")
_STRIPE_BYTES = 1024 * 1024
_LIGHTEST = zstandard.ZstdCompressionParameters.from_level(1, hash_log=10)
"""The table for repetitions, of which noise has none, is kept small enough for the core's own cache."""

_CHANNELS = 3
_MOST_THREADS = 4


class RowsDamaged(ValueError):
    """These bytes are no rows of pixels."""


def encode_rows(pixels: RgbImage) -> Iterator[bytes]:
    """Compress a frame without loss.

    Args:
        pixels: (height, width, 3) uint8, RGB order.

    Yields:
        The encoded frame, piece by piece.
    """
    height, width, _ = pixels.shape
    rows = max(1, _STRIPE_BYTES // (width * _CHANNELS))
    yield _HEAD.pack(height, width, rows)
    for packed in row_workers().map(_packed, [pixels[top : top + rows] for top in range(0, height, rows)]):
        yield _LENGTH.pack(len(packed))
        yield packed


def decode_rows(content: bytes) -> RgbImage:
    """Give the frame back, (height, width, 3) uint8, RGB order.

    Raises:
        RowsDamaged: The bytes are none that `encode_rows` gives.
    """
    if len(content) < _HEAD.size:
        raise RowsDamaged
    height, width, rows = _HEAD.unpack_from(content)
    stripes = list(_stripes(memoryview(content)[_HEAD.size :]))
    # Nothing is allocated that the stripes do not promise to fill
    if rows == 0 or len(stripes) != -(-height // rows):
        raise RowsDamaged
    if sum(map(_promised_bytes, stripes)) != height * width * _CHANNELS:
        raise RowsDamaged
    pixels = np.empty((height, width, _CHANNELS), np.uint8)
    targets = [pixels[top : top + rows] for top in range(0, height, rows)]
    list(row_workers().map(_unpack, stripes, targets))
    return pixels


@functools.cache
def row_workers() -> ThreadPoolExecutor:
    """The threads of this process: NumPy and Zstandard let go of the interpreter while they work.

    They are started once, when a history is opened for writing or with the first frame, and not for each: a thread that
    gets no memory at its start dies before it says that it has begun, and whoever started it waits for that without
    end. While a history is opened nothing is filed yet that could be held up.
    """
    count = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    workers, all_there = ThreadPoolExecutor(count, "rows"), threading.Barrier(count)
    for begun in [workers.submit(all_there.wait) for _ in range(count)]:
        begun.result()
    return workers


# A process that was forked has none of the threads
os.register_at_fork(after_in_child=row_workers.cache_clear)


def _packed(stripe: RgbImage) -> bytes:
    differences = np.empty_like(stripe)
    differences[0] = stripe[0]
    np.subtract(stripe[1:], stripe[:-1], out=differences[1:])
    return zstandard.ZstdCompressor(compression_params=_LIGHTEST).compress(differences.data)


def _stripes(content: memoryview) -> Iterator[memoryview]:
    while content:
        if len(content) < _LENGTH.size:
            raise RowsDamaged
        (length,) = _LENGTH.unpack_from(content)
        if length > len(content) - _LENGTH.size:
            raise RowsDamaged
        yield content[_LENGTH.size : _LENGTH.size + length]
        content = content[_LENGTH.size + length :]


def _promised_bytes(packed: memoryview) -> int:
    try:
        return zstandard.frame_content_size(packed)
    except zstandard.ZstdError:
        raise RowsDamaged from None


def _unpack(packed: memoryview, target: NDArray[np.uint8]) -> None:
    if _promised_bytes(packed) != target.size:
        raise RowsDamaged
    try:
        differences = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError:
        raise RowsDamaged from None
    np.add.accumulate(np.frombuffer(differences, np.uint8).reshape(target.shape), axis=0, dtype=np.uint8, out=target)
