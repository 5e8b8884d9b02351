"""The lesion cut out of its frame and brought to a fixed size, so that no measure depends on the camera's resolution.

Colours are CIELAB (CIE 1976, D65): L* 0 to 100, a* and b* signed.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.segmentation import bounding_box
from dermscan.domain import Frame, LesionMask, RgbImage

LONG_SIDE = 192
"""Pixels to which the longer side of a greater lesion is reduced; a smaller one is left as it is."""
MARGIN = 0.2
"""Skin that is cut out around the lesion, as a share of its longer side."""


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """One lesion at working size with some skin around it.

    Attributes:
        lab: (h, w, 3) float32 CIELAB.
        mask: (h, w) bool, True on the lesion.
        seen: (h, w) bool, False on the border that was added beyond the frame's edge.
    """

    lab: FloatArray
    mask: NDArray[np.bool_]
    seen: NDArray[np.bool_]

    @property
    def equivalent_diameter(self) -> float:
        """Diameter in pixels of the disc that has the lesion's area."""
        return float(np.sqrt(4 * np.count_nonzero(self.mask) / np.pi))


def prepare(frame: Frame, mask: LesionMask) -> Specimen:
    """Cut a lesion out, with `MARGIN` around it also where the frame ends, and reduce it to the working size.

    Args:
        frame: The frame.
        mask: The lesion's mask, not empty, of the frame's size.
    """
    box = bounding_box(mask)
    long_side = max(box.width, box.height)
    border = round(MARGIN * long_side) + 2
    left, upper, right, lower = int(box.x0) - border, int(box.y0) - border, int(box.x1) + border, int(box.y1) + border
    height, width = mask.pixels.shape
    part = (slice(max(upper, 0), lower), slice(max(left, 0), right))
    scale = min(LONG_SIDE / long_side, 1.0)
    above, below = round(max(-upper, 0) * scale), round(max(lower - height, 0) * scale)
    before, after = round(max(-left, 0) * scale), round(max(right - width, 0) * scale)
    pixels, lesion = _scaled(frame.pixels[part], scale), _scaled(mask.pixels[part].astype(np.uint8) * 255, scale)
    lab = cv2.copyMakeBorder(to_lab(pixels), above, below, before, after, cv2.BORDER_REPLICATE)
    seen = cv2.copyMakeBorder(np.ones_like(lesion), above, below, before, after, cv2.BORDER_CONSTANT, value=0)
    padded = cv2.copyMakeBorder(lesion, above, below, before, after, cv2.BORDER_CONSTANT, value=0)
    return Specimen(cast("FloatArray", lab), padded >= 128, seen > 0)


def to_lab(pixels: RgbImage) -> FloatArray:
    """Turn (h, w, 3) uint8 sRGB into float32 CIELAB."""
    return cast("FloatArray", cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def _scaled(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale >= 1:
        return picture
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
