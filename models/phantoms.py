"""Frames of the phantom with their true masks, as a small share of what the detector learns from.

The phantom of the demonstration must be found reliably, and its bare skin must be left alone.
"""

from pathlib import Path
from typing import cast

import cv2
import numpy as np

from data import FRAME_SIDE, ByteArray
from dermscan.analysis.preparation import resized
from dermscan.capture.phantom import PhantomScene, render_phantom
from dermscan.capture.phantom.motion import CYCLE_S, pose_at

WIDTH, HEIGHT = 640, 480


def phantom_frame(number: int) -> ByteArray:
    """(FRAME_SIDE, FRAME_SIDE, 4) uint8: a frame of one visit to one lesion on one skin, in RGB, and its mask."""
    random = np.random.default_rng((11, number))
    pose = pose_at(CYCLE_S * number + random.uniform(0, CYCLE_S))
    lesion = None if number % 6 == 0 else number % 23
    scene = PhantomScene(width=WIDTH, height=HEIGHT, seed=1 + number, lesion=lesion, pose=pose)
    pixels, mask = render_phantom(scene)
    small = cv2.resize(mask.astype(np.uint8) * 255, (FRAME_SIDE, FRAME_SIDE), interpolation=cv2.INTER_AREA)
    return cast("ByteArray", np.dstack([resized(pixels, FRAME_SIDE, FRAME_SIDE), small]))


def phantom_frames(count: int, cache: Path) -> ByteArray:
    """(count, FRAME_SIDE, FRAME_SIDE, 4) uint8, rendered once. Seed 0, that of the demonstration, is not among them."""
    path = cache / f"phantom-{count}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, np.stack([phantom_frame(number) for number in range(count)]))
    return cast("ByteArray", np.load(path, mmap_mode="r"))
