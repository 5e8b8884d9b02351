"""Scale, tilt and lens distortion of a camera from the corners of a target. It assumes a flat target."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermscan.calibration.finding import Points, Sighting, mapped
from dermscan.errors import CalibrationRefused

MAX_TILT_DEG = 8.0
"""Greatest tilt of the target; lengths along the tilt are 1 % short at it."""
MAX_SLOPE = 0.05
"""Greatest change of the scale from the middle of the picture to a corner, by perspective."""
PRINT_ERROR = 0.002
"""Standard uncertainty of a printed length that was checked with a ruler, as a share."""
FOCAL_SIDES = 1.2
"""Focal length that lens distortion is spelled out with, in longer sides of the picture: a flat target tells none."""
MIN_GAIN_PX = 0.1
MIN_GAIN = 0.3
"""Distortion counts as observed when it takes so many pixels, and such a share, off the corners' residual."""
SINGLE = 6
"""Least number of pictures whose scatter is taken as it is."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale at the target, in the middle of the picture.

    Attributes:
        mm_per_pixel: Millimetres per pixel.
        error: Standard uncertainty of it, millimetres per pixel.
        tilt_deg: Greatest tilt of the target against the picture, degrees.
    """

    mm_per_pixel: float
    error: float
    tilt_deg: float


@dataclass(frozen=True, slots=True)
class Lens:
    """Radial distortion of the first order, about the middle of the picture (Brown 1971, as in OpenCV).

    Attributes:
        k1: Its coefficient.
        focal_px: Focal length that it is spelled out with, pixels.
        farthest_px: How far it shifts the outermost corner that was seen, pixels.
    """

    k1: float
    focal_px: float
    farthest_px: float


def measure_scale(sightings: list[Sighting], size: tuple[int, int], lens: Lens | None, bar: float) -> Scale:
    """Measure the scale on one or several pictures.

    The scale is that of the direction that the tilt does not shorten. Its uncertainty adds, as variances, what the
    corners' residuals leave open, the scatter from picture to picture, and the print.

    Args:
        sightings: The target in each picture, at least one.
        size: Width and height of the pictures in pixels.
        lens: The lens distortion, None when none was observed.
        bar: Measured length of the printed control bar as a share of what it should be.

    Raises:
        CalibrationRefused: The target is too tilted.
    """
    views = [_view(_straight(sighting, size, lens), size) for sighting in sightings]
    tilt = max(view[1] for view in views)
    if tilt > MAX_TILT_DEG:
        problem = (
            f"the target is tilted by {tilt:.0f} degrees, {MAX_TILT_DEG:.0f} are allowed; lay it square to the camera"
        )
        raise CalibrationRefused(problem=problem)
    if max(view[2] for view in views) > MAX_SLOPE:
        raise CalibrationRefused(problem="the target is tilted: its scale changes across the picture; lay it square")
    scales = np.array([view[0] for view in views])
    shares = [_share_error(sighting) for sighting in sightings]
    scatter = float(scales.std(ddof=1) / scales.mean()) if len(scales) > 1 else 0.0
    share = np.sqrt(np.mean(np.square(shares)) + scatter**2 / min(len(scales), SINGLE) + PRINT_ERROR**2)
    scale = float(scales.mean()) * bar
    return Scale(scale, float(scale * share), float(tilt))


def _view(sighting: Sighting, size: tuple[int, int]) -> tuple[float, float, float]:
    """Millimetres per pixel in the middle of the picture, tilt in degrees, change of the scale towards a corner."""
    middle = np.array([[(size[0] - 1) / 2, (size[1] - 1) / 2]])
    (place,) = mapped(np.asarray(np.linalg.inv(sighting.matrix), np.float64), middle)
    most, least = np.linalg.svd(_jacobian(sighting.matrix, place), compute_uv=False)
    tilt = np.degrees(np.arccos(np.clip(least / most, 0, 1)))
    depth = sighting.matrix[2, :2] @ place + sighting.matrix[2, 2]
    reach = float(np.hypot(*size)) / 2 / most
    return 1 / float(most), float(tilt), float(np.linalg.norm(sighting.matrix[2, :2]) / abs(depth) * reach)


def _jacobian(matrix: Points, place: Points) -> Points:
    """(2, 2) pixels a millimetre at a place of the target."""
    x, y, depth = matrix @ np.array([*place, 1.0])
    seen = np.array([[x], [y]]) / depth
    return np.asarray((matrix[:2, :2] - seen * matrix[2, :2]) / depth)


def _share_error(sighting: Sighting) -> float:
    """Standard error of the scale as a share of it, as of a slope."""
    spread = np.sqrt(((sighting.corners - sighting.corners.mean(axis=0)) ** 2).sum())
    return sighting.residual / float(spread)


def observe_lens(sightings: list[Sighting], size: tuple[int, int]) -> Lens | None:
    """Tell the lens distortion, None when the corners lie as well without any.

    Args:
        sightings: The target in each picture, at least one.
        size: Width and height of the pictures in pixels.
    """
    without, _ = _fitted(sightings, size, cv2.CALIB_FIX_K1)
    with_it, k1 = _fitted(sightings, size, 0)
    if without - with_it < max(MIN_GAIN_PX, MIN_GAIN * without):
        return None
    focal = FOCAL_SIDES * max(size)
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    farthest = max(float(np.linalg.norm(sighting.corners - middle, axis=1).max()) for sighting in sightings)
    return Lens(k1, focal, abs(k1) * (farthest / focal) ** 2 * farthest)


def _fitted(sightings: list[Sighting], size: tuple[int, int], fixed: int) -> tuple[float, float]:
    """Residual in pixels and first radial coefficient of OpenCV's own calibration, everything else fixed."""
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_FIX_PRINCIPAL_POINT
    flags |= cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | fixed
    places = [np.column_stack([seen.places, np.zeros(len(seen.places))]).astype(np.float32) for seen in sightings]
    corners = [seen.corners.astype(np.float32) for seen in sightings]
    residual, _, bent, _, _ = cv2.calibrateCamera(places, corners, size, _camera(size), np.zeros(5), flags=flags)
    return float(residual), float(np.ravel(bent)[0])


def _camera(size: tuple[int, int]) -> Points:
    focal = FOCAL_SIDES * max(size)
    return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])


def _straight(sighting: Sighting, size: tuple[int, int], lens: Lens | None) -> Sighting:
    """The sighting as a lens without distortion would have it."""
    if lens is None:
        return sighting
    camera = _camera(size)
    bent = np.array([lens.k1, 0, 0, 0, 0])
    corners = np.asarray(cv2.undistortPoints(sighting.corners[:, None], camera, bent, P=camera), np.float64)[:, 0]
    matrix, _ = cv2.findHomography(sighting.places, corners, 0)
    return Sighting(sighting.target, sighting.places, corners, np.asarray(matrix, np.float64), sighting.residual)
