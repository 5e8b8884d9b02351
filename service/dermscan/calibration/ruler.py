"""Reads the scale from a ruler's marks in a picture, where there is one: a second source beside the calibration.

A ruler's marks are a row of dark strokes at one distance. A narrow strip along the row, averaged across, is a signal
with that period; its autocorrelation, by the Wiener-Khinchin theorem from the FFT, has peaks at all its multiples, and
skin has none. Which length a mark stands for cannot be seen, so that a ruler checks a scale and gives none by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage

Signal = NDArray[np.float64]

WORKING_SIDE = 1024
"""Pixels to which the longer side of a larger picture is reduced."""
STRIP = 0.012
"""Thickness of a strip, share of the shorter side: thinner than the shortest marks are long."""
OUTER = 0.30
"""Share of the picture, from each edge, in which a ruler is looked for."""
TURNS_DEG = (0.0, -2.0, 2.0, -4.0, 4.0)
"""How far a ruler may lie askew."""
LEAST_PERIOD_PX, LEAST_MARKS = 4.8, 10
"""Finest marks that are told apart, and how many there must be."""
BROAD = 1.5
"""Sigma in multiples of a period above which brightness is light and skin, not marks."""
MIN_PERIODICITY = 0.52
"""Least autocorrelation at once, twice and three times the period."""
MAX_DRIFT = 0.1
"""Greatest change of the period by its multiples: those of marks lie where it says."""
DIVISIONS = (10, 5, 4, 3, 2)
"""Every so many marks there may be a longer one, or one that stands out, whose period is not the marks'."""
SAME = 0.05
"""Greatest difference, as a share, of what a mark measures by the scale from what one usually stands for."""


MARKS_MM = (1.0, 0.5, 0.2, 0.1)
"""What a mark usually stands for."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """A ruler that was read.

    Attributes:
        pixels_per_mark: Distance of the marks.
        marks: How many marks fit into the picture at that distance.
        periodicity: Autocorrelation at the distance, up to 1.
    """

    pixels_per_mark: float
    marks: int
    periodicity: float


class RulerVerdict(StrEnum):
    """What a ruler says about the scale that a frame carries."""

    NO_RULER = "no_ruler"
    NO_SCALE = "no_scale"
    AGREES = "agrees"
    DISAGREES = "disagrees"


def verdict(mm_per_pixel: float | None, ruler: Ruler | None) -> RulerVerdict:
    """Check the scale of a frame by the ruler in it.

    Args:
        mm_per_pixel: The frame's scale; None when there is none.
        ruler: What was read; None when nothing was.
    """
    if ruler is None:
        return RulerVerdict.NO_RULER
    if mm_per_pixel is None:
        return RulerVerdict.NO_SCALE
    mark_mm = ruler.pixels_per_mark * mm_per_pixel
    same = any(abs(mark_mm / usual - 1) <= SAME for usual in MARKS_MM)
    return RulerVerdict.AGREES if same else RulerVerdict.DISAGREES


def read_ruler(pixels: RgbImage) -> Ruler | None:
    """Read the clearest ruler along an edge of a picture.

    Args:
        pixels: (height, width, 3) uint8, RGB.

    Returns:
        None where no marks can be read.
    """
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    reduction = min(WORKING_SIDE / max(gray.shape), 1.0)
    small = np.asarray(cv2.resize(gray, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA), np.uint8)
    found = [ruler for strip in _strips(small) if (ruler := _in_strip(strip, reduction)) is not None]
    return max(found, key=lambda ruler: ruler.periodicity, default=None)


def _strips(gray: NDArray[np.uint8]) -> Iterator[Signal]:
    """Signals along the strips near each edge, upright, across and slightly askew."""
    for sides in (gray, np.ascontiguousarray(gray.T)):
        height, width = sides.shape
        thick = max(round(STRIP * min(height, width)), 3)
        for turn in TURNS_DEG:
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
            turned = cv2.warpAffine(sides, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
            for top in range(0, height - thick, max(thick // 2, 1)):
                if min(top, height - top - thick) <= OUTER * height:
                    yield turned[top : top + thick].astype(np.float64).mean(axis=0)


def _in_strip(signal: Signal, reduction: float) -> Ruler | None:
    period = _period(signal)
    if period is None:
        return None
    return Ruler(period[0] / reduction, int(len(signal) / period[0]), period[1])


def _period(signal: Signal) -> tuple[float, float] | None:
    """Period of the marks, and how periodic the signal is; None when it is not."""
    longest = len(signal) / LEAST_MARKS
    alike = _autocorrelation(_without_light(signal, longest))
    lags = np.arange(len(alike))
    allowed = (lags >= LEAST_PERIOD_PX) & (lags <= longest)
    peaks = allowed & (alike > np.roll(alike, 1)) & (alike >= np.roll(alike, -1))
    if not peaks.any():
        return None
    first = int(lags[peaks][alike[peaks].argmax()])
    first = _undivided(alike, first)
    level = min(_peak(alike, multiple * first, first)[1] for multiple in (1, 2, 3))
    exact = _refined(alike, first)
    sure = level >= MIN_PERIODICITY and exact >= LEAST_PERIOD_PX and abs(exact / first - 1) <= MAX_DRIFT
    return (exact, level) if sure else None


def _without_light(signal: Signal, longest: float) -> Signal:
    """The signal without what is broader than marks, each part as strong as another."""
    flat = signal - cv2.GaussianBlur(signal[None], (0, 0), BROAD * longest / 4)[0]
    return np.asarray(flat, np.float64)


def _autocorrelation(signal: Signal) -> Signal:
    """Normalised autocorrelation by lag, each lag by as many products as it has."""
    count = len(signal)
    spectrum = np.fft.rfft(signal, 2 * count)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    counted = products / np.arange(count, 0, -1)
    return np.asarray(counted / max(float(counted[0]), 1e-9))


def _undivided(alike: Signal, period: int) -> int:
    """The marks' own period where the longer ones' was found."""
    for parts in DIVISIONS:
        shorter = period / parts
        if shorter >= LEAST_PERIOD_PX:
            place, level = _peak(alike, round(shorter), shorter)
            if level >= 0.5 * alike[period]:
                return place
    return period


def _peak(alike: Signal, near: int, period: float) -> tuple[int, float]:
    """Highest lag within a fifth of a period of one, and its height."""
    reach = max(round(0.2 * period), 1)
    low = max(near - reach, 1)
    place = low + int(alike[low : near + reach + 1].argmax())
    return place, float(alike[place])


def _refined(alike: Signal, period: int) -> float:
    """The period by the farthest clear multiple, to a fraction of a pixel."""
    exact = float(period)
    for multiple in range(2, len(alike)):
        if (multiple + 1) * exact > len(alike) / 2:
            break
        place, level = _peak(alike, round(multiple * exact), exact)
        if level < MIN_PERIODICITY / 2:
            break
        exact = _vertex(alike, place) / multiple
    return exact


def _vertex(alike: Signal, place: int) -> float:
    """Where the parabola through three lags is highest."""
    if not 0 < place < len(alike) - 1:
        return float(place)
    before, here, after = alike[place - 1 : place + 2]
    bend = before - 2 * here + after
    if not (before <= here >= after and bend < 0):
        return float(place)
    return place + 0.5 * float((before - after) / bend)
