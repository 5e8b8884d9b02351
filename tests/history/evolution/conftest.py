from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dermscan.capture.phantom.skin import render_skin
from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RiskBand, Scan

FIRST_DAY = datetime(2026, 3, 1, 9, tzinfo=UTC)
CANVAS = (480, 600)
VIEW = (400, 320)
PX_PER_MM = 20.0


@dataclass(frozen=True)
class Spot:
    """A drawn visit: an oval lesion on rendered skin, and where the camera looks from."""

    area: float = 1.0
    aside: float = 0.0
    darkness: float = 0.5
    dot: bool = False
    turn_deg: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    days: float = 0.0
    skin: int = 1
    calibrated: bool = False
    masked: bool = True
    noise: int = 0


@cache
def skin(seed: int) -> NDArray[np.float32]:
    return render_skin(seed, CANVAS, PX_PER_MM, CANVAS[0])


def lesion(spot: Spot) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Share of light that is kept, and the mask, on the canvas."""
    height, width = CANVAS
    axes = (np.sqrt(spot.area) * np.array([62, 48]) * 16).astype(int)
    middle = int((width / 2 + spot.aside) * 16), height * 8
    mask = _oval(middle, axes)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)[..., None]
    kept = 1 - spot.darkness * soft * np.array([0.8, 1.0, 1.1], np.float32)
    if spot.dot:
        dot = cv2.circle(np.zeros(CANVAS, np.float32), (width // 2 + 18, height // 2), 14, 1.0, cv2.FILLED)
        kept = kept * (1 - 0.5 * cv2.GaussianBlur(dot, (0, 0), 2))[..., None]
    return np.asarray(kept, np.float32), mask


def _oval(middle: tuple[int, int], axes: NDArray[np.int_]) -> NDArray[np.uint8]:
    empty = np.zeros(CANVAS, np.uint8)
    size = int(axes[0]), int(axes[1])
    return np.asarray(cv2.ellipse(empty, middle, size, 25, 0, 360, 1, cv2.FILLED, cv2.LINE_8, 4), np.uint8)


def draw(spot: Spot) -> Scan:
    kept, mask = lesion(spot)
    radians = np.radians(spot.turn_deg)
    turn = spot.zoom * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    middle, target = np.array(CANVAS[::-1]) / 2, np.array(VIEW) / 2 + np.array(spot.shift)
    matrix = np.column_stack([turn, target - turn @ middle])
    lit = skin(spot.skin) * kept * np.array(spot.light, np.float32)
    seen = cv2.warpAffine(lit, matrix, VIEW, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    seen = seen + np.random.default_rng((7, spot.noise)).normal(0, 1.5, seen.shape)
    moved = cv2.warpAffine(mask.astype(np.float32), matrix, VIEW) >= 0.5
    scale = 1 / (PX_PER_MM * spot.zoom) if spot.calibrated else None
    when = FIRST_DAY + timedelta(days=spot.days)
    frame = Frame(np.clip(seen, 0, 255).astype(np.uint8), 0, 0.0, when, scale)
    found = LesionMask(moved, 1.0) if spot.masked else None
    quality = Quality(9, 0.5, 0, 0, 0.2)
    said = Assessment(quality, None, found, None, {}, None, None, RiskBand.LOW, None)
    return Scan("scan", frame, said, Provenance("", "", "", ""), "room-1")


@pytest.fixture
def spot() -> type[Spot]:
    return Spot


@pytest.fixture
def drawn() -> Callable[[Spot], Scan]:
    return draw
