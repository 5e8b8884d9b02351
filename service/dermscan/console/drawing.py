"""Outlines, axes and thumbnails of a scan, as numbers and bytes for a page. It never draws into the picture itself."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import LesionMask, RgbImage

THUMBNAIL = 240
"""Pixels of the longer side of a thumbnail."""

CLEAR = 0.15
"""Share of the greatest difference up to which the map is clear: a colour measured twice differs by as much."""

Line = tuple[float, float, float, float]
"""From x, y to x, y in pixels of the frame."""

_FAST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True, slots=True)
class Outline:
    """What is drawn over a picture.

    Attributes:
        path: The outline as data of an SVG path, pixels of the frame.
        axes: The two principal axes through the middle, across which asymmetry is judged.
        diameter: The greatest distance of two points of the outline.
    """

    path: str
    axes: tuple[Line, Line]
    diameter: Line


def outline(mask: LesionMask) -> Outline | None:
    """Trace a mask; None when it is empty."""
    contour = _contour(mask)
    if contour is None:
        return None
    points = contour[:, 0, :].astype(np.float64) + 0.5
    return Outline(_path(contour, 1.0), _axes(mask.pixels, points), _diameter(contour))


def traced(mask: LesionMask, scale: float) -> str:
    """The outline of a mask alone, as data of an SVG path; empty when the mask is.

    Args:
        mask: The mask of a frame that was made smaller or greater.
        scale: Pixels of the frame for each pixel of the mask.
    """
    contour = _contour(mask)
    return "" if contour is None else _path(contour, scale)


def _contour(mask: LesionMask) -> cv2.typing.MatLike | None:
    contours, _ = cv2.findContours(mask.pixels.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea) if contours else None


def _path(contour: cv2.typing.MatLike, scale: float) -> str:
    simple = (cv2.approxPolyDP(contour, 0.7, closed=True)[:, 0, :] + 0.5) * scale
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in simple.round(1)) + "Z"


def _axes(lesion: NDArray[np.bool_], points: NDArray[np.float64]) -> tuple[Line, Line]:
    moments = cv2.moments(lesion.view(np.uint8), binaryImage=True)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"] + 0.5
    spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]])
    _, directions = np.linalg.eigh(spread)
    return _across(points, middle, directions[:, 1]), _across(points, middle, directions[:, 0])


def _across(points: NDArray[np.float64], middle: NDArray[np.float64], direction: NDArray[np.float64]) -> Line:
    along = (points - middle) @ direction
    first, last = middle + along.min() * direction, middle + along.max() * direction
    return float(first[0]), float(first[1]), float(last[0]), float(last[1])


def _diameter(contour: cv2.typing.MatLike) -> Line:
    hull = cv2.convexHull(contour)[:, 0, :].astype(np.float64) + 0.5
    distances = np.hypot(*(hull[:, None, :] - hull[None, :, :]).transpose(2, 0, 1))
    one, other = np.unravel_index(int(np.argmax(distances)), distances.shape)
    return float(hull[one][0]), float(hull[one][1]), float(hull[other][0]), float(hull[other][1])


def png(pixels: RgbImage) -> bytes:
    """A picture as PNG, without loss: (height, width, 3) uint8 RGB."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), _FAST_PNG)
    return encoded.tobytes()


def thumbnail(pixels: RgbImage) -> bytes:
    """A small JPEG of a picture: (height, width, 3) uint8 RGB, the longer side `THUMBNAIL` pixels at most."""
    height, width = pixels.shape[:2]
    scale = min(THUMBNAIL / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 85))
    return encoded.tobytes()


def laid_over(
    follow_up: RgbImage, matrix: tuple[tuple[float, ...], ...], size: tuple[int, int], *, smooth: bool = True
) -> RgbImage:
    """A follow-up as it lies on its baseline.

    Args:
        follow_up: (height, width, 3) uint8 RGB.
        matrix: Two rows of three, follow-up pixels to baseline pixels (`Registration.matrix`).
        size: Width and height of the baseline.
        smooth: Whether pixels are interpolated.
    """
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    return np.asarray(cv2.warpAffine(follow_up, np.array(matrix, np.float64), size, flags=how), np.uint8)


def heat(change: NDArray[np.float32], greatest: float = 20.0) -> bytes:
    """A map of colour differences as a PNG, from clear over red to yellow: bright, since lesions are dark.

    Args:
        change: (height, width) float32, CIEDE2000.
        greatest: The difference that is shown fully.
    """
    share = np.clip(change / greatest, 0, 1)
    colours = cv2.applyColorMap((128 + share * 127).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (np.clip((share - CLEAR) * 1.8, 0, 0.9) * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".png", np.dstack([colours, alpha]), _FAST_PNG)
    return encoded.tobytes()
