"""Frames without a lesion, and simple rendered ones: what the detector must learn to leave alone or to find.

None of these is a picture of a person except the patches and the inpainted frames, which come from the training part.
"""

from typing import cast

import cv2
import numpy as np
from numpy.random import Generator

from augment import FloatArray, hairy, ruled, slope
from data import ByteArray

SKIN_TONES = (
    (250, 220, 200),
    (235, 195, 170),
    (222, 176, 146),
    (198, 148, 116),
    (160, 112, 82),
    (112, 74, 54),
    (74, 48, 36),
)


def cloud(random: Generator, side: int, grain: float) -> FloatArray:
    """(side, side) float32 smooth noise of unit spread; `grain` is the size of its patches in sides."""
    cells = max(int(1 / grain), 2)
    coarse = random.normal(0, 1, (cells, cells)).astype(np.float32)
    return cast("FloatArray", cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))


def rendered_skin(random: Generator, side: int) -> ByteArray:
    """(side, side, 3) uint8: plain skin with texture, uneven light, and now and then hairs or a ruler."""
    tone = np.array(SKIN_TONES[random.integers(len(SKIN_TONES))], np.float32) + random.normal(0, 8, 3)
    texture = (
        4 * cloud(random, side, 0.3) + 3 * cloud(random, side, 0.06) + random.uniform(0, 5) * cloud(random, side, 0.01)
    )
    floats = (tone + texture[..., None]) * slope(random, side, 0.3)[..., None]
    picture = np.clip(floats, 0, 255).astype(np.uint8)
    picture = hairy(picture, random) if random.random() < 0.3 else picture
    return ruled(picture, random) if random.random() < 0.3 else picture


def ragged_outline(random: Generator, side: int) -> ByteArray:
    """(side, side) uint8 mask of one blob: an ellipse with a wavy edge, anywhere in the frame."""
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.exp(random.uniform(np.log(0.05), np.log(0.38)))
    waves = sum(random.normal(0, 0.12 / k) * np.cos(k * angles + random.uniform(0, 6.3)) for k in range(2, 9))
    ratio, turn = random.uniform(0.6, 1), random.uniform(0, np.pi)
    x, y = radius * (1 + waves) * np.cos(angles), ratio * radius * (1 + waves) * np.sin(angles)
    middle = random.uniform(0.2, 0.8, 2)
    points = np.column_stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)]) + middle
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(points * side).astype(np.int32)], 255)
    return mask


def rendered_lesion(random: Generator, side: int) -> tuple[ByteArray, ByteArray]:
    """A rendered frame with one blotchy brown lesion, and its mask."""
    skin, mask = rendered_skin(random, side).astype(np.float32), ragged_outline(random, side)
    edge = cv2.GaussianBlur(mask, (0, 0), random.uniform(0.5, 3)).astype(np.float32)[..., None] / 255
    shade = np.array([0.55, 0.42, 0.36], np.float32) * random.uniform(0.6, 1.4)
    blotches = 1 + 0.25 * cloud(random, side, 0.12) + 0.12 * cloud(random, side, 0.04)
    lesion = skin * np.clip(shade * blotches[..., None], 0, 0.9)
    return np.clip(skin * (1 - edge) + lesion * edge, 0, 255).astype(np.uint8), mask


def nothing(random: Generator, side: int) -> ByteArray:
    """A frame of no skin at all: a flat colour, a slope of light, or noise."""
    colour = random.uniform(0, 255, 3).astype(np.float32)
    grain = random.choice((0.01, 0.1, 0.4))
    picture = colour * slope(random, side)[..., None] + random.uniform(0, 40) * cloud(random, side, grain)[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def bare_patch(frame: ByteArray, random: Generator) -> ByteArray | None:
    """A part of a real frame that no lesion reaches into, at the frame's size; None where ten tries find none.

    Args:
        frame: (side, side, 4) uint8: RGB and mask.
        random: The generator.
    """
    side = frame.shape[0]
    for _ in range(10):
        size = int(side * random.uniform(0.2, 0.6))
        x, y = random.integers(0, side - size, 2)
        patch = frame[y : y + size, x : x + size]
        if not patch[..., 3].any() and patch[..., :3].mean() > 60:
            return cast("ByteArray", cv2.resize(np.ascontiguousarray(patch[..., :3]), (side, side)))
    return None


def healed(frame: ByteArray) -> ByteArray:
    """A real frame with its lesion painted over from its surroundings (Telea 2004), (side, side, 3) uint8."""
    side = frame.shape[0]
    small = cv2.resize(np.ascontiguousarray(frame), (96, 96), interpolation=cv2.INTER_AREA)
    hole = cv2.dilate((small[..., 3] > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    filled = cv2.inpaint(np.ascontiguousarray(small[..., :3]), hole, 3, cv2.INPAINT_TELEA)
    large = cv2.resize(filled, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    seam = cv2.GaussianBlur(cv2.resize(hole, (side, side)).astype(np.float32), (0, 0), 3)[..., None]
    return cast("ByteArray", np.clip(frame[..., :3] * (1 - seam) + large * seam, 0, 255).astype(np.uint8))
