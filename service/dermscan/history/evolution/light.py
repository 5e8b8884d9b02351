"""Brings two pictures of the same skin to the same light. It judges no lesion."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage
from dermscan.history.evolution.view import BoolArray, FloatArray

MINKOWSKI = 6
"""Order of the mean by which a light's colour is told (Shades of Gray: Finlayson and Trezzi 2004)."""
MAX_GAIN = 2.2
"""Greatest ratio of two lights' strengths, in linear light, in any channel."""
MAX_TINT = 1.8
"""Greatest ratio of two lights' strengths between two channels."""
MIN_SKIN = 200
"""Least number of common skin pixels to compare lights on."""
CLIPPED = 250
MAX_CLIPPED = 0.25
"""Greatest share of the common skin that may be burnt out."""


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """Two registered pictures in the same light.

    Attributes:
        baseline: (h, w, 3) float32 CIELAB (D65).
        follow_up: The same of the follow-up.
        noise: Median colour difference (CIE 1976) that is left on the common skin.
    """

    baseline: FloatArray
    follow_up: FloatArray
    noise: float


def in_one_light(baseline: RgbImage, follow_up: RgbImage, skin: BoolArray, sigma: float) -> Lit | None:
    """Give the follow-up the light of the baseline, by the skin that both show.

    The lights' colours are told by Shades of Gray on the common skin and divided out in linear light (von Kries); a
    light that falls off across the picture is fitted as a plane in log brightness.

    Args:
        baseline: (h, w, 3) uint8, RGB.
        follow_up: The same, laid over the baseline.
        skin: (h, w) bool, True where both show skin.
        sigma: Pixels over which colours are averaged, so that a slightly wrong place is no difference.

    Returns:
        None when there is too little common skin, or the lights differ too much to be made alike.
    """
    if skin.sum() < MIN_SKIN or max(_clipped(baseline, skin), _clipped(follow_up, skin)) > MAX_CLIPPED:
        return None
    one, two = _linear(baseline, sigma), _linear(follow_up, sigma)
    gain = _light(one, skin) / _light(two, skin)
    if max(gain.max(), 1 / gain.min()) > MAX_GAIN or gain.max() / gain.min() > MAX_TINT:
        return None
    two = _levelled(one, two * gain, skin)
    first, second = _lab(one), _lab(two)
    return Lit(first, second, float(np.median(np.linalg.norm(first[skin] - second[skin], axis=1))))


def _clipped(pixels: RgbImage, skin: BoolArray) -> float:
    return float((pixels[skin].max(axis=1) >= CLIPPED).mean())


def _linear(pixels: RgbImage, sigma: float) -> FloatArray:
    """Linear light of sRGB (IEC 61966-2-1), averaged."""
    value = pixels.astype(np.float32) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(cv2.GaussianBlur(linear.astype(np.float32), (0, 0), max(sigma, 0.5)), np.float32)


def _light(linear: FloatArray, skin: BoolArray) -> NDArray[np.float32]:
    """(3,) the light's colour by Shades of Gray."""
    powered = np.power(linear[skin].astype(np.float64), MINKOWSKI).mean(axis=0)
    return np.asarray(np.maximum(powered, 1e-12) ** (1 / MINKOWSKI), np.float32)


def _levelled(one: FloatArray, two: FloatArray, skin: BoolArray) -> FloatArray:
    """The second picture with the fall-off of light of the first: a least-squares plane in log brightness."""
    rows, columns = np.nonzero(skin)
    ratio = np.log(one[skin].mean(axis=1) + 1e-4) - np.log(two[skin].mean(axis=1) + 1e-4)
    usual = np.abs(ratio - np.median(ratio)) < 0.3
    height, width = skin.shape
    terms = np.column_stack([np.ones(len(rows)), rows / height, columns / width])
    constant, down, across = np.linalg.lstsq(terms[usual], ratio[usual], rcond=None)[0]
    plane = constant + down * np.arange(height)[:, None] / height + across * np.arange(width)[None] / width
    return np.asarray(two * np.exp(plane)[..., None], np.float32)


def _lab(linear: FloatArray) -> FloatArray:
    """CIELAB of linear light."""
    clipped = np.clip(linear, 0, 1)
    return np.asarray(cv2.cvtColor(clipped, cv2.COLOR_LRGB2LAB), np.float32)
