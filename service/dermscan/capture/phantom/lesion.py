"""The phantom's lesions: irregular outline, several colours, a pigment network. They imitate no person's lesion."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.capture.phantom.texture import Field, cell_borders, noise_octaves, smoothstep

LIGHT_BROWN = (0.73, 0.58, 0.47)
DARK_BROWN = (0.42, 0.30, 0.24)
BLACK = (0.20, 0.16, 0.15)
BLUE_GRAY = (0.47, 0.46, 0.50)
RED = (0.80, 0.54, 0.50)
PATCH_SHARE = 1.7


@dataclass(frozen=True, slots=True, eq=False)
class LesionPatch:
    """A lesion, to be laid on skin.

    Attributes:
        transmission: (side, side, 3) float32, RGB, share of the skin's light that the pigment lets through.
        mask: (side, side) bool, True on the lesion: one component without holes.
    """

    transmission: Field
    mask: NDArray[np.bool_]


def render_lesion(seed: int, number: int, longest_px: float, px_per_mm: float) -> LesionPatch:
    """Draw one lesion.

    Args:
        seed: The phantom's seed.
        number: Which of the phantom's lesions; each has its own outline and colours.
        longest_px: Length of the lesion in pixels, approximately.
        px_per_mm: Pixels a millimetre, for the size of its structures.
    """
    rng = np.random.default_rng((seed, 2, number))
    side = max(int(longest_px * PATCH_SHARE), 16)
    depth = _depth(rng, side, longest_px)
    softness = 0.05 + 0.09 * float(rng.uniform())
    presence = smoothstep(depth, -softness, softness)
    pigment = _pigment(rng, depth, px_per_mm)
    transmission = 1 - presence[..., None] * (1 - pigment)
    return LesionPatch(np.asarray(transmission, dtype=np.float32), _single_component(depth > 0))


def _depth(rng: np.random.Generator, side: int, longest_px: float) -> Field:
    """How deep each pixel lies within the outline, in radii: positive inside, 0 on the outline."""
    offset = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * (2 / longest_px)
    turn = rng.uniform(0, np.pi)
    x = offset[None, :] * np.cos(turn) + offset[:, None] * np.sin(turn)
    y = (offset[:, None] * np.cos(turn) - offset[None, :] * np.sin(turn)) * rng.uniform(1.05, 1.4)
    angle = np.arctan2(y, x)
    radius = np.full_like(angle, 0.86)
    for lobes in range(2, 10):
        radius += 0.13 / lobes * rng.normal() * np.cos(lobes * angle + rng.uniform(0, 2 * np.pi))
    ragged = 0.035 * noise_octaves(rng, (side, side), 0.12 * longest_px, 4)
    return np.asarray(radius - np.hypot(x, y) + ragged, dtype=np.float32)


def _pigment(rng: np.random.Generator, depth: Field, px_per_mm: float) -> Field:
    """Transmission of the pigment itself, (side, side, 3)."""
    shape = (depth.shape[0], depth.shape[1])
    span = float(shape[0])
    pigment: Field = np.empty((*shape, 3), dtype=np.float32)
    pigment[:] = np.asarray(LIGHT_BROWN) * rng.uniform(0.92, 1.06)
    _blend(
        pigment, DARK_BROWN, smoothstep(noise_octaves(rng, shape, 0.25 * span, 6, decay=0.7) + 1.2 * depth, -1.0, 2.2)
    )
    if rng.uniform() < 0.4:
        _blend(pigment, RED, 0.6 * smoothstep(noise_octaves(rng, shape, 0.2 * span, 5), 0.5, 2.4))
    if rng.uniform() < 0.4:
        _blend(pigment, BLUE_GRAY, 0.7 * smoothstep(noise_octaves(rng, shape, 0.2 * span, 5) + depth, 0.8, 2.8))
    _blend(pigment, BLACK, 0.8 * smoothstep(noise_octaves(rng, shape, 0.18 * span, 5, decay=0.7) + depth, 1.2, 2.9))
    network = cell_borders(rng, shape, 0.30 * px_per_mm, 0.05 * px_per_mm)
    reach = smoothstep(noise_octaves(rng, shape, 0.3 * span, 3), -1.2, 0.6)
    pigment *= (1.12 - 0.50 * network * reach)[..., None]
    _blend(pigment, BLACK, _dots(rng, shape, px_per_mm))
    pigment *= (1 + 0.04 * noise_octaves(rng, shape, 0.2 * px_per_mm, 3, decay=0.8))[..., None]
    return np.clip(pigment, 0.08, 1.0)


def _blend(pigment: Field, color: tuple[float, float, float], share: Field) -> None:
    pigment += share[..., None] * (np.asarray(color, dtype=np.float32) - pigment)


def _dots(rng: np.random.Generator, shape: tuple[int, int], px_per_mm: float) -> Field:
    """Coverage, 0 to 1, of dots and globules."""
    cover = np.zeros(shape, dtype=np.uint8)
    for _ in range(int(rng.integers(5, 40))):
        x, y = rng.uniform(0.25, 0.75, 2) * (shape[1], shape[0]) * 16
        radius = rng.uniform(0.04, 0.13) * px_per_mm * 16
        cv2.circle(cover, (int(x), int(y)), int(radius), int(rng.uniform(60, 170)), -1, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), max(0.03 * px_per_mm, 0.3)), dtype=np.float32) / np.float32(255)


def _single_component(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest outline, filled."""
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(inside.shape, dtype=np.uint8)
    cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return filled.astype(np.bool_)
