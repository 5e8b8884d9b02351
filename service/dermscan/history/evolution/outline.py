"""Lays one outline over another where the skin shows too little texture. It cannot tell a growth from a scale."""

import cv2
import numpy as np

from dermscan.history.evolution.texture import Points
from dermscan.history.evolution.view import FloatArray, View

TURNS = 24
"""Turns tried, evenly around: a round outline has no axis to go by."""
SHOWN = 96
"""Side in pixels of the square in which the turns are compared."""
ROUNDS = 60
MIN_OVERLAP = 0.6
"""Least Dice of the two outlines."""


def by_outline(baseline: View, follow_up: View, scale: float | None) -> Points | None:
    """Lay the follow-up's outline over the baseline's.

    The centres of area are laid on each other, every turn is tried, and the one whose pictures agree best is refined
    by ECC (Evangelidis and Psarakis 2008).

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        scale: Baseline pixels a follow-up pixel; None takes the one that makes the areas equal.

    Returns:
        (2, 3) float64, follow-up to baseline in working pixels; None when no turn makes them alike.
    """
    factor = scale if scale is not None else float(np.sqrt(baseline.area / follow_up.area))
    turns = [_laid(baseline, follow_up, factor, 2 * np.pi * step / TURNS) for step in range(TURNS)]
    small = SHOWN / max(baseline.size)
    there = _shown(baseline, np.eye(2, 3), small, baseline)
    likeness = [_likeness(there, _shown(follow_up, matrix, small, baseline)) for matrix in turns]
    best = _refined(baseline, follow_up, turns[int(np.argmax(likeness))])
    return best if _overlap(baseline, follow_up, best) >= MIN_OVERLAP else None


def _laid(baseline: View, follow_up: View, scale: float, turn: float) -> Points:
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.column_stack([rotation, _centre(baseline) - rotation @ _centre(follow_up)])


def _centre(view: View) -> Points:
    rows, columns = np.nonzero(view.mask)
    return np.array([columns.mean(), rows.mean()])


def _shown(view: View, matrix: Points, small: float, onto: View) -> FloatArray:
    """(h, w, 2) float32: brightness and mask, laid over the baseline and reduced."""
    light = cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    layers = np.dstack([cv2.GaussianBlur(light, (0, 0), 0.5 / small), 255 * view.mask.astype(np.float32)])
    size = round(onto.size[0] * small), round(onto.size[1] * small)
    return np.asarray(cv2.warpAffine(layers, small * matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _likeness(first: FloatArray, second: FloatArray) -> float:
    """Sum of the layers' correlations."""
    one, two = first - first.mean(axis=(0, 1)), second - second.mean(axis=(0, 1))
    return float(((one * two).mean(axis=(0, 1)) / (one.std(axis=(0, 1)) * two.std(axis=(0, 1)) + 1e-6)).sum())


def _refined(baseline: View, follow_up: View, matrix: Points) -> Points:
    """Turn and shift refined by ECC on the blurred brightness; as it was where ECC finds nothing better."""
    one = _shown(baseline, np.eye(2, 3), 1.0, baseline)[..., 0]
    two = _shown(follow_up, matrix, 1.0, baseline)[..., 0]
    seen = np.full(one.shape, 255, np.uint8)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ROUNDS, 1e-5)
    step = np.eye(2, 3, dtype=np.float32)
    try:
        _, refined = cv2.findTransformECC(one, two, step, cv2.MOTION_EUCLIDEAN, stop, seen, 5)
    except cv2.error:  # ECC did not converge
        return matrix
    back = cv2.invertAffineTransform(np.asarray(refined, np.float64))
    return np.asarray(back[:, :2] @ matrix + np.column_stack([np.zeros((2, 2)), back[:, 2]]), np.float64)


def _overlap(baseline: View, follow_up: View, matrix: Points) -> float:
    moved = cv2.warpAffine(follow_up.mask.astype(np.uint8), matrix, baseline.size, flags=cv2.INTER_NEAREST) > 0
    return 2 * float((moved & baseline.mask).sum()) / max(float(moved.sum() + baseline.mask.sum()), 1.0)
