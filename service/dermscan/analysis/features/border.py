"""B, border: in how many of eight sectors the lesion ends abruptly, and how ragged its contour is."""

import cv2
import numpy as np

from dermscan.analysis.features.specimen import Specimen
from dermscan.analysis.preparation import FloatArray

SECTORS = 8
NEAR = (0.01, 0.05)
"""Distances from the contour, in equivalent diameters, between which the step is measured on both sides."""
FAR = (0.05, 0.13)
"""Distances between which the whole contrast of the lesion against its skin is measured on both sides."""
MIN_STEP = 8.0
"""Least step in L* that counts as an end of pigment."""
MIN_ABRUPTNESS = 0.5
"""Least share of the whole contrast that lies in the step: a transition of at most an eighth of the diameter."""
SMOOTHING = 1.5
"""Sigma in pixels by which the mask is smoothed before its perimeter is measured."""


def abrupt_sectors(specimen: Specimen) -> int:
    """Count the sectors of 45 degrees around the centre of area in which the pigment ends abruptly, 0 to 8.

    The B of Stolz et al. 1994: one point for each eighth with a sharp, abrupt cut-off of the pigment at the periphery.
    Abrupt means here that L* rises by at least `MIN_STEP` across the contour, and that this step is at least
    `MIN_ABRUPTNESS` of the whole contrast farther in and out; all distances scale with the lesion.
    """
    light, sector = specimen.lab[..., 0], _sectors(specimen)
    distance = _signed_distance(specimen) / specimen.equivalent_diameter
    step = _rise(light, sector, distance, NEAR)
    contrast = _rise(light, sector, distance, FAR)
    return int(np.count_nonzero((step >= MIN_STEP) & (step >= MIN_ABRUPTNESS * contrast)))


def irregularity(specimen: Specimen) -> float:
    """Perimeter squared over 4 pi area: 1 for a disc, 4 / pi for a square, larger when ragged (Golston et al. 1992).

    The perimeter is the total variation of the slightly smoothed mask (co-area formula, Federer 1959), which, unlike a
    chain of pixels, does not depend on how the contour lies to the grid.
    """
    lesion = cv2.GaussianBlur(specimen.mask.astype(np.float32), (0, 0), SMOOTHING)
    down, across = np.gradient(lesion)
    perimeter = float(np.hypot(down, across).sum())
    return perimeter**2 / (4 * np.pi * max(float(np.count_nonzero(specimen.mask)), 1.0))


def _sectors(specimen: Specimen) -> np.ndarray:
    """(h, w) number of the sector, 0 to 7, in which each pixel lies; -1 beyond the frame."""
    rows, columns = np.nonzero(specimen.mask)
    down, across = np.indices(specimen.mask.shape, np.float32)
    turn = np.arctan2(down - rows.mean(), across - columns.mean()) / (2 * np.pi) % 1.0
    return np.where(specimen.seen, np.minimum((turn * SECTORS).astype(np.int64), SECTORS - 1), -1)


def _signed_distance(specimen: Specimen) -> FloatArray:
    """Pixels to the contour, positive outside of the lesion, negative inside."""
    lesion = specimen.mask.astype(np.uint8)
    outside = cv2.distanceTransform(1 - lesion, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = cv2.distanceTransform(lesion, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.where(lesion, 0.5 - inside, outside - 0.5), np.float32)


def _rise(light: FloatArray, sector: np.ndarray, distance: FloatArray, band: tuple[float, float]) -> np.ndarray:
    """By how much L* is greater outside than inside at the distances of a band, sector by sector; 0 where unseen."""
    outer = _mean(light, sector, (distance >= band[0]) & (distance < band[1]))
    inner = _mean(light, sector, (distance <= -band[0]) & (distance > -band[1]))
    return np.asarray(np.nan_to_num(outer - inner))


def _mean(light: FloatArray, sector: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    where = sector[chosen & (sector >= 0)]
    values = light[chosen & (sector >= 0)]
    count = np.bincount(where, minlength=SECTORS)
    total = np.bincount(where, values, minlength=SECTORS)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
