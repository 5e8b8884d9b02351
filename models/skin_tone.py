"""The tone of the skin around a lesion, as an individual typology angle (Chardon et al. 1991), in six groups.

Dermatoscopes light the skin as they like, so that the angle says how a picture looks rather than whom it shows.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage

GROUPS = {"very_light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -90.0}
"""Least angle of each group in degrees."""
NEAR, FAR = 0.05, 0.20
"""Where the ring of skin begins and ends beyond the lesion's outline, as shares of the picture's shorter side."""
FEWEST = 200
"""Pixels of skin below which nothing is said."""


def typology_angle(pixels: RgbImage, lesion: NDArray[np.bool_]) -> float | None:
    """Degrees of arctan((L* - 50) / b*) of the median skin around a lesion; None where too little of it is seen.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        lesion: (height, width) bool.
    """
    apart = cv2.distanceTransform((~lesion).astype(np.uint8), cv2.DIST_L2, 3) / min(lesion.shape)
    lightness = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    ring = (apart > NEAR) & (apart < FAR) & (lightness[..., 0] > 15)  # darker is the rim of the dermatoscope, or hair
    if np.count_nonzero(ring) < FEWEST:
        return None
    light, _, yellow = np.median(lightness[ring], axis=0)
    return float(np.degrees(np.arctan2(light - 50, max(float(yellow), 1e-3))))


def tone_group(angle: float | None) -> str:
    """The group of an angle, or `unknown`."""
    if angle is None:
        return "unknown"
    return next((name for name, least in GROUPS.items() if angle > least), "dark")
