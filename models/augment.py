"""Makes new pictures out of labelled ones: geometry, light, blur and things that lie on skin.

All pictures are uint8 RGB, all masks uint8 with 0 or 255, and every function takes the generator it draws from.
"""

from typing import cast

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data import ByteArray

FloatArray = NDArray[np.float32]


def turning(random: Generator, side: int, scale: float, shift: float, squeeze: float) -> FloatArray:
    """A random turn, flip, squeeze and shift of a square picture.

    Args:
        random: The generator.
        side: Side of the picture and of the result.
        scale: Factor by which things grow.
        shift: Greatest shift in sides.
        squeeze: Greatest change of the aspect, as the logarithm of the ratio.

    Returns:
        (2, 3) float32 for `cv2.warpAffine`.
    """
    angle, aspect = random.uniform(0, 2 * np.pi), np.exp(random.uniform(-squeeze, squeeze) / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flip = np.diag([random.choice((-1.0, 1.0)), 1.0])
    linear = np.diag([scale * aspect, scale / aspect]) @ turn @ flip
    middle = np.full(2, side / 2)
    offset = middle + random.uniform(-shift, shift, 2) * side - linear @ middle
    return np.column_stack([linear, offset]).astype(np.float32)


def moved(picture: ByteArray, matrix: FloatArray, *, mirrored: bool = True) -> ByteArray:
    """Warp a picture or a mask; what lies outside is mirrored, or black."""
    border = cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT
    side = picture.shape[0]
    return cast("ByteArray", cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border))


def relit(picture: ByteArray, random: Generator, strength: float = 1.0) -> ByteArray:
    """Change brightness, contrast, gamma, colour temperature and saturation, and let the light fall unevenly."""
    floats = picture.astype(np.float32) / 255
    gains = np.exp(random.normal(0, 0.10 * strength, 3)) * np.exp(random.normal(0, 0.15 * strength))
    floats = np.clip(floats * gains.astype(np.float32), 0, 1) ** float(np.exp(random.normal(0, 0.2 * strength)))
    grey = floats.mean(axis=2, keepdims=True)
    floats = grey + (floats - grey) * float(np.exp(random.normal(0, 0.2 * strength)))
    mean = floats.mean()
    floats = mean + (floats - mean) * float(np.exp(random.normal(0, 0.15 * strength)))
    if random.random() < 0.3 * strength:
        floats = floats * slope(random, picture.shape[0])[..., None]
    return cast("ByteArray", (np.clip(floats, 0, 1) * 255).astype(np.uint8))


def slope(random: Generator, side: int, depth: float = 0.4) -> FloatArray:
    """(side, side) float32 around 1: light that falls off across the picture."""
    angle = random.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    return cast("FloatArray", (1 + random.uniform(0, depth) * (np.cos(angle) * columns + np.sin(angle) * rows)))


def softened(picture: ByteArray, random: Generator) -> ByteArray:
    """Blur now and then, and add the sensor's noise now and then."""
    if random.random() < 0.3:
        picture = cast("ByteArray", cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.8)))
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(2, 9), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return picture


def rimmed(picture: ByteArray, random: Generator) -> ByteArray:
    """Lay the dark round rim of a dermatoscope over the picture's corners."""
    side = picture.shape[0]
    middle = (int(side * random.uniform(0.42, 0.58)), int(side * random.uniform(0.42, 0.58)))
    seen = np.zeros((side, side), np.uint8)
    cv2.circle(seen, middle, int(side * random.uniform(0.5, 0.68)), 255, -1)
    soft = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.6, 6)).astype(np.float32)[..., None] / 255
    return cast("ByteArray", (picture * soft + random.uniform(0, 30) * (1 - soft)).astype(np.uint8))


def hairy(picture: ByteArray, random: Generator) -> ByteArray:
    """Draw dark hairs across the picture."""
    side, hairs = picture.shape[0], picture.copy()
    for _ in range(random.integers(2, 14)):
        start, bend, end = random.uniform(-0.2, 1.2, (3, 2)) * side
        along = np.linspace(0, 1, 16)[:, None]
        curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * (0.5 * (start + end) + 0.2 * (bend - side / 2))
        points = (curve + along**2 * end).astype(np.int32)
        shade = random.uniform(10, 90) * np.array([1, 0.85, 0.75])
        cv2.polylines(hairs, [points], False, shade.tolist(), int(random.integers(1, 3)), cv2.LINE_AA)
    return hairs


def ruled(picture: ByteArray, random: Generator) -> ByteArray:
    """Draw a ruler's ticks along an edge, white or dark."""
    side, marked = picture.shape[0], picture.copy()
    shade = float(random.choice((20, 235)))
    at, step = int(random.uniform(0.02, 0.15) * side), random.uniform(0.02, 0.06) * side
    for index, x in enumerate(np.arange(0, side, step)):
        length = int(side * (0.07 if index % 5 == 0 else 0.035))
        cv2.line(marked, (int(x), at), (int(x), at + length), (shade, shade, shade), 1, cv2.LINE_AA)
    return np.ascontiguousarray(np.rot90(marked, random.integers(4)))


def with_a_hole(picture: ByteArray, random: Generator) -> ByteArray:
    """Cover a square with the picture's mean colour (cutout), so that no single spot decides."""
    side, covered = picture.shape[0], picture.copy()
    size = int(side * random.uniform(0.1, 0.3))
    x, y = random.integers(0, side - size, 2)
    covered[y : y + size, x : x + size] = picture.mean(axis=(0, 1))
    return covered


def evened(picture: ByteArray) -> ByteArray:
    """Colour constancy by shades of grey (Finlayson and Trezzi 2004, Minkowski norm 6)."""
    floats = picture.astype(np.float32) / 255
    light = np.power(np.power(floats, 6).mean(axis=(0, 1)), 1 / 6)
    gains = light.mean() / np.maximum(light, 1e-3)
    return cast("ByteArray", (np.clip(floats * gains, 0, 1) * 255).astype(np.uint8))


def on_skin(picture: ByteArray, random: Generator, *, training: bool = True) -> ByteArray:
    """All that changes a picture without moving it, each at its own odds."""
    if not training:
        return picture
    odds = random.random(5)
    picture = hairy(picture, random) if odds[0] < 0.1 else picture
    picture = relit(picture, random) if odds[1] < 0.85 else picture
    picture = rimmed(picture, random) if odds[2] < 0.12 else picture
    picture = evened(picture) if odds[3] < 0.1 else picture
    return softened(picture, random)
