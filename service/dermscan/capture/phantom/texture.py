"""Random textures from which the phantom is made. Every one is the same for the same generator state."""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def noise_octave(rng: np.random.Generator, shape: tuple[int, int], wavelength_px: float) -> Field:
    """Smooth noise of one wavelength.

    Args:
        rng: Source of chance.
        shape: (height, width) of the field.
        wavelength_px: Distance between the random values that are interpolated, at least 1.

    Returns:
        (height, width) float32 of about unit variance at the random values.
    """
    height, width = shape
    step = max(wavelength_px, 1.0)
    coarse = rng.standard_normal((int(height / step) + 2, int(width / step) + 2), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def noise_octaves(
    rng: np.random.Generator, shape: tuple[int, int], longest_px: float, octaves: int, decay: float = 0.6
) -> Field:
    """Fractal noise: octaves of halving wavelength and decaying strength (fractional Brownian motion).

    Returns:
        (height, width) float32, scaled to zero mean and unit standard deviation.
    """
    total: Field = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        total += np.float32(decay**octave) * noise_octave(rng, shape, longest_px / 2**octave)
    total -= total.mean()
    return total / np.float32(max(float(total.std()), 1e-6))


def cell_borders(rng: np.random.Generator, shape: tuple[int, int], cell_px: float, softness_px: float) -> Field:
    """Borders of Voronoi cells: the polygons of the skin's relief and the meshes of a pigment network.

    Args:
        rng: Source of chance.
        shape: (height, width) of the field.
        cell_px: Mean distance of the cells.
        softness_px: Standard deviation of the blur that softens the borders.

    Returns:
        (height, width) float32, 1 on a border, towards 0 inside a cell.
    """
    height, width = shape
    count = max(int(height * width / max(cell_px, 2.0) ** 2), 1)
    seeds = np.ones(shape, dtype=np.uint8)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    borders: Field = np.zeros(shape, dtype=np.float32)
    borders[:, 1:] = cells[:, 1:] != cells[:, :-1]
    borders[1:] = np.maximum(borders[1:], cells[1:] != cells[:-1])
    blurred = cv2.GaussianBlur(borders, (0, 0), max(softness_px, 0.3))
    return np.asarray(blurred / max(float(blurred.max()), 1e-6), dtype=np.float32)


def smoothstep(field: Field, low: float, high: float) -> Field:
    """Hermite step from 0 at `low` to 1 at `high`, elementwise."""
    share = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
