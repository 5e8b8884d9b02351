"""Finds the target in a picture, or says in one sentence why it cannot be used. It measures nothing yet."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.calibration.target import COLUMNS, DICTIONARY, ROWS, TARGETS, Target, board
from dermscan.domain import RgbImage
from dermscan.errors import CalibrationRefused

Points = NDArray[np.float64]

REDUCTIONS = (1, 2, 4, 8)
"""How many times smaller the picture is made to look for the target."""
WINDOWS = (101, 14)
"""Largest window in pixels over which black is told from white, and the step to it: the target is large."""
ALL_CORNERS = (COLUMNS - 1) * (ROWS - 1)
MIN_CORNERS = 21
"""Least number of the 35 inner corners."""
MAX_RESIDUAL = 0.02
"""Greatest root mean square distance of the corners from a flat board, in squares."""
OTHER_DICTIONARIES = (
    cv2.aruco.DICT_5X5_250,
    cv2.aruco.DICT_6X6_250,
    cv2.aruco.DICT_ARUCO_ORIGINAL,
    cv2.aruco.DICT_APRILTAG_36H11,
)
FEW = 3
"""Markers that are found by chance at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The target as it lies in a picture.

    Attributes:
        target: Which size of it.
        places: (n, 2) float64, inner corners on the board in millimetres.
        corners: (n, 2) float64, the same in the picture, pixels (x, y), 0 in the middle of the first pixel.
        matrix: (3, 3) float64, homography from millimetres to pixels.
        residual: Root mean square distance of the corners from it in pixels.
    """

    target: Target
    places: Points
    corners: Points
    matrix: Points
    residual: float


def find_target(pixels: RgbImage) -> Sighting:
    """Find the target.

    Args:
        pixels: (height, width, 3) uint8, RGB.

    Raises:
        CalibrationRefused: There is none, it is another board, it is covered, cut off, blurred, too small or not flat.
    """
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    found = [(target, *_corners(gray, target)) for target in TARGETS]
    target, corners, numbers = max(found, key=lambda seen: len(seen[2]))
    if len(numbers) < MIN_CORNERS:
        raise CalibrationRefused(problem=_why_not(gray, len(numbers)))
    places = np.asarray(board(target).getChessboardCorners(), np.float64)[numbers, :2]
    matrix, _ = cv2.findHomography(places, corners, 0)
    if matrix is None:
        raise CalibrationRefused(problem="the corners of the target do not lie on a plane")
    plane = np.asarray(matrix, np.float64)
    sighting = Sighting(target, places, corners, plane, _residual(plane, places, corners))
    _demand_sharp(sighting)
    return sighting


def _corners(gray: NDArray[np.uint8], target: Target) -> tuple[Points, NDArray[np.intp]]:
    """The inner corners that are seen, pixels, and their numbers, at the reduction that shows most of them.

    A large and slightly soft target is found in a reduced picture only; its corners are then refined in the whole one.
    """
    best = np.empty((0, 2)), np.empty(0, np.intp)
    for reduction in REDUCTIONS:
        small = (
            gray
            if reduction == 1
            else cv2.resize(gray, None, fx=1 / reduction, fy=1 / reduction, interpolation=cv2.INTER_AREA)
        )
        corners, numbers = _detected(np.asarray(small, np.uint8), target)
        if len(numbers) > len(best[1]):
            best = _refined(gray, (corners + 0.5) * reduction - 0.5, reduction), numbers
        if len(numbers) == ALL_CORNERS:
            break
    return best


def _detected(gray: NDArray[np.uint8], target: Target) -> tuple[Points, NDArray[np.intp]]:
    seeking = cv2.aruco.DetectorParameters()
    seeking.adaptiveThreshWinSizeMax, seeking.adaptiveThreshWinSizeStep = WINDOWS
    detector = cv2.aruco.CharucoDetector(board(target), cv2.aruco.CharucoParameters(), seeking)
    corners, numbers, _, _ = detector.detectBoard(gray)
    # OpenCV gives None, against its own types, where it finds nothing
    there, known = (np.empty(0) if found is None else found for found in (corners, numbers))
    return np.asarray(there, np.float64).reshape(-1, 2), np.asarray(known, np.intp).ravel()


def _refined(gray: NDArray[np.uint8], corners: Points, reduction: int) -> Points:
    """Corners to a fraction of a pixel of the whole picture."""
    if reduction == 1:
        return corners
    reach = (2 * reduction + 1, 2 * reduction + 1)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 0.005)
    places = np.ascontiguousarray(corners[:, None], np.float32)
    return np.asarray(cv2.cornerSubPix(gray, places, reach, (-1, -1), stop), np.float64)[:, 0]


def _why_not(gray: NDArray[np.uint8], corners: int) -> str:
    """Why so few corners were found."""
    ours = _markers(gray, DICTIONARY)
    known = np.concatenate([target.marker_ids for target in TARGETS])
    foreign = len(set(ours) - set(known.tolist())) + sum(len(_markers(gray, other)) for other in OTHER_DICTIONARIES)
    if foreign > FEW or (corners == 0 and len(ours) > len(known) // 4):
        return "this is another board; print the one of `dermscan camera target`"
    if corners or len(ours) > FEW:
        seen = f"{corners} of its {ALL_CORNERS} corners are seen, {MIN_CORNERS} are needed"
        return f"the target is covered, cut off, blurred or too small: {seen}"
    return "no target is seen; show the printed page, sharp and evenly lit"


def _markers(gray: NDArray[np.uint8], dictionary: int) -> list[int]:
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(dictionary))
    _, numbers, _ = detector.detectMarkers(gray)
    return [] if numbers is None else [int(number) for number in np.ravel(numbers)]


def _residual(matrix: Points, places: Points, corners: Points) -> float:
    return float(np.sqrt(((mapped(matrix, places) - corners) ** 2).sum(axis=1).mean()))


def mapped(matrix: Points, places: Points) -> Points:
    """(n, 2) where a homography takes (n, 2) places."""
    seen = places @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(seen[:, :2] / seen[:, 2:])


def square_px(sighting: Sighting) -> float:
    """Side of a square in the picture, pixels, in the middle of what is seen."""
    middle = sighting.places.mean(axis=0)
    step = np.array([[0.0, 0.0], [sighting.target.square_mm, 0.0], [0.0, sighting.target.square_mm]])
    first, across, down = mapped(sighting.matrix, middle + step)
    return float(min(np.linalg.norm(across - first), np.linalg.norm(down - first)))


def _demand_sharp(sighting: Sighting) -> None:
    if sighting.residual > MAX_RESIDUAL * square_px(sighting):
        raise CalibrationRefused(problem="the target is blurred, bent or another one; lay it flat and focus on it")
