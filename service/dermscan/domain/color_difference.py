"""CIEDE2000: how different two colours look."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def ciede2000(first: NDArray[np.floating], second: NDArray[np.floating]) -> Values:
    """CIEDE2000 colour difference with unit weights (Sharma, Wu and Dalal 2005, Color Res. Appl. 30(1), 21-30).

    Args:
        first: (..., 3) CIELAB.
        second: The same shape.

    Returns:
        (...) float64; about 1 is just noticeable.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    chroma = np.hypot(one[..., 1], one[..., 2]), np.hypot(two[..., 1], two[..., 2])
    stretch = 1.5 - 0.5 * _saturation((chroma[0] + chroma[1]) / 2)
    c1, h1 = _polar(one, stretch)
    c2, h2 = _polar(two, stretch)
    light, chroma_step, hue_step = two[..., 0] - one[..., 0], c2 - c1, _hue_step(c1, c2, h1, h2)
    mean_l, mean_c = (one[..., 0] + two[..., 0]) / 2, (c1 + c2) / 2
    mean_h = _mean_hue(c1 * c2, h1, h2)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c = 1 + 0.045 * mean_c
    s_h = 1 + 0.015 * mean_c * _hue_weight(mean_h)
    turn = -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))) * 2 * _saturation(mean_c)
    l, c, h = light / s_l, chroma_step / s_c, hue_step / s_h  # noqa: E741 - the formula's own letter
    return np.asarray(np.sqrt(np.maximum(l**2 + c**2 + h**2 + turn * c * h, 0)))


def _saturation(chroma: Values) -> Values:
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _polar(lab: Values, stretch: Values) -> tuple[Values, Values]:
    """Chroma and hue in degrees, 0 to 360, with a* stretched."""
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _hue_step(c1: Values, c2: Values, h1: Values, h2: Values) -> Values:
    step = (h2 - h1 + 180) % 360 - 180
    return np.asarray(2 * np.sqrt(c1 * c2) * np.sin(np.radians(step) / 2))


def _mean_hue(product: Values, h1: Values, h2: Values) -> Values:
    total = h1 + h2
    near = np.abs(h1 - h2) <= 180
    mean = np.where(near, total / 2, np.where(total < 360, (total + 360) / 2, (total - 360) / 2))
    return np.where(product == 0, total, mean)


def _hue_weight(hue: Values) -> Values:
    def cosine(times: float, shift: float) -> Values:
        return np.asarray(np.cos(np.radians(times * hue + shift)))

    return np.asarray(1 - 0.17 * cosine(1, -30) + 0.24 * cosine(2, 0) + 0.32 * cosine(3, 6) - 0.20 * cosine(4, -63))
