"""White balance and colour correction from a target's patches. It never corrects a picture's brightness."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.calibration.finding import Points, Sighting, mapped
from dermscan.calibration.target import PAPER, PATCHES
from dermscan.domain import RgbImage
from dermscan.domain.color_difference import ciede2000
from dermscan.errors import CalibrationRefused

INNER = 0.6
"""Share of a patch's side that is read: its edges are blurred into the paper."""
PAPER_SIDE = 0.2
"""Side of a place of paper that is read, in squares."""
BURNT, DARK = 250, 3
"""Levels at which a channel is clipped, and nothing."""
MAX_CLIPPED = 0.02
"""Greatest share of a patch's pixels that may be clipped."""
MAX_SPREAD = 0.25
"""Greatest standard deviation of a patch's brightness as a share of it: a shadow's edge, glare or a finger has more."""
MIN_PATCHES, MIN_GREYS = 13, 4
MAX_DELTA_E = 12.0
"""Greatest mean difference that is left on a target that is uncovered and rightly printed."""
MIN_LEVEL = 60.0
"""Least mean level of the lightest patch's brightest channel, 0 to 255."""
STIFFNESS = 0.02
"""Weight that holds the correction to the white balance alone, against the patches' weight of one."""


@dataclass(frozen=True, slots=True, eq=False)
class Color:
    """The colours of a camera under its light.

    Attributes:
        gains: (3,) float64, factors on linear red, green and blue that make the greys grey; green's is 1.
        matrix: (3, 3) float64, linear camera RGB to linear sRGB as a column; it leaves the greys' brightness as it is.
        delta_e_before: Mean CIEDE2000 difference of the patches from what they should be, at equal brightness.
        delta_e_after: The same once corrected.
        patches: Number of patches that were read.
    """

    gains: Points
    matrix: Points
    delta_e_before: float
    delta_e_after: float
    patches: int


def measure_color(pictures: list[RgbImage], sightings: list[Sighting]) -> Color:
    """Measure white balance and colour correction.

    The camera's output is taken for sRGB-encoded (IEC 61966-2-1). The light's fall-off is taken out by the white paper
    beside the patches; the matrix is the least-squares one, held to the white balance by a small weight (ridge).

    Args:
        pictures: (height, width, 3) uint8, RGB, at least one.
        sightings: The target in each of them.

    Raises:
        CalibrationRefused: Too many patches are covered, in glare, or over- or underexposed.
    """
    seen = [_patches(pixels, sighting) for pixels, sighting in zip(pictures, sightings, strict=True)]
    read = [number for number in range(len(PATCHES)) if any(number in colors for colors in seen)]
    greys = [number for number in read if PATCHES[number].neutral]
    if len(read) < MIN_PATCHES or len(greys) < MIN_GREYS:
        problem = f"{len(read)} of the {len(PATCHES)} patches can be read; uncover all, avoid glare, mend the exposure"
        raise CalibrationRefused(problem=problem)
    camera = np.array([np.mean([colors[number] for colors in seen if number in colors], axis=0) for number in read])
    wanted = _linear(np.array([PATCHES[number].rgb for number in read], np.float64))
    neutral = np.array([PATCHES[number].neutral for number in read])
    if 255 * float(_sensed(camera.max())) < MIN_LEVEL:
        raise CalibrationRefused(problem="the picture is too dark; light the target as the skin is lit")
    color = _fitted(camera, wanted, neutral)
    if color.delta_e_after > MAX_DELTA_E:
        raise CalibrationRefused(problem="the patches do not have their colours; uncover them, or print them anew")
    return color


def _fitted(camera: Points, wanted: Points, neutral: NDArray[np.bool_]) -> Color:
    level = camera[neutral].sum(axis=0)
    gains = level[1] / level
    balanced = camera * gains
    brightness = float((wanted[neutral] * balanced[neutral]).sum() / (balanced[neutral] ** 2).sum())
    goal, weight = wanted / brightness, STIFFNESS * float((balanced**2).sum())
    turn = np.linalg.solve(balanced.T @ balanced + weight * np.eye(3), balanced.T @ goal + weight * np.eye(3)).T
    matrix = turn * gains
    kept = float(_luminance(camera[neutral]).sum() / _luminance(camera[neutral] @ matrix.T).sum())
    matrix = matrix * kept
    before, after = (_difference(colors, wanted, neutral) for colors in (camera, camera @ matrix.T))
    return Color(gains, matrix, before, after, len(camera))


def _difference(camera: Points, wanted: Points, neutral: NDArray[np.bool_]) -> float:
    """Mean CIEDE2000 difference at the brightness at which the greys' luminances agree best."""
    seen, asked = _luminance(camera[neutral]), _luminance(wanted[neutral])
    level = float((seen * asked).sum() / (seen**2).sum())
    return float(ciede2000(_lab(camera * level), _lab(wanted)).mean())


def _luminance(linear: Points) -> Points:
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _patches(pixels: RgbImage, sighting: Sighting) -> dict[int, Points]:
    """(3,) linear camera RGB of every patch that can be read, by its number, the light's fall-off taken out."""
    side = sighting.target.square_mm
    fall_off = _fall_off(pixels, sighting)
    found = {}
    for number, patch in enumerate(PATCHES):
        middle = np.array([patch.x + patch.side / 2, patch.y + patch.side / 2])
        color = _read(pixels, sighting, middle, INNER * patch.side)
        if color is not None:
            found[number] = color / np.exp(fall_off @ np.array([1.0, *(middle * side)]))
    return found


def _fall_off(pixels: RgbImage, sighting: Sighting) -> Points:
    """(3,) constant, and slopes a millimetre, of the paper's log luminance about its mean: a plane by least squares."""
    side = sighting.target.square_mm
    read = [(place, _read(pixels, sighting, np.array(place), PAPER_SIDE, burnt=256)) for place in PAPER]
    terms = np.array([[1.0, place[0] * side, place[1] * side] for place, color in read if color is not None])
    if len(terms) < len(PAPER) // 2:
        return np.zeros(3)
    level = np.log([float(_luminance(color)) for _, color in read if color is not None])
    return np.asarray(np.linalg.lstsq(terms, level - level.mean(), rcond=None)[0])


def _read(pixels: RgbImage, sighting: Sighting, middle: Points, side: float, burnt: int = BURNT) -> Points | None:
    """(3,) mean linear RGB of a square of the target, None when it is not all seen, clipped or not of one colour."""
    corners = (middle + side / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])) * sighting.target.square_mm
    outline = mapped(sighting.matrix, corners)
    left, upper = np.floor(outline.min(axis=0)).astype(int)
    right, lower = np.ceil(outline.max(axis=0)).astype(int) + 1
    if min(left, upper) < 0 or right > pixels.shape[1] or lower > pixels.shape[0]:
        return None
    inside = np.zeros((lower - upper, right - left), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(outline - (left, upper)).astype(np.int32), 1)
    seen = pixels[upper:lower, left:right][inside > 0]
    if ((seen.max(axis=1) >= burnt) | (seen.max(axis=1) <= DARK)).mean() > MAX_CLIPPED:
        return None
    linear = _linear(seen.astype(np.float64))
    bright = _luminance(linear)
    return None if bright.std() > MAX_SPREAD * bright.mean() else np.asarray(linear.mean(axis=0))


def _linear(levels: Points) -> Points:
    """Linear light, 0 to 1, of sRGB levels, 0 to 255 (IEC 61966-2-1)."""
    value = np.asarray(levels, np.float64) / 255
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


def _lab(linear: Points) -> Points:
    """CIELAB (D65) of (n, 3) linear sRGB."""
    colors = np.clip(linear, 0, None)[None].astype(np.float32)
    return np.asarray(cv2.cvtColor(colors, cv2.COLOR_LRGB2LAB)[0], np.float64)


def correct_colors(pixels: RgbImage, matrix: Points) -> RgbImage:
    """Correct a picture's colours.

    Args:
        pixels: (height, width, 3) uint8, RGB, sRGB-encoded.
        matrix: (3, 3), linear camera RGB to linear sRGB.

    Returns:
        The same shape; what leaves the range of the levels is clipped.
    """
    linear = _LINEAR[pixels]
    turned = np.clip(cv2.transform(linear, matrix), 0, 1)
    return np.asarray(_ENCODED[np.rint(turned * (len(_ENCODED) - 1)).astype(np.uint16)])


def _sensed(linear: Points) -> Points:
    """sRGB, 0 to 1, of linear light."""
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


_LINEAR = _linear(np.arange(256, dtype=np.float64)).astype(np.float32)
_ENCODED = np.rint(255 * _sensed(np.linspace(0, 1, 1 << 14))).astype(np.uint8)
