"""Courses over time as SVG, made on the server so that a page needs no script to show them. It weighs nothing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 30
MARKS = 4
"""Steps of the axis, about."""

_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One scan on a curve.

    Attributes:
        at: When.
        value: How much.
        label: What is read out and shown at the pointer.
        address: The page of the scan.
    """

    at: datetime
    value: float
    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to places in a drawing."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def curve(
    title: str,
    points: Sequence[Point],
    number: Callable[[float], str],
    day: Callable[[datetime], str],
    *,
    band: tuple[float, float] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Markup:
    """Draw a course.

    Args:
        title: What it shows, with its unit.
        points: The scans, oldest first, one at least.
        number: How a value is written.
        day: How a day is written.
        band: Values between which a change is within the measurement's own uncertainty; None for none.
        bounds: The axis' ends; None takes what the values need.
    """
    step, low, high = _axis(bounds or _bounds([point.value for point in points], band))
    across = _across(points)
    upward = Scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        _grid(upward, step, number),
        _band(upward, band),
        _days(points, across, day),
        _line(points, across, upward),
    ]
    drawing = Markup('<svg class="curve" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>')
    return drawing.format(WIDTH, HEIGHT, title, Markup().join(parts))


def _bounds(values: Sequence[float], band: tuple[float, float] | None) -> tuple[float, float]:
    low, high = min([*values, *(band or ())]), max([*values, *(band or ())])
    room = max((high - low) * 0.12, abs(high) * 0.02, 0.5)
    return max(low - room, 0.0), high + room


def _axis(bounds: tuple[float, float]) -> tuple[float, float, float]:
    """Step, lower and upper end of an axis on round numbers."""
    low, high = bounds
    rough = (high - low) / MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in _ROUND_STEPS if power * factor >= rough * 0.999)
    return step, math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _across(points: Sequence[Point]) -> Scale:
    first, last = points[0].at.timestamp(), points[-1].at.timestamp()
    if last - first < 1:
        first, last = first - 43_200, first + 43_200
    return Scale(first, last, LEFT + 14, WIDTH - RIGHT - 14)


def _grid(upward: Scale, step: float, number: Callable[[float], str]) -> Markup:
    mark = Markup(
        '<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>'
        '<text class="mark" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    )
    values = [upward.low + count * step for count in range(round((upward.high - upward.low) / step) + 1)]
    places = [(value, upward(value)) for value in values]
    return Markup().join(mark.format(LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4, number(value)) for value, y in places)


def _band(upward: Scale, band: tuple[float, float] | None) -> Markup:
    if band is None:
        return Markup()
    top, bottom = upward(band[1]), upward(band[0])
    shape = Markup('<rect class="band" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>')
    return shape.format(LEFT, top, WIDTH - RIGHT - LEFT, bottom - top)


def _days(points: Sequence[Point], across: Scale, day: Callable[[datetime], str]) -> Markup:
    ends = [(points[0], "start")] if len(points) == 1 else [(points[0], "start"), (points[-1], "end")]
    mark = Markup('<text class="mark" x="{:.1f}" y="{}" text-anchor="{}">{}</text>')
    return Markup().join(
        mark.format(across(point.at.timestamp()), HEIGHT - 8, anchor, day(point.at)) for point, anchor in ends
    )


def _line(points: Sequence[Point], across: Scale, upward: Scale) -> Markup:
    places = [(across(point.at.timestamp()), upward(point.value)) for point in points]
    line = Markup('<polyline class="course" points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y in places))
    dot = Markup(
        '<a href="{}" aria-label="{}"><title>{}</title><circle class="reach" cx="{:.1f}" cy="{:.1f}" r="12"/>'
        '<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="4.5"/></a>'
    )
    dots = [
        dot.format(escape(point.address), point.label, point.label, x, y, x, y)
        for point, (x, y) in zip(points, places, strict=True)
    ]
    return line + Markup().join(dots)
