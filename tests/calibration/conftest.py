from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dermscan.calibration.target import CELLS, FAR, GAP, PATCHES, Target, cells
from dermscan.domain import CameraState, Frame, RgbImage

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FOCAL_PX = 1500.0
MARGIN = 2.0
SHARP = 48
"""Pixels of the drawn sheet a square."""


@dataclass(frozen=True)
class Scene:
    """What a camera sees of a target: where it lies, through which lens, in which light."""

    target: Target = FAR
    mm_per_pixel: float = 0.272
    size: tuple[int, int] = (640, 600)
    turn_deg: float = 0.0
    tilt_deg: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.6
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mixing: float = 0.0
    fall_off: float = 0.0
    level: float = 0.8
    noise: float = 1.5
    k1: float = 0.0
    hidden: tuple[float, float, float, float] | None = None
    focus: float | None = None


@cache
def sheet(target: Target) -> RgbImage:
    """The target on white paper, `SHARP` pixels a square, `MARGIN` squares of paper around the board and patches."""
    black = cv2.resize(cells(target).astype(np.uint8), None, fx=SHARP / CELLS, fy=SHARP / CELLS, interpolation=0)
    up, left = round((MARGIN + 1 + GAP) * SHARP), round(MARGIN * SHARP)
    height, width = black.shape
    paper = np.full((height + 2 * up, width + 2 * left, 3), 255, np.uint8)
    paper[up : up + height, left : left + width] = 255 * (1 - black)[..., None]
    for patch in PATCHES:
        x, y = left + patch.x * SHARP, up + patch.y * SHARP
        corner, far = (round(x), round(y)), (round(x + patch.side * SHARP) - 1, round(y + patch.side * SHARP) - 1)
        cv2.rectangle(paper, corner, far, patch.rgb, cv2.FILLED)
    return paper


def homography(scene: Scene) -> NDArray[np.float64]:
    """(3, 3) millimetres of the board to pixels, by a pinhole camera that looks at the board's middle."""
    turn, tilt = np.radians(scene.turn_deg), np.radians(scene.tilt_deg)
    about = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    over = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    rotation = over @ about
    side = scene.target.square_mm
    middle = np.array([4 * side + scene.shift_mm[0], 3 * side + scene.shift_mm[1], 0])
    place = np.array([0, 0, FOCAL_PX * scene.mm_per_pixel]) - rotation @ middle
    return np.asarray(camera(scene.size) @ np.column_stack([rotation[:, 0], rotation[:, 1], place]))


def camera(size: tuple[int, int]) -> NDArray[np.float64]:
    return np.array([[FOCAL_PX, 0, (size[0] - 1) / 2], [0, FOCAL_PX, (size[1] - 1) / 2], [0, 0, 1]])


def photograph(scene: Scene) -> RgbImage:
    """What the camera gives, (height, width, 3) uint8, RGB."""
    linear = ((_projected(scene) / 255) ** 2.2).astype(np.float32)
    if scene.hidden is not None:
        left, upper, right, lower = (
            round(share * side) for share, side in zip(scene.hidden, scene.size * 2, strict=True)
        )
        linear[upper:lower, left:right] = (0.35, 0.2, 0.15)
    mixed = (1 - scene.mixing) * np.eye(3) + scene.mixing / 3
    across = np.linspace(-scene.fall_off, scene.fall_off, scene.size[0], dtype=np.float32)[None, :, None]
    lit = cv2.transform(linear, mixed * np.array(scene.light)[:, None]) * scene.level * (1 + across)
    soft = cv2.GaussianBlur(lit, (0, 0), scene.blur) if scene.blur else lit
    noise = np.random.default_rng(5).normal(0, scene.noise, soft.shape)
    return np.clip(np.rint(255 * np.clip(soft, 0, 1) ** (1 / 2.2) + noise), 0, 255).astype(np.uint8)


def _projected(scene: Scene) -> NDArray[np.float32]:
    step = scene.target.square_mm / SHARP
    offset = np.array([MARGIN, MARGIN + 1 + GAP]) * scene.target.square_mm
    onto = np.array([[step, 0, step / 2 - offset[0]], [0, step, step / 2 - offset[1]], [0, 0, 1]])
    matrix = np.linalg.inv(homography(scene) @ onto)
    rows, columns = np.indices(scene.size[::-1], np.float64)
    total = np.zeros((*scene.size[::-1], 3), np.float32)
    for right, down in ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)):
        places = _straight(np.stack([columns + right, rows + down], axis=-1), scene)
        seen = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=-1) @ matrix.T
        where = (seen[..., :2] / seen[..., 2:]).astype(np.float32)
        total += cv2.remap(sheet(scene.target), where[..., 0], where[..., 1], cv2.INTER_AREA, borderValue=(255,) * 3)
    return np.asarray(total / 4, np.float32)


def _straight(places: NDArray[np.float64], scene: Scene) -> NDArray[np.float64]:
    if scene.k1 == 0:
        return places
    lens = camera(scene.size)
    bent = np.array([scene.k1, 0, 0, 0, 0])
    flat = cv2.undistortPoints(places.reshape(-1, 1, 2), lens, bent, P=lens)
    return np.asarray(flat, np.float64).reshape(places.shape)


@cache
def take(scene: Scene) -> Frame:
    state = CameraState("v4l2", "0", focus=scene.focus)
    return Frame(photograph(scene), 0, 0.0, NOW, camera=state)


@pytest.fixture
def scene() -> type[Scene]:
    return Scene


@pytest.fixture
def taken() -> Callable[[Scene], Frame]:
    return take


@pytest.fixture
def now() -> datetime:
    return NOW
