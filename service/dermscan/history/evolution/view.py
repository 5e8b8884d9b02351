"""A scan at working size, with what may be compared in it. It is never written back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage, Scan

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

WORKING_SIDE = 512
"""Pixels to which the longer side of a larger frame is reduced."""
DARK = 24
"""Level below which a pixel in every channel is the dark rim of a dermatoscope, or nothing at all."""
RIM = 0.015
"""Share of the longer side around the rim that is not looked at either: the rim moves with the camera, not the skin."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One scan at working size.

    Attributes:
        pixels: (h, w, 3) uint8, RGB.
        mask: (h, w) bool, True on the lesion.
        seen: (h, w) bool, False on the dark rim of a dermatoscope and close to it.
        reduction: Working pixels a frame pixel, at most 1.
        area: Area of the lesion in working pixels, counted on the whole frame.
        mm_per_pixel: Millimetres a working pixel; None when the scan is not calibrated.
    """

    pixels: RgbImage
    mask: BoolArray
    seen: BoolArray
    reduction: float
    area: float
    mm_per_pixel: float | None

    @property
    def equivalent_diameter(self) -> float:
        """Diameter in working pixels of the disc that has the lesion's area."""
        return float(np.sqrt(4 * self.area / np.pi))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in working pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def skin(self, margin: float) -> BoolArray:
        """(h, w) bool: what is seen and lies at least `margin` equivalent diameters away from the lesion."""
        return np.asarray(self.seen & (self.away() > margin))

    def away(self) -> FloatArray:
        """(h, w) float32: distance from the lesion in its equivalent diameters, 0 on it."""
        pixels = cv2.distanceTransform((~self.mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        return np.asarray(pixels / self.equivalent_diameter, np.float32)


def view(scan: Scan) -> View | None:
    """Reduce a scan to the working size; None when it has no mask, or one of which nothing is left there."""
    mask = scan.assessment.mask
    if mask is None or mask.area_px == 0:
        return None
    reduction = min(WORKING_SIDE / max(scan.frame.pixels.shape[:2]), 1.0)
    size = max(round(scan.frame.width * reduction), 1), max(round(scan.frame.height * reduction), 1)
    pixels = np.asarray(cv2.resize(scan.frame.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    small = cv2.resize(mask.pixels.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    if small.max() < 128:
        return None
    scale = None if scan.frame.mm_per_pixel is None else scan.frame.mm_per_pixel / reduction
    return View(pixels, small >= 128, _seen(pixels), reduction, mask.area_px * reduction**2, scale)


def _seen(pixels: RgbImage) -> BoolArray:
    """What is not the dark rim: dark pixels that hang together with the frame's edge, and a margin around them."""
    dark = (pixels.max(axis=2) < DARK).astype(np.uint8)
    framed = cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(framed)
    lit = (labels != labels[0, 0]).astype(np.uint8)
    reach = max(round(RIM * max(pixels.shape[:2])), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.erode(lit, kernel)[1:-1, 1:-1] > 0)
