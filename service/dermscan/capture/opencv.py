"""What every use of OpenCV's decoders here needs: quiet, and pictures in RGB. It opens nothing by itself."""

import os

import cv2
import numpy as np

from dermscan.domain import RgbImage

SELECT_TIMEOUT_S = 1
"""Seconds for which OpenCV's V4L2 backend waits for a frame, unless the environment says otherwise (its own is 10)."""


def prepare_opencv() -> None:
    """Keep OpenCV and FFmpeg from writing to the standard error, and its V4L2 waits short.

    They name the files that they cannot read, which the journal must not hold. OpenCV reads these variables at its
    first use of a decoder; what the environment already says is left alone.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(SELECT_TIMEOUT_S))
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def rgb_of(decoded: cv2.typing.MatLike) -> RgbImage:
    """Turn what OpenCV decodes, (height, width, 3) uint8 in BGR order, into RGB order."""
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)
