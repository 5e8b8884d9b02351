"""D, diameter: the greatest extent of the lesion on the skin."""

import cv2
import numpy as np

from dermscan.domain import LesionMask


def greatest_diameter(mask: LesionMask) -> float:
    """Greatest Feret diameter in pixels: the largest distance between two points of the mask's convex hull.

    The points are the outer corners of the pixels, so that one pixel has the diameter of its diagonal. The farthest
    pair of a set lies on its convex hull (Preparata and Shamos 1985), which has few points.
    """
    contours, _ = cv2.findContours(mask.pixels.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = np.concatenate(contours)[:, 0].astype(np.float32)
    corners = np.concatenate([points + np.array([dx, dy], np.float32) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)])
    hull = cv2.convexHull(corners)[:, 0].astype(np.float64)
    return float(np.linalg.norm(hull[:, None] - hull[None], axis=2).max())
