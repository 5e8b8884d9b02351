"""Follows the border of a lesion from a baseline to a follow-up. A mask tells where the border is, never how it moved.

Two masks of the same lesion, drawn by a person or by a network, differ by more than a lesion grows in months. So the
pictures themselves are asked: OpenCV's dense optical flow (DIS: Kroeger, Timofte, Dai and Van Gool 2016) between two
registered pictures tells where each point of the border went, and how the area that it encloses has changed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dermscan.domain import RgbImage
from dermscan.history.evolution.growth import laid_over
from dermscan.history.evolution.registration import Overlay
from dermscan.history.evolution.view import BoolArray, FloatArray, View

SMALLEST_PX, LARGEST_PX, MOST = 120.0, 160.0, 2.0
"""Equivalent diameters between which a lesion is followed, and the greatest magnification to get there."""
PASSES = 2
"""How often the flow is looked for: each time in what the last has left, since smooth flow falls short of a growth."""
BLUR = 1.0
"""Sigma in pixels that takes the noise off before."""
RING = 5
"""Pixels across the border within which the flow is checked against itself."""
MAX_DISAGREEMENT = 0.02
"""Greatest median distance, in equivalent diameters, between a point and itself, there and back again."""
MIN_CORRELATION = 0.7
"""Least correlation of the two pictures at the lesion once the follow-up is taken back along the flow."""


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """Where the border of a lesion went, in the scale of the registration.

    Attributes:
        area: Growth of the area, as a share.
        outline: (h, w) bool, the baseline's mask as it would be on the follow-up, laid over the baseline.
        pixels: (h, w, 3) uint8, RGB, the follow-up with everything taken back to where it was.
    """

    area: float
    outline: BoolArray
    pixels: RgbImage


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """Flow, (h, w, 2) float32 in pixels (x, y), from each point of the baseline to the follow-up's, and back."""

    there: FloatArray
    back: FloatArray

    def at_baseline(self, layer: FloatArray) -> FloatArray:
        """What a layer of the follow-up shows at each point of the baseline."""
        return _along(layer, self.there)

    def at_follow_up(self, layer: FloatArray) -> FloatArray:
        """What a layer of the baseline shows at each point of the follow-up."""
        return _along(layer, self.back)


def follow(baseline: View, follow_up: View, overlay: Overlay) -> Border | None:
    """Follow the border.

    Both masks are followed, the baseline's forwards and the follow-up's backwards, and the two growths are averaged
    (geometrically), so that neither mask decides alone.

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        overlay: How the follow-up lies on the baseline.

    Returns:
        None when the flow contradicts itself, or does not make the pictures alike.
    """
    factor = _factor(baseline.equivalent_diameter)
    laid = cv2.warpAffine(follow_up.pixels, overlay.matrix, baseline.size, borderMode=cv2.BORDER_REFLECT)
    moved = np.asarray(laid, np.uint8)
    masks = baseline.mask, laid_over(follow_up.mask, overlay, baseline.size)
    first, second = (_sized(mask.astype(np.float32), factor) for mask in masks)
    one, two = _in_one_light(baseline.pixels, moved, masks, factor)
    motion = _motion(one, two)
    if not _trustworthy(motion, one, two, first, factor * baseline.equivalent_diameter):
        return None
    went, came = motion.at_follow_up(first), motion.at_baseline(second)
    growth = np.sqrt(went.sum() / first.sum() * second.sum() / max(float(came.sum()), 1.0))
    there = cv2.resize(motion.there, baseline.size, interpolation=cv2.INTER_LINEAR) / np.float32(factor)
    outline = cv2.resize(went, baseline.size, interpolation=cv2.INTER_LINEAR) >= 0.5
    pixels = np.asarray(_along(moved.astype(np.float32), np.asarray(there, np.float32)).clip(0, 255), np.uint8)
    return Border(float(growth) - 1, np.asarray(outline), pixels)


def _factor(diameter: float) -> float:
    """How much larger the pictures are made."""
    return min(max(SMALLEST_PX / diameter, 1.0), MOST) if diameter < LARGEST_PX else LARGEST_PX / diameter


def _sized(layer: FloatArray, factor: float) -> FloatArray:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(layer, None, fx=factor, fy=factor, interpolation=how), np.float32)


def _in_one_light(
    baseline: RgbImage, moved: RgbImage, masks: tuple[BoolArray, BoolArray], factor: float
) -> tuple[RgbImage, RgbImage]:
    """(h, w) uint8, both pictures' lightness, that of the follow-up brought to the baseline's by the skin."""
    light = [np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)[..., 0] for pixels in (baseline, moved)]
    skin = ~(masks[0] | masks[1])
    if skin.any():
        light[1] = light[1] + (np.median(light[0][skin]) - np.median(light[1][skin]))
    one, two = (cv2.GaussianBlur(_sized(layer, factor), (0, 0), BLUR) for layer in light)
    return np.asarray(one.clip(0, 255), np.uint8), np.asarray(two.clip(0, 255), np.uint8)


def _motion(one: RgbImage, two: RgbImage) -> _Motion:
    return _Motion(_flow(one, two), _flow(two, one))


def _flow(one: RgbImage, two: RgbImage) -> FloatArray:
    """(h, w, 2) float32: from each point of one picture to the other's, in finer and finer steps."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setFinestScale(0)
    found = np.zeros((*one.shape, 2), np.float32)
    for _ in range(PASSES):
        left = np.asarray(_along(two.astype(np.float32), found).clip(0, 255), np.uint8)
        step = np.asarray(finder.calc(one, left, np.zeros_like(found)), np.float32)
        found = step + _along(found, step)
    return found


def _along(layer: FloatArray, motion: FloatArray) -> FloatArray:
    rows, columns = np.indices(motion.shape[:2], np.float32)
    where = np.asarray(columns + motion[..., 0], np.float32), np.asarray(rows + motion[..., 1], np.float32)
    return np.asarray(cv2.remap(layer, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _trustworthy(motion: _Motion, one: RgbImage, two: RgbImage, mask: FloatArray, diameter: float) -> bool:
    inside = np.asarray(mask >= 0.5, np.uint8)
    kernel = np.ones((RING, RING), np.uint8)
    ring = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, kernel)) > 0
    around = np.asarray(cv2.dilate(inside, kernel, iterations=2)) > 0
    if not ring.any():
        return False
    returned = np.linalg.norm(motion.there + motion.at_baseline(motion.back), axis=2)
    pair = motion.at_baseline(two.astype(np.float32))[around], one[around].astype(np.float32)
    spread = float(pair[0].std() * pair[1].std())
    if spread == 0:
        return False
    alike = float(((pair[0] - pair[0].mean()) * (pair[1] - pair[1].mean())).mean()) / spread
    return bool(np.median(returned[ring]) <= MAX_DISAGREEMENT * diameter and alike >= MIN_CORRELATION)
