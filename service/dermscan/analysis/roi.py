"""The region of interest: which part of a frame, if any, is the lesion. It finds a box; it does not outline."""

import cv2
import numpy as np

from dermscan.analysis.preparation import FloatArray, roi_input, widened
from dermscan.analysis.runtime import Models
from dermscan.bundle.manifest import RoiModel
from dermscan.domain import Frame, Roi

FINE_SIDE = 256
"""Pixels to which the heat map is enlarged before it is thresholded, so that the box is finer than the map."""
CENTER_SIGMA = 0.35
"""Spread of the preference for the middle of the frame, as a share of its sides: a person aims at the lesion."""


def find_roi(frame: Frame, models: Models) -> Roi | None:
    """Find the lesion that a frame is aimed at: the first of `find_rois`, None when no lesion is in view."""
    return next(iter(find_rois(frame, models)), None)


def find_rois(frame: Frame, models: Models) -> tuple[Roi, ...]:
    """Find the lesions in a frame.

    Args:
        frame: The frame.
        models: The networks.

    Returns:
        The boxes, widened by the bundle's `box_margin`, in pixels of the frame; empty when no lesion is in view. The
        first is the lesion that the frame is aimed at, the one that prompts the segmentation.
    """
    (logits,) = models.roi(roi_input(frame.pixels, models.manifest.roi))
    shape, margin = frame.pixels.shape, models.manifest.segmentation.box_margin
    return tuple(widened(found, margin, shape) for found in regions(logits, models.manifest.roi, shape))


def region(logits: FloatArray, model: RoiModel, frame_shape: tuple[int, ...]) -> Roi | None:
    """The first of `regions`, None when there is none."""
    return next(iter(regions(logits, model, frame_shape)), None)


def regions(logits: FloatArray, model: RoiModel, frame_shape: tuple[int, ...]) -> tuple[Roi, ...]:
    """Read a heat map: each component is a lesion, and that of the greatest probability mass near the middle is first.

    Args:
        logits: (1, 1, h, w) float32 over the whole frame.
        model: The detector's part of the manifest.
        frame_shape: Shape of the frame's array, (height, width, ...).

    Returns:
        Boxes in pixels of the frame, with their mean probability as the score, by falling mass near the middle; without
        components that are smaller than `min_share` or less certain than `min_score`.
    """
    probability = _fine(_sigmoid(logits[0, 0]))
    above = (probability >= model.threshold).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    sums = np.bincount(labels.ravel(), probability.ravel(), minlength=count)
    pulls = np.bincount(labels.ravel(), (probability * _center_weight(probability.shape)).ravel(), minlength=count)
    scores = sums / np.maximum(areas, 1)
    fit = (areas >= model.min_share * probability.size) & (scores >= model.min_score)
    fit[0] = False
    order = [index for index in np.argsort(-pulls, kind="stable") if fit[index]]
    return tuple(_box(stats[at], probability.shape, frame_shape, min(float(scores[at]), 1.0)) for at in order)


def _box(stats: np.ndarray, map_shape: tuple[int, ...], frame_shape: tuple[int, ...], score: float) -> Roi:
    across, down = frame_shape[1] / map_shape[1], frame_shape[0] / map_shape[0]
    left, upper, wide, high = (int(value) for value in stats[:4])
    return Roi(left * across, upper * down, (left + wide) * across, (upper + high) * down, score)


def _fine(probability: FloatArray) -> FloatArray:
    factor = max(round(FINE_SIDE / max(probability.shape)), 1)
    size = (probability.shape[1] * factor, probability.shape[0] * factor)
    return np.asarray(cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _center_weight(shape: tuple[int, ...]) -> FloatArray:
    rows, columns = (np.exp(-(((np.arange(n) + 0.5) / n - 0.5) ** 2) / (2 * CENTER_SIGMA**2)) for n in shape)
    return np.outer(rows, columns).astype(np.float32)


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
