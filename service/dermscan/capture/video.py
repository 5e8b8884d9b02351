"""A video file as a series of pictures, decoded one at a time. Nothing is written."""

from pathlib import Path

import cv2

from dermscan.capture.opencv import prepare_opencv, rgb_of
from dermscan.domain import RgbImage
from dermscan.errors import InputError


class VideoSeries:
    """The pictures of a video file in their order, whatever its own frame rate; one is in memory at a time."""

    def __init__(self, source: Path) -> None:
        """Open the file and decode its first picture.

        Args:
            source: A video file.

        Raises:
            InputError: The file is no video that can be decoded.
        """
        prepare_opencv()
        self._source = source
        self._capture = _open(source)
        self._first = self._decode()
        if self._first is None:
            self._capture.release()
            raise InputError(source=source, problem="it is neither a folder of images nor a video that can be decoded")

    def next_picture(self) -> RgbImage | None:
        """The next picture, (height, width, 3) uint8, RGB, at the video's own size; None after the last one."""
        if self._first is None:
            return self._decode()
        picture, self._first = self._first, None
        return picture

    def _decode(self) -> RgbImage | None:
        try:
            there, decoded = self._capture.read()
        except cv2.error:
            return None
        return rgb_of(decoded) if there else None

    def rewind(self) -> None:
        """Begin again. The file is opened anew: seeking is not exact in every format."""
        self._capture.release()
        self._capture = _open(self._source)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def _open(source: Path) -> cv2.VideoCapture:
    """Open with FFmpeg, which every wheel of OpenCV has: OpenCV's own AVI reader prints what it stumbles over."""
    return cv2.VideoCapture(str(source), cv2.CAP_FFMPEG)
