"""Reduces a scan's pictures to what is shown of them, the lesion outlined. The scan itself is never changed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import LesionMask, RgbImage

CLOSE_UP = 900
"""Longer side of a close-up in pixels: 85 mm at 270 dots an inch."""
OVERVIEW = 420
THUMBNAIL = 180
MARGIN = 0.35
"""Skin around the lesion in a close-up, as a share of the longer side of the lesion's box."""
OUTLINE, HALO = (255, 221, 51), (20, 20, 20)
QUALITY = 90
_POINT = 4
"""Digits after the point of contour coordinates, binary, as OpenCV draws them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is shown.

    Attributes:
        jpeg: The picture, JPEG.
        width: Its width in pixels.
        height: Its height in pixels.
        reduction: Pixels of the picture a pixel of the frame.
    """

    jpeg: bytes
    width: int
    height: int
    reduction: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of one scan.

    Attributes:
        close_up: The lesion and the skin around it; the whole frame when there is no mask.
        outlined: The same with the mask's contour; None when there is no mask.
        overview: The whole frame, with the contour when there is a mask.
        thumbnail: The close-up, small, with the contour when there is a mask.
    """

    close_up: Picture
    outlined: Picture | None
    overview: Picture
    thumbnail: Picture


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of a frame in pixels, ends exclusive."""

    left: int
    upper: int
    right: int
    lower: int

    def of(self, pixels: RgbImage) -> RgbImage:
        return pixels[self.upper : self.lower, self.left : self.right]


def pictures(pixels: RgbImage, mask: LesionMask | None) -> Pictures:
    """Make the pictures of one scan.

    Args:
        pixels: The frame, (height, width, 3) uint8, RGB; not changed.
        mask: The lesion's mask, of the frame's size.
    """
    whole = _Part(0, 0, pixels.shape[1], pixels.shape[0])
    contours = () if mask is None else outline(mask)
    part = _around(contours, whole) if contours else whole
    return Pictures(
        close_up=_picture(pixels, part, CLOSE_UP, ()),
        outlined=_picture(pixels, part, CLOSE_UP, contours) if contours else None,
        overview=_picture(pixels, whole, OVERVIEW, contours),
        thumbnail=_picture(pixels, part, THUMBNAIL, contours),
    )


def outline(mask: LesionMask) -> tuple[NDArray[np.int32], ...]:
    """The mask's outer contours, each (points, 1, 2) int32 as x, y; none of an empty mask."""
    found, _ = cv2.findContours(mask.pixels.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return tuple(np.asarray(contour, np.int32).reshape(-1, 1, 2) for contour in found)


def _around(contours: tuple[NDArray[np.int32], ...], whole: _Part) -> _Part:
    """A square about the lesion with some skin around it, as far as the frame goes."""
    left, upper, width, height = cv2.boundingRect(np.concatenate(contours))
    half = (0.5 + MARGIN) * max(width, height, 16)
    x, y = left + width / 2, upper + height / 2
    return _Part(
        max(round(x - half), 0),
        max(round(y - half), 0),
        min(round(x + half), whole.right),
        min(round(y + half), whole.lower),
    )


def _picture(pixels: RgbImage, part: _Part, longest: int, contours: tuple[NDArray[np.int32], ...]) -> Picture:
    cut = part.of(pixels)
    factor = min(longest / max(cut.shape[:2]), 4.0)
    size = max(round(cut.shape[1] * factor), 1), max(round(cut.shape[0] * factor), 1)
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    small = np.array(cv2.resize(cut, size, interpolation=kind), np.uint8)
    scale = np.array([size[0] / cut.shape[1], size[1] / cut.shape[0]])
    _draw(small, [(contour - (part.left, part.upper) + 0.5) * scale - 0.5 for contour in contours])
    return Picture(encoded(small), size[0], size[1], factor)


def _draw(pixels: RgbImage, contours: list[NDArray[np.float64]]) -> None:
    """Draw contours, light on a dark halo, so that they are seen on every skin."""
    points = [np.round(contour * 2**_POINT).astype(np.int32) for contour in contours]
    width = max(round(max(pixels.shape[:2]) / 300), 1)
    if width > 1:
        cv2.polylines(pixels, points, True, HALO, width + 2, cv2.LINE_AA, _POINT)
    cv2.polylines(pixels, points, True, OUTLINE, width, cv2.LINE_AA, _POINT)


def encoded(pixels: RgbImage) -> bytes:
    """A picture as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, written = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return written.tobytes()
