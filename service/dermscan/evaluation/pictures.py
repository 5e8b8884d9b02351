"""Reading picture and mask files that a person named."""

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage
from dermscan.errors import InputError

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4


def read_picture(path: Path) -> RgbImage:
    """Decode a picture file.

    Returns:
        (height, width, 3) uint8, RGB order.

    Raises:
        InputError: The file is missing or no picture.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Decode a mask file, white on the lesion.

    Returns:
        (height, width) bool.

    Raises:
        InputError: The file is missing or no picture.
    """
    return _decode(path, cv2.IMREAD_GRAYSCALE) > 127


def _decode(path: Path, flags: int) -> NDArray[np.uint8]:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(source=path, problem=error.strerror) from None
    picture = _decoded(content, flags)
    if picture is None:
        raise InputError(source=path, problem="it is no picture that can be read")
    return picture.astype(np.uint8, copy=False)


def _decoded(content: NDArray[np.uint8], flags: int) -> cv2.typing.MatLike | None:
    if not content.size or _promises_too_much(content):
        return None
    try:
        return cv2.imdecode(content, flags)
    except cv2.error:  # a header that claims more pixels than OpenCV allows
        return None


def _promises_too_much(content: NDArray[np.uint8]) -> bool:
    """Whether it is a PNG with a chunk longer than the file: OpenCV makes room for gigabytes before it looks."""
    if content[: len(_PNG)].tobytes() != _PNG:
        return False
    place = len(_PNG)
    while place + _CHUNK_HEAD.size <= len(content):
        length, kind = _CHUNK_HEAD.unpack_from(content.data, place)
        place += _CHUNK_HEAD.size + length + _CHECKSUM_BYTES
        if kind == b"IEND":
            return bool(place > len(content))
    return True
