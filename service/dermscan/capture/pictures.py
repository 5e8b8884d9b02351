"""A folder of images as a series of pictures, decoded one at a time. File names never reach the journal."""

import logging
from pathlib import Path

import cv2
import numpy as np

from dermscan.capture.opencv import prepare_opencv, rgb_of
from dermscan.domain import RgbImage
from dermscan.errors import InputError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_log = logging.getLogger(__name__)


class PictureSeries:
    """The images of a folder in the order of their names, or one image; only the current one is in memory."""

    def __init__(self, source: Path, dwell_frames: int) -> None:
        """List the images and decode the first one that can be read.

        Args:
            source: Folder of images, or one image.
            dwell_frames: How many times in a row each image is shown, at least 1.

        Raises:
            InputError: The folder cannot be read, holds no images, or none of them can be decoded.
        """
        prepare_opencv()
        self._source = source
        self._dwell_frames = dwell_frames
        self._images = list_images(source)
        self._left = self._images.copy()
        self._shown = 0
        self._picture = self._decode_next()
        if self._picture is None:
            raise InputError(source=source, problem="none of its images can be read")

    def next_picture(self) -> RgbImage | None:
        """The next picture, (height, width, 3) uint8, RGB, at the image's own size; None after the last one."""
        if self._shown == self._dwell_frames:
            self._picture = self._decode_next()
            self._shown = 0
        self._shown += 1
        return self._picture

    def _decode_next(self) -> RgbImage | None:
        while self._left:
            image = self._left.pop(0)
            picture = decode_image(image)
            if picture is not None:
                return picture
            self._images.remove(image)
            _log.warning("An image of the replay cannot be read and is skipped")
        return None

    def rewind(self) -> None:
        """Begin again, without the images that could not be read."""
        self._left = self._images.copy()
        self._shown = self._dwell_frames

    def close(self) -> None:
        """Forget the current picture."""
        self._picture = None


def list_images(source: Path) -> list[Path]:
    """The images of a folder, sorted by name; a single image is a series of one.

    Raises:
        InputError: The folder cannot be read or holds no images.
    """
    if source.is_file():
        return [source]
    try:
        images = sorted(path for path in source.iterdir() if is_image(path))
    except OSError as error:
        raise InputError(source=source, problem=f"it cannot be read ({error.strerror})") from None
    if not images:
        raise InputError(source=source, problem="there are no images in this folder")
    return images


def is_image(path: Path) -> bool:
    """Whether this is a file whose name ends as an image's does; hidden files are not counted."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def decode_image(path: Path) -> RgbImage | None:
    """Decode one image file, turned upright as its Exif data says.

    Returns:
        (height, width, 3) uint8, RGB; None when it cannot be read or decoded.
    """
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except (OSError, cv2.error):
        return None
    return None if decoded is None else rgb_of(decoded)
