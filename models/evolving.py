"""Makes a second visit to a lesion out of one picture: another view, another light, and a change that is known exactly.

A lesion's own texture is stretched when it grows here. A real one grows new texture, so that what a comparison finds in
the inside of these is no measure of what it finds in real ones; the outline and the skin around it are.
"""

from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage

Mask = NDArray[np.bool_]

REACH = 0.5
"""Equivalent diameters around the grown lesion within which the skin is pushed aside."""
CORE = 0.6
"""Share of its reach up to which a lesion whose rim grows stays as it is."""
SEAM = (1.04, 1.12)
"""Reach of the grown lesion, in multiples, between which its picture fades into that of the skin."""
NOISE = 2.0
"""Standard deviation of the sensor's noise, in levels."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a lesion between two visits.

    Attributes:
        growth: Nominal growth of the area, as a share.
        one_sided: Whether it grows away from one point of its outline instead of from its centre.
        over_skin: Whether only its rim grows, over skin that stays where it is, instead of all of it, pushing the skin.
        darkening: Share of the light that the whole lesion loses.
        spot: Share of the light that one round spot in it loses.
    """

    growth: float = 0.0
    one_sided: bool = False
    over_skin: bool = False
    darkening: float = 0.0
    spot: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """A simulated follow-up.

    Attributes:
        pixels: (height, width, 3) uint8, RGB.
        mask: (height, width) bool.
        growth: True growth of the area, as a share, as the masks tell it.
        scale: True baseline pixels a follow-up pixel.
        matrix: (2, 3) true follow-up to baseline.
    """

    pixels: RgbImage
    mask: Mask
    growth: float
    scale: float
    matrix: NDArray[np.float64]


def visit(pixels: RgbImage, mask: Mask, change: Change, random: np.random.Generator) -> Visit:
    """Look at a lesion again, turned, at another magnification, shifted, in another light, after a change."""
    altered, before = _darkened(pixels, mask, change, random), mask
    if change.over_skin:
        altered, mask = _grown_over_skin(altered, mask, change.growth)
        change = replace(change, growth=0.0)
    matrix, scale = _view(mask, random)
    height, width = mask.shape
    down, across = np.indices((height, width), np.float64)
    places = np.stack([across, down], axis=-1) @ matrix[:, :2].T + matrix[:, 2]
    source = _before_growth(places, mask, change, random).astype(np.float32)
    seen = cv2.remap(altered, source[..., 0], source[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    moved = cv2.remap(mask.astype(np.float32), source[..., 0], source[..., 1], cv2.INTER_LINEAR) >= 0.5
    grown = float(moved.sum()) * scale**2 / float(before.sum()) - 1
    return Visit(as_taken(_in_other_light(seen, random), random), moved, grown, scale, matrix)


def as_taken(pixels: NDArray[np.floating] | RgbImage, random: np.random.Generator) -> RgbImage:
    """What a camera makes of it: noise, and a JPEG file of quality 92."""
    noisy = np.clip(pixels + random.normal(0, NOISE, pixels.shape), 0, 255).astype(np.uint8)
    noisy[np.asarray(pixels).max(axis=2) < 1] = 0
    _, encoded = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    decoded = cast("RgbImage", cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[..., ::-1])


def _view(mask: Mask, random: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """(2, 3) follow-up to baseline, and its scale: any turn to 45 degrees, 0.87 to 1.15, 4 % of the side."""
    turn, scale = np.radians(random.uniform(-45, 45)), float(np.exp(random.uniform(-0.14, 0.14)))
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    height, width = mask.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = random.uniform(-0.04, 0.04, 2) * max(height, width)
    return np.column_stack([rotation, _centre(mask) + shift - rotation @ middle]), scale


def _centre(mask: Mask) -> NDArray[np.float64]:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def _before_growth(
    places: NDArray[np.float64], mask: Mask, change: Change, random: np.random.Generator
) -> NDArray[np.float64]:
    """(h, w, 2) where in the baseline what is seen at `places`, baseline pixels after the growth, was before it."""
    if change.growth == 0:
        return places
    factor = float(np.sqrt(1 + change.growth))
    origin = _edge_point(mask, random) if change.one_sided else _centre(mask)
    larger = np.column_stack([factor * np.eye(2), (1 - factor) * origin])
    grown = cv2.warpAffine(mask.astype(np.uint8), larger, (mask.shape[1], mask.shape[0]), flags=cv2.INTER_NEAREST)
    away = cv2.distanceTransform(1 - grown, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    diameter = float(np.sqrt(4 * mask.sum() / np.pi))
    near = np.clip(1 - away / (REACH * diameter), 0, 1)
    weight = cv2.remap((near * near * (3 - 2 * near)).astype(np.float32), *_split(places), cv2.INTER_LINEAR)
    return np.asarray(origin + (places - origin) * (1 - (1 - 1 / factor) * weight)[..., None])


def _grown_over_skin(pixels: NDArray[np.float32], mask: Mask, growth: float) -> tuple[NDArray[np.float32], Mask]:
    """Draw the rim of a lesion outwards, along the rays from its centre; its core and the skin stay."""
    centre, factor = _centre(mask), float(np.sqrt(1 + growth))
    down, across = np.indices(mask.shape, np.float64)
    away = np.stack([across, down], axis=-1) - centre
    level = np.linalg.norm(away, axis=-1) / _reach(mask, centre, away)
    rim = CORE + (level - CORE) * (1 - CORE) / (factor - CORE)
    source = np.where(level < CORE, level, np.where(level < factor, rim, level / factor))
    share = np.where(level > 0, source / np.maximum(level, 1e-6), 1.0)
    where = _split(centre + away * share[..., None])
    drawn = cv2.remap(pixels, *where, cv2.INTER_CUBIC)
    grown = cv2.remap(mask.astype(np.float32), *where, cv2.INTER_LINEAR) >= 0.5
    seam = np.clip((factor * SEAM[1] - level) / (factor * (SEAM[1] - SEAM[0])), 0, 1)[..., None]
    seam = seam * seam * (3 - 2 * seam)
    return np.asarray(seam * drawn + (1 - seam) * pixels, np.float32), grown & (level < factor * SEAM[1])


def _reach(mask: Mask, centre: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
    """(h, w) how far the lesion reaches, pixels, in the direction of each place from its centre; evened out."""
    rows, columns = np.nonzero(mask)
    turn = np.degrees(np.arctan2(rows - centre[1], columns - centre[0])).astype(int) % 360
    farthest = np.zeros(360)
    np.maximum.at(farthest, turn, np.hypot(rows - centre[1], columns - centre[0]))
    farthest = np.where(farthest > 0, farthest, np.median(farthest))
    evened = np.convolve(np.concatenate([farthest[-4:], farthest, farthest[:4]]), np.full(9, 1 / 9), "valid")
    asked = np.degrees(np.arctan2(away[..., 1], away[..., 0])) % 360
    return np.asarray(np.interp(asked, np.arange(360), evened, period=360))


def _split(places: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)


def _edge_point(mask: Mask, random: np.random.Generator) -> NDArray[np.float64]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = max(contours, key=cv2.contourArea)[:, 0]
    return points[random.integers(len(points))].astype(np.float64)


def _darkened(pixels: RgbImage, mask: Mask, change: Change, random: np.random.Generator) -> NDArray[np.float32]:
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)
    kept = 1 - change.darkening * soft[..., None]
    if change.spot:
        kept = kept * (1 - change.spot * _spot(mask, random)[..., None] * np.array([1.0, 0.9, 0.6]))
    return np.asarray(pixels * kept, np.float32)


def _spot(mask: Mask, random: np.random.Generator) -> NDArray[np.float32]:
    """A round spot of a quarter of the lesion's diameter, well inside the lesion."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    diameter = float(np.sqrt(4 * mask.sum() / np.pi))
    rows, columns = np.nonzero(depth >= min(0.2 * diameter, float(depth.max())))
    index = random.integers(len(rows))
    disc = cv2.circle(np.zeros(mask.shape, np.float32), (int(columns[index]), int(rows[index])), 1, 1.0, cv2.FILLED)
    radius = max(round(0.125 * diameter), 2)
    cv2.circle(disc, (int(columns[index]), int(rows[index])), radius, 1.0, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(disc, (0, 0), 0.02 * diameter + 0.5), np.float32)


def _in_other_light(pixels: NDArray[np.floating], random: np.random.Generator) -> NDArray[np.float64]:
    """Another strength (to 20 %), colour (to 10 %) and fall-off across the picture (to 12 %)."""
    gain = random.uniform(0.83, 1.2) * random.uniform(0.9, 1.1, 3)
    down, across = np.indices(pixels.shape[:2]) / max(pixels.shape[:2]) - 0.5
    slope = random.uniform(-0.12, 0.12, 2)
    plane = 1 + slope[0] * down + slope[1] * across
    linear = (np.clip(pixels, 0, 255) / 255) ** 2.2 * gain * plane[..., None]
    return np.asarray(255 * np.clip(linear, 0, 1) ** (1 / 2.2))
