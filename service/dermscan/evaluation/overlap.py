"""How well a mask agrees with the one an expert drew."""

import numpy as np
from numpy.typing import NDArray

ACCEPTABLE_JACCARD = 0.65
"""Below this a segmentation counts as failed: the ISIC 2018 challenge's threshold (Codella et al. 2019)."""


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice coefficient of two (height, width) bool masks, 0 to 1; 1 when both are empty (Dice 1945)."""
    total = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    if total == 0:
        return 1.0
    return 2 * int(np.count_nonzero(found & truth)) / total


def overlap_summary(dices: NDArray[np.float64]) -> dict[str, float]:
    """Per-image means over a set of masks.

    The Jaccard index follows from Dice, image by image, as J = D / (2 - D).

    Args:
        dices: (n,) Dice of each image, n >= 1.

    Returns:
        `images`, `dice`, `jaccard`, `threshold_jaccard` (an image below 0.65 counts as 0), `share_below_threshold`.
    """
    jaccards = dices / (2 - dices)
    passed = jaccards >= ACCEPTABLE_JACCARD
    return {
        "images": len(dices),
        "dice": float(dices.mean()),
        "jaccard": float(jaccards.mean()),
        "threshold_jaccard": float(np.where(passed, jaccards, 0.0).mean()),
        "share_below_threshold": float(1 - passed.mean()),
    }
