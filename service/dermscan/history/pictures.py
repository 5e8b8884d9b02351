"""Frames and masks as bytes and back, without loss and in memory only.

New frames are `Encoding.ROWS` and new masks `Encoding.BITS`; `Encoding.PNG`, which both were once, stays readable.
"""

import struct
from collections.abc import Iterator

import cv2
import numpy as np
import zstandard
from numpy.typing import NDArray

from dermscan.domain import RgbImage
from dermscan.errors import HistoryCorrupt
from dermscan.history.row_coding import RowsDamaged, decode_rows, encode_rows
from dermscan.history.vault import Encoding

_SIZE = struct.Struct(">II")
"""Height and width of a mask, big-endian."""


def encode_frame(pixels: RgbImage) -> Iterator[bytes]:
    """Encode a frame as `Encoding.ROWS`, piece by piece.

    Args:
        pixels: (height, width, 3) uint8, RGB order.
    """
    return encode_rows(pixels)


def decode_frame(encoding: Encoding, content: bytes) -> RgbImage:
    """Decode a frame: (height, width, 3) uint8, RGB order.

    Raises:
        HistoryCorrupt: It is no picture of that encoding.
    """
    if encoding is Encoding.ROWS:
        try:
            return decode_rows(content)
        except RowsDamaged:
            raise _no_picture() from None
    return np.asarray(cv2.cvtColor(_from_png(encoding, content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def encode_mask(pixels: NDArray[np.bool_]) -> Iterator[bytes]:
    """Encode a mask, (height, width) bool, as `Encoding.BITS`: one bit a pixel, compressed."""
    yield _SIZE.pack(*pixels.shape)
    yield zstandard.ZstdCompressor().compress(np.packbits(pixels).data)


def decode_mask(encoding: Encoding, content: bytes) -> NDArray[np.bool_]:
    """Decode a mask: (height, width) bool.

    Raises:
        HistoryCorrupt: It is no picture of that encoding.
    """
    if encoding is Encoding.BITS:
        return _from_bits(content)
    return np.asarray(_from_png(encoding, content, cv2.IMREAD_GRAYSCALE) > 127, np.bool_)


def _from_bits(content: bytes) -> NDArray[np.bool_]:
    if len(content) < _SIZE.size:
        raise _no_picture()
    height, width = _SIZE.unpack_from(content)
    packed = content[_SIZE.size :]
    try:
        if zstandard.frame_content_size(packed) != -(-height * width // 8):
            raise _no_picture()
        bits = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError:
        raise _no_picture() from None
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width).view(np.bool_).reshape(height, width)


def _from_png(encoding: Encoding, content: bytes, colours: int) -> NDArray[np.uint8]:
    if encoding is not Encoding.PNG:
        raise HistoryCorrupt(problem="a picture has an unknown encoding")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), colours)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _no_picture()
    return np.asarray(pixels, np.uint8)


def _no_picture() -> HistoryCorrupt:
    return HistoryCorrupt(problem="a picture cannot be decoded")
