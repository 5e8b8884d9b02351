"""Draws curves and scales as SVG, in vectors and with text that can be searched. It measures nothing."""

import math
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from dermscan.domain import RiskBand
from dermscan.domain.evolution import ChangeBand
from dermscan.reporting.report import BandLimits
from dermscan.reporting.series import Measure, Point, Series
from dermscan.reporting.wording import Wording

WIDTH, HEIGHT = 330, 170
LEFT, RIGHT, UPPER, LOWER = 40, 14, 24, 26
INK, GREY, FAINT, LINE = "#1c2430", "#5b6675", "#d9dee5", "#2b5c8f"
FONT = 'font-family="Inter, DejaVu Sans, sans-serif"'
BAND_COLORS = {
    RiskBand.LOW: "#2f7d4f",
    RiskBand.MODERATE: "#b26a00",
    RiskBand.HIGH: "#b3261e",
    RiskBand.INDETERMINATE: "#5b6675",
}
ZONES = {RiskBand.LOW: "#dcefe2", RiskBand.MODERATE: "#fbe8c8", RiskBand.HIGH: "#f8d5d2"}
CHANGE_COLORS = {
    None: LINE,
    ChangeBand.NONE: "#2f7d4f",
    ChangeBand.WATCH: "#b26a00",
    ChangeBand.CHANGED: "#b3261e",
    ChangeBand.NOT_COMPARABLE: "#5b6675",
}
LEAST_SPAN = {Measure.DIAMETER_MM: 2.0, Measure.DIAMETER: 20.0, Measure.AREA: 20.0, Measure.COLOR: 6.0}
"""Least height of an axis in the measure's unit, so that noise does not look like a change."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from the lower to the upper edge of a chart, and the distance of its grid lines."""

    low: float
    high: float
    step: float


def zones(limits: BandLimits | None) -> list[tuple[RiskBand, float, float]]:
    """The bands of the risk with their ends; none where the limits are not known."""
    if limits is None:
        return []
    ends = (0.0, limits.moderate_from, limits.high_from, 100.0)
    return list(zip(ZONES, ends[:-1], ends[1:], strict=True))


def risk_scale(risk: float | None, band: RiskBand, limits: BandLimits | None, say: Wording) -> str:
    """The risk as a mark on a scale from 0 to 100, on the bands where they are known."""
    width, upper, lower = 300, 15, 29
    parts = [_rect((0, upper), (width, lower - upper), "#eef1f5")]
    for zone, low, high in zones(limits):
        parts += [_rect((3 * low, upper), (3 * (high - low), lower - upper), ZONES[zone])]
        parts += [_text(1.5 * (low + high), 25, say(f"band.{zone}"), 8, "middle", INK)] if high - low > 9 else []
        parts += [_text(3 * high, 41, say.number(high, 0 if high == 100 else 1), 8, "end" if high == 100 else "middle")]
    parts += [_text(0, 41, say.number(0), 8)]
    parts += [] if limits else [_text(width, 41, say.number(100), 8, "end")]
    if risk is not None:
        x = 3 * risk
        parts += [f'<path d="M{x:.1f} {upper + 3} l-5 -9 h10 z" fill="{BAND_COLORS[band]}"/>']
        parts += [f'<path d="M{x:.1f} {upper} V{lower}" stroke="{BAND_COLORS[band]}" stroke-width="2"/>']
    return _svg(width, 44, parts)


def curve(series: Series, span: tuple[Point, Point], limits: BandLimits | None, say: Wording) -> str:
    """One measure over time; every scan's finding is told by the shape and the colour of its mark.

    Args:
        series: The measure's points.
        span: The first and the last scan of the report, so that all curves have one time axis.
        limits: Where the bands of the risk begin.
        say: The words.
    """
    title = [_text(0, 11, say(f"curve.{series.measure}"), 10, weight=600, color=INK)]
    if not series.points:
        return _svg(WIDTH, HEIGHT, [*title, _text(WIDTH / 2, HEIGHT / 2, say("curve_empty"), 10, "middle")])
    axis = _axis(series)
    places = [(_x(point, span), _y(point.value, axis)) for point in series.points]
    parts = [*title, *_zones(series, limits, axis), *_grid(axis, say), *_days(span, say)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts += [f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="1.4"/>']
    parts += [mark(point.band, x, y) for point, (x, y) in zip(series.points, places, strict=True)]
    x, y = places[-1]
    latest = say.number(series.points[-1].value, _digits(series.measure))
    return _svg(WIDTH, HEIGHT, [*parts, _text(min(x, WIDTH - 4), max(y - 7, UPPER + 2), latest, 9, "end", INK, 600)])


def mark(band: ChangeBand | None, x: float, y: float) -> str:
    """A scan's mark: disc, triangle, diamond or ring, so that it is told without colours."""
    color = CHANGE_COLORS[band]
    shapes = {
        ChangeBand.WATCH: f'<path d="M{x:.1f} {y - 4.5:.1f} l4.5 8 h-9 z" fill="{color}"/>',
        ChangeBand.CHANGED: f'<path d="M{x:.1f} {y - 5:.1f} l5 5 l-5 5 l-5 -5 z" fill="{color}"/>',
        ChangeBand.NOT_COMPARABLE: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#fff" stroke="{color}"/>',
        None: f'<path d="M{x - 3.5:.1f} {y - 3.5:.1f} h7 v7 h-7 z" fill="{color}"/>',
    }
    return shapes.get(band, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>')


def mark_alone(band: ChangeBand | None) -> str:
    """A mark as a picture of its own, for a legend or a table."""
    return _svg(12, 12, [mark(band, 6, 6)])


def _axis(series: Series) -> Axis:
    if series.measure is Measure.RISK:
        return Axis(0.0, 100.0, 25.0)
    low, high = min(point.value for point in series.points), max(point.value for point in series.points)
    missing = max(LEAST_SPAN[series.measure] - (high - low), 0.0) / 2
    step = _step(high - low + 2 * missing)
    lower = max(math.floor((low - missing) / step) * step, 0.0)
    return Axis(lower, math.ceil((high + missing) / step + 0.05) * step, step)


def _step(span: float) -> float:
    """A round distance of grid lines, so that there are up to six."""
    power: float = 10.0 ** math.floor(math.log10(span / 3))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 5)


def _grid(axis: Axis, say: Wording) -> list[str]:
    lines = [axis.low + number * axis.step for number in range(round((axis.high - axis.low) / axis.step) + 1)]
    digits = 0 if axis.step >= 1 else math.ceil(-math.log10(axis.step))
    return [
        part
        for value in lines
        for part in (
            f'<path d="M{LEFT} {_y(value, axis):.1f} H{WIDTH - RIGHT}" stroke="{FAINT}" stroke-width="0.7"/>',
            _text(LEFT - 5, _y(value, axis) + 3, say.number(value, digits), 8, "end"),
        )
    ]


def _zones(series: Series, limits: BandLimits | None, axis: Axis) -> list[str]:
    if series.measure is not Measure.RISK:
        return []
    width = WIDTH - LEFT - RIGHT
    return [
        _rect((LEFT, _y(high, axis)), (width, _y(low, axis) - _y(high, axis)), ZONES[zone])
        for zone, low, high in zones(limits)
    ]


def _days(span: tuple[Point, Point], say: Wording) -> list[str]:
    first, last = span[0].at, span[1].at
    y = HEIGHT - LOWER + 14
    if last - first < timedelta(days=1):
        return [_text((LEFT + WIDTH - RIGHT) / 2, y, say.date(first), 8, "middle")]
    return [_text(LEFT, y, say.date(first), 8), _text(WIDTH - RIGHT, y, say.date(last), 8, "end")]


def _x(point: Point, span: tuple[Point, Point]) -> float:
    whole = (span[1].at - span[0].at).total_seconds()
    share = 0.5 if whole == 0 else (point.at - span[0].at).total_seconds() / whole
    return LEFT + 6 + share * (WIDTH - LEFT - RIGHT - 12)


def _y(value: float, axis: Axis) -> float:
    return HEIGHT - LOWER - (value - axis.low) / (axis.high - axis.low) * (HEIGHT - UPPER - LOWER)


def _digits(measure: Measure) -> int:
    return 1 if measure in {Measure.DIAMETER_MM, Measure.COLOR} else 0


def _svg(width: float, height: float, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return head + "".join(parts) + "</svg>"


def _rect(place: tuple[float, float], size: tuple[float, float], color: str) -> str:
    return f'<rect x="{place[0]:.1f}" y="{place[1]:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}" fill="{color}"/>'


def _text(
    x: float, y: float, text: str, size: float, anchor: str = "start", color: str = GREY, weight: int = 400
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}" font-weight="{weight}"'
    return f"<text {place} {FONT}>{escape(text)}</text>"
