"""Shapes whose measures are known, painted on a frame."""

from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dermscan.domain import Frame, LesionMask

SKIN = (210, 165, 140)
BROWN = (90, 55, 40)

Specimens = Callable[..., tuple[Frame, LesionMask]]
Shape = Callable[..., NDArray[np.bool_]]


@pytest.fixture(scope="session")
def paint() -> Specimens:
    """Paints a shape in one colour (or a picture of colours) on even skin, with an edge that is blurred by `soft`."""

    def on_skin(
        shape: NDArray[np.bool_],
        color: NDArray[np.uint8] | tuple[int, int, int] = BROWN,
        soft: float = 0.0,
        mm_per_pixel: float | None = None,
    ) -> tuple[Frame, LesionMask]:
        weight = shape.astype(np.float32)
        if soft > 0:
            weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), soft), np.float32)
        picture = (
            np.array(SKIN) * (1 - weight[..., None]) + np.broadcast_to(color, (*shape.shape, 3)) * weight[..., None]
        )
        frame = Frame(picture.astype(np.uint8), 0, 0.0, datetime.now(UTC), mm_per_pixel)
        return frame, LesionMask(shape, 1.0)

    return on_skin


@pytest.fixture(scope="session")
def polygon() -> Shape:
    """Fills a polygon given by its points around the middle of a square frame."""

    def fill(points: NDArray[np.float64], side: int = 400) -> NDArray[np.bool_]:
        canvas = np.zeros((side, side), np.uint8)
        cv2.fillPoly(canvas, [np.round((points + side / 2) * 16).astype(np.int32)], 1, shift=4)
        return np.asarray(canvas, np.bool_)

    return fill


def around(radius: Callable[[NDArray[np.float64]], NDArray[np.float64]], degrees: float = 0.0) -> NDArray[np.float64]:
    """Points of a contour given by its radius at each angle, turned."""
    turn = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    reach = radius(turn)
    angle = turn + np.radians(degrees)
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)


@pytest.fixture(scope="session")
def ellipse() -> Callable[..., NDArray[np.float64]]:
    """Points of an ellipse with these half axes, turned by degrees."""

    def points(a: float, b: float, degrees: float = 0.0) -> NDArray[np.float64]:
        return around(lambda t: a * b / np.hypot(b * np.cos(t), a * np.sin(t)), degrees)

    return points


@pytest.fixture(scope="session")
def star() -> Callable[..., NDArray[np.float64]]:
    """Points of a star whose radius swings around its mean."""

    def points(mean: float, swing: float, tips: int, degrees: float = 0.0) -> NDArray[np.float64]:
        return around(lambda t: mean * (1 + swing * np.cos(tips * t)), degrees)

    return points


@pytest.fixture(scope="session")
def rectangle() -> Callable[..., NDArray[np.float64]]:
    """Corners of a rectangle, turned by degrees."""

    def points(width: float, height: float, degrees: float = 0.0) -> NDArray[np.float64]:
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.asarray(corners @ np.array([[cos, sin], [-sin, cos]]))

    return points
