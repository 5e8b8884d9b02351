"""The quality gate: whether a frame is worth assessing, and if not, what a person can mend. It never looks at a class.

Every measure is taken on the frame reduced to a fixed size, so that the camera's resolution matters little. The limits
are settings; how they were chosen is in docs/quality-gate.md.
"""

import math
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.analysis.preparation import FloatArray, resized
from dermscan.domain import Frame, Quality, RejectReason, RgbImage, Roi
from dermscan.settings import QualitySettings

Pixel = TypeVar("Pixel", bound=np.generic)

COLOR_SIDE = 320
"""Longer side in pixels of the frame on which exposure and glare are judged."""
FOCUS_SIDE = 144
"""Longer side in pixels of the frame on which focus is judged: coarse enough to tell skin from a sensor's noise."""
THUMBNAIL = (96, 72)
"""Columns and rows of what is kept of a frame to measure motion, whatever its shape: even lengths without padding."""
FOCUS_MARGIN = 0.25
"""Share of its size by which the region of interest is widened on each side to judge focus."""
GLARE_FROM = 240
"""Brightest channel from which a pixel can be a specular highlight."""
GLARE_CHROMA = 30
"""Greatest difference between the channels of a specular highlight: it has the colour of the lamp, not of skin."""
EDGE_SHARE = 0.01
"""Distance from the frame's edge, as a share of its side, at which a box counts as touching it."""
UNRELATED = 50.0
"""Motion in per cent of the diagonal of two pictures without a common shift: the most that can be measured."""
MIN_RESPONSE = 0.24
"""Peak of the phase correlation below which two pictures have no common shift."""
SAME_PICTURE = 0.004
"""Mean absolute difference of two thumbnails below which nothing has moved, whatever their noise correlates to."""


def judge(frame: Frame, roi: Roi | None, previous: FloatArray | None, settings: QualitySettings) -> Quality:
    """Measure one frame and name everything that is wrong with it.

    Args:
        frame: The frame.
        roi: The region of interest in pixels of the frame; None when no lesion is in view.
        previous: Thumbnail of the frame before; None when there was none, and motion is then 0.
        settings: The limits.

    Returns:
        The figures, and the refusals in the order of `RejectReason`.
    """
    small = _reduced(frame.pixels)
    light = _luminance(small)
    focus, exposure = _focus(light, roi, frame), float(light.mean())
    glare = _glare(_part(small, roi, frame, 0.0))
    motion = 0.0 if previous is None else _motion(previous, _thumbnail(small), frame)
    share = 0.0 if roi is None else min(roi.area / (frame.width * frame.height), 1.0)
    applies = {
        RejectReason.TOO_DARK: exposure < settings.min_exposure,
        RejectReason.TOO_BRIGHT: exposure > settings.max_exposure,
        RejectReason.MOTION: motion > settings.max_motion,
        RejectReason.OUT_OF_FOCUS: focus < settings.min_focus,
        RejectReason.NO_LESION: roi is None,
        RejectReason.LESION_TOO_SMALL: roi is not None and share < settings.min_lesion_share,
        RejectReason.LESION_CUT_OFF: roi is not None and cut_off(roi, frame) > settings.max_cut_off,
        RejectReason.GLARE: glare > settings.max_glare,
    }
    reasons = tuple(reason for reason in RejectReason if applies[reason])
    return Quality(focus, exposure, glare, motion, share, reasons)


def thumbnail(frame: Frame) -> FloatArray:
    """What is kept of a frame to measure the motion of the next one.

    Returns:
        Float32 luminance in 0..1, of the size `THUMBNAIL`, the frame squeezed to it.
    """
    return _thumbnail(_reduced(frame.pixels))


def cut_off(roi: Roi, frame: Frame) -> float:
    """Share of a box's perimeter that lies on the frame's edge, 0 to 1: beyond it the lesion may go on."""
    near_x, near_y = EDGE_SHARE * frame.width, EDGE_SHARE * frame.height
    upright = (roi.x0 <= near_x) + (roi.x1 >= frame.width - near_x)
    level = (roi.y0 <= near_y) + (roi.y1 >= frame.height - near_y)
    return (upright * roi.height + level * roi.width) / (2 * (roi.width + roi.height))


def _focus(light: FloatArray, roi: Roi | None, frame: Frame) -> float:
    """Standard deviation of the Laplacian (LAPV of Pertuz et al. 2013) around the lesion, per cent of the luminance.

    Divided by the frame's mean luminance, it does not change with the exposure. The reduction keeps fractions of a
    grey level, since the Laplacian of rounded levels looks like detail in a dark picture.
    """
    scale = FOCUS_SIDE / max(light.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = (max(round(light.shape[1] * scale), 1), max(round(light.shape[0] * scale), 1))
    coarse = np.asarray(cv2.resize(light, size, interpolation=how), np.float32)
    detail = cv2.Laplacian(_part(coarse, roi, frame, FOCUS_MARGIN), cv2.CV_32F)
    return 100 * float(detail.std()) / (float(coarse.mean()) + 0.02)


def _glare(part: RgbImage) -> float:
    brightest, dimmest = part.max(axis=2), part.min(axis=2)
    return float(((brightest >= GLARE_FROM) & (brightest - dimmest <= GLARE_CHROMA)).mean())


def _motion(before: FloatArray, now: FloatArray, frame: Frame) -> float:
    """Shift by phase correlation (Kuglin and Hines 1975) in per cent of the frame's diagonal."""
    if float(np.abs(before - now).mean()) < SAME_PICTURE:
        return 0.0
    window = cv2.createHanningWindow(THUMBNAIL, cv2.CV_32F)
    # Copies, since OpenCV lays the window over its arguments in place where their size needs no padding.
    (dx, dy), response = cv2.phaseCorrelate(before.copy(), now.copy(), window)
    if response < MIN_RESPONSE:
        return UNRELATED
    shift = math.hypot(dx / THUMBNAIL[0] * frame.width, dy / THUMBNAIL[1] * frame.height)
    return min(100 * shift / math.hypot(frame.width, frame.height), UNRELATED)


def _part(small: NDArray[Pixel], roi: Roi | None, frame: Frame, margin: float) -> NDArray[Pixel]:
    """The region of interest, widened, in the reduced frame; all of it when there is none."""
    if roi is None:
        return small
    height, width = small.shape[:2]
    across, down = width / frame.width, height / frame.height
    dx, dy = margin * roi.width, margin * roi.height
    left, upper = max(int((roi.x0 - dx) * across), 0), max(int((roi.y0 - dy) * down), 0)
    right, lower = math.ceil((roi.x1 + dx) * across), math.ceil((roi.y1 + dy) * down)
    left, upper = min(left, width - 3), min(upper, height - 3)
    return small[max(upper, 0) : max(lower, upper + 3), max(left, 0) : max(right, left + 3)]


def _reduced(pixels: RgbImage) -> RgbImage:
    height, width = pixels.shape[:2]
    scale = COLOR_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    return resized(pixels, max(round(width * scale), 1), max(round(height * scale), 1))


def _thumbnail(small: RgbImage) -> FloatArray:
    return _luminance(resized(small, *THUMBNAIL))


def _luminance(pixels: RgbImage) -> FloatArray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cast("FloatArray", grey.astype(np.float32) * np.float32(1 / 255))
