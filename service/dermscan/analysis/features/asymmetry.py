"""A, asymmetry: how unlike itself the lesion is when folded. It compares shape and colour, never structures."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermscan.analysis.features.specimen import Specimen
from dermscan.analysis.preparation import FloatArray

SIDE = 80
"""Side in pixels of the square in which the lesion is folded."""
FILL = 0.9
"""Share of that square's half side that the farthest point of the lesion reaches."""
ORIENTATIONS = 12
"""Orientations tried over the quarter turn, the principal axes being the first."""
COLOR_BLUR = 0.05
"""Sigma, as a share of the square's side, over which colours are averaged: structures do not count, areas do."""
SHAPE_LIMIT = 0.10
"""Non-overlapping share of the area above which the shape is asymmetric across an axis."""
COLOR_LIMIT = 6.0
"""Mean colour difference (CIE 1976) between mirrored places above which the colour is asymmetric across an axis."""


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """Asymmetry of one lesion.

    Attributes:
        score: Number of the two axes, 0 to 2, across which shape or colour is asymmetric.
        index: Non-overlapping share of the area when folded on the better axis, 0 to 1.
    """

    score: int
    index: float


@dataclass(frozen=True, slots=True)
class _Fold:
    shape: float
    color: float

    @property
    def severity(self) -> float:
        return max(self.shape / SHAPE_LIMIT, self.color / COLOR_LIMIT)


def asymmetry(specimen: Specimen) -> Asymmetry:
    """Fold the lesion on two axes at right angles through its centre of area, placed where it is most symmetric.

    This is the rule of Stolz et al. 1994 (ABCD rule of dermatoscopy): two axes at right angles, placed so that the
    score is lowest, one point for each axis across which the lesion is asymmetric. The principal axes of the mask are
    among those tried. Shape is compared by the area that finds no partner in the fold (Stoecker et al. 1992), colour by
    the mean CIELAB difference of mirrored places (Seidenari et al. 2006).
    """
    mask, lab = _centred(specimen)
    folds = [(_fold(mask, lab, angle), _fold(mask, lab, angle + 90)) for angle in _orientations(mask)]
    best = min(folds, key=lambda pair: pair[0].severity + pair[1].severity)
    return Asymmetry(sum(fold.severity > 1 for fold in best), min(fold.shape for fold in best))


def _centred(specimen: Specimen) -> tuple[FloatArray, FloatArray]:
    """The mask and the averaged colours with the centre of area in the middle of a square, whatever the size was."""
    rows, columns = np.nonzero(specimen.mask)
    y, x = float(rows.mean()), float(columns.mean())
    scale = FILL * SIDE / 2 / max(float(np.hypot(rows - y, columns - x).max()), 1.0)
    middle = (SIDE - 1) / 2
    place = np.array([[scale, 0, middle - scale * x], [0, scale, middle - scale * y]])
    inside = specimen.mask.astype(np.float32)[..., None]
    layers = np.concatenate([inside, specimen.lab * inside], axis=2)
    small = _warped(np.asarray(cv2.GaussianBlur(layers, (0, 0), max(0.5 / scale, 0.3)), np.float32), place)
    spread = cv2.GaussianBlur(small, (0, 0), COLOR_BLUR * SIDE)
    mean = np.asarray(spread[..., 1:] / np.maximum(spread[..., :1], 1e-6), np.float32)
    return np.ascontiguousarray(small[..., 0]), mean


def _orientations(mask: FloatArray) -> list[float]:
    moments = cv2.moments(mask)
    principal = 0.5 * np.degrees(np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"]))
    return [float(principal) + 90 * step / ORIENTATIONS for step in range(ORIENTATIONS)]


def _fold(mask: FloatArray, lab: FloatArray, degrees: float) -> _Fold:
    """Mirror across the axis at an angle through the square's middle, and compare."""
    double = 2 * np.radians(degrees)
    turn = np.array([[np.cos(double), np.sin(double)], [np.sin(double), -np.cos(double)]])
    middle = np.full(2, (SIDE - 1) / 2)
    mirror = np.column_stack([turn, middle - turn @ middle])
    here, there = mask >= 0.5, _warped(mask, mirror) >= 0.5
    both = here & there
    difference = np.linalg.norm(lab - _warped(lab, mirror), axis=2)
    shape = 1 - float(both.sum()) / max(float(here.sum()), 1.0)
    return _Fold(shape, float(difference[both].mean()) if both.any() else 0.0)


def _warped(picture: FloatArray, place: np.ndarray) -> FloatArray:
    return np.asarray(cv2.warpAffine(picture, place, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.float32)
