"""Turns the planes of a Raspberry Pi's small stream into RGB. It opens nothing and knows no camera."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage


def rgb_of_planes(planes: NDArray[np.uint8], width: int, height: int) -> RgbImage:
    """RGB of a YUV420 picture in full range, colour matrix of ITU-R BT.601 (JPEG; libcamera's `Sycc`).

    Args:
        planes: (height * 3 / 2, stride) uint8: rows of Y, then those of U and of V, two to a row of the array; what
            lies beyond `width` in a row is filling.
        width: Width of the picture in pixels, even.
        height: Height of the picture in pixels, even.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    stride = planes.shape[1]
    luma = planes[:height, :width]
    blue, red = planes[height:].reshape(2, height // 2, stride // 2)[:, :, : width // 2]
    chroma = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in (red, blue)]
    # OpenCV's YCrCb is JPEG's; its conversions from YUV420 are those of video, with a range from 16 to 235
    return cast("RgbImage", cv2.cvtColor(cv2.merge([luma, *chroma]), cv2.COLOR_YCrCb2RGB))
