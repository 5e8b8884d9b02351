"""Finds the points that two pictures of the same skin share. What it finds is checked elsewhere."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.history.evolution.view import View

Points = NDArray[np.float64]

MOST_POINTS = 2000
CONTRAST = 0.01
"""Least contrast of a SIFT point: skin is a faint texture, so less than Lowe's 0.04."""
RATIO = 0.8
"""Greatest ratio of the best to the second-best descriptor distance (Lowe 2004)."""
GUIDED_REACH = 0.012
"""Distance, as a share of the longer side, within which a point is looked for once its place is known roughly."""
GUIDED_DISTANCE = 0.55
"""Greatest distance of two RootSIFT descriptors of the same place; unrelated ones lie at about 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """The points of one picture.

    Attributes:
        places: (n, 2) float64, (x, y) in working pixels.
        descriptors: (n, 128) float32, RootSIFT.
        away: (n,) float64, distance from the lesion in its equivalent diameters; 0 on it.
    """

    places: Points
    descriptors: NDArray[np.float32]
    away: Points


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Points of a follow-up and of a baseline that look alike.

    Attributes:
        follow_up: (n, 2) float64, (x, y).
        baseline: (n, 2) float64, (x, y).
        away: (n,) float64, distance from the lesion in its equivalent diameters, the lesser of the two pictures'.
    """

    follow_up: Points
    baseline: Points
    away: Points

    def __len__(self) -> int:
        return len(self.baseline)

    def chosen(self, which: NDArray[np.bool_]) -> "Pairs":
        """Those of the pairs at which `which`, (n,) bool, is True."""
        return Pairs(self.follow_up[which], self.baseline[which], self.away[which])


def texture(view: View) -> Texture:
    """Find SIFT points (Lowe 2004) and describe them by RootSIFT (Arandjelovic and Zisserman 2012).

    Args:
        view: The picture. Its contrast is evened out first (CLAHE, Zuiderveld 1994).
    """
    gray = cv2.createCLAHE(3.0, (8, 8)).apply(cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY))
    sift = cv2.SIFT.create(nfeatures=MOST_POINTS, contrastThreshold=CONTRAST, edgeThreshold=15)
    found, raw = sift.detectAndCompute(gray, view.seen.astype(np.uint8) * 255)
    if not found:
        return Texture(np.empty((0, 2)), np.empty((0, 128), np.float32), np.empty(0))
    places = np.array([point.pt for point in found], np.float64)
    descriptors = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-6), dtype=np.float32)
    column, row = np.rint(places).astype(np.intp).T
    width, height = view.size
    away = view.away()[row.clip(0, height - 1), column.clip(0, width - 1)]
    return Texture(places, descriptors, away.astype(np.float64))


def alike(follow_up: Texture, baseline: Texture) -> Pairs:
    """Pair the points whose descriptors are nearest to each other and much nearer than to any other."""
    if min(len(follow_up.places), len(baseline.places)) < 2:
        return _pairs(follow_up, baseline, np.empty(0, np.intp), np.empty(0, np.intp))
    two = cv2.BFMatcher(cv2.NORM_L2).knnMatch(follow_up.descriptors, baseline.descriptors, k=2)
    kept = [best for best, second in two if best.distance < RATIO * second.distance]
    here, there = np.array([[match.queryIdx, match.trainIdx] for match in kept], np.intp).reshape(-1, 2).T
    _, single = np.unique(there, return_index=True)
    return _pairs(follow_up, baseline, here[single], there[single])


def guided(follow_up: Texture, baseline: Texture, matrix: Points, reach: float) -> Pairs:
    """Pair points anew among those that a registration already brings close to each other.

    Args:
        follow_up: Points of the follow-up.
        baseline: Points of the baseline.
        matrix: (2, 3), follow-up to baseline.
        reach: Greatest distance in baseline pixels.
    """
    expected = follow_up.places @ matrix[:, :2].T + matrix[:, 2]
    across, down = (np.square(expected[:, None, axis] - baseline.places[None, :, axis]) for axis in (0, 1))
    unlike = np.sqrt(np.maximum(2 - 2 * follow_up.descriptors @ baseline.descriptors.T, 0))
    unlike[across + down > reach**2] = np.inf
    best, back = unlike.argmin(axis=1), unlike.argmin(axis=0)
    here = np.arange(len(best))
    good = (back[best] == here) & (unlike[here, best] < GUIDED_DISTANCE)
    return _pairs(follow_up, baseline, here[good], best[good])


def _pairs(follow_up: Texture, baseline: Texture, here: NDArray[np.intp], there: NDArray[np.intp]) -> Pairs:
    away = np.minimum(follow_up.away[here], baseline.away[there])
    return Pairs(follow_up.places[here], baseline.places[there], away)
