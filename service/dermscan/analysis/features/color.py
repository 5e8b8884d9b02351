"""C, color: which of the six colours of the ABCD rule the lesion has."""

from enum import StrEnum

import numpy as np

from dermscan.analysis.features.specimen import Specimen
from dermscan.analysis.preparation import FloatArray


class LesionColor(StrEnum):
    """The six colours of the ABCD rule of dermoscopy (Stolz et al. 1994)."""

    WHITE = "white"
    RED = "red"
    LIGHT_BROWN = "light_brown"
    DARK_BROWN = "dark_brown"
    BLUE_GREY = "blue_grey"
    BLACK = "black"


Lab = tuple[float, float, float]

REFERENCES: dict[LesionColor, tuple[Lab, Lab]] = {
    LesionColor.WHITE: ((77.3, 8.3, -12.8), (77.3, 8.3, -12.8)),
    LesionColor.RED: ((24.7, 40.5, 30.0), (24.7, 40.5, 30.0)),
    LesionColor.LIGHT_BROWN: ((47.94, 11.89, 19.86), (71.65, 44.81, 64.78)),
    LesionColor.DARK_BROWN: ((14.32, 6.85, 6.96), (47.57, 27.14, 46.81)),
    LesionColor.BLUE_GREY: ((46.3, 8.4, -15.7), (46.3, 8.4, -15.7)),
    LesionColor.BLACK: ((12.9, 4.2, 2.3), (12.9, 4.2, 2.3)),
}
"""Least and greatest CIELAB of each colour.

The browns are the ranges of Ali, Li and O'Shea 2020 (PLOS ONE 15(6), e0234352), since brown spans from pale to deep;
the other four are single references, those of Kasmi and Mokrani 2016 (IET Image Processing 10(6), 448-455): sRGB
(197, 188, 217), (118, 21, 17), (113, 108, 139) and (41, 31, 30).
"""
MOST_PIXELS = 5000
"""Pixels of the lesion that are looked at, evenly spread: shares of some per cent need no more."""
MIN_SHARE = 0.03
"""Least share of the lesion that a colour covers to count; published limits lie between 1 and 5 per cent."""
RED_HUE = 20.0
"""CIELAB hue angle in degrees below which nothing is brown: the ranges of the browns reach into the reds."""
BROWNS = (2, 3)
REACH = 30.0
"""Greatest difference (CIE 1976) from its reference at which a pixel has that colour at all."""


def colors(specimen: Specimen) -> tuple[LesionColor, ...]:
    """Name the colours that cover at least `MIN_SHARE` of the lesion, in the order of `LesionColor`.

    A pixel has the colour whose reference is nearest in CIELAB, and none when that is farther than `REACH`. White
    counts only where it is lighter than the skin around the lesion (Stolz et al. 1994). When no colour covers enough,
    the commonest one is named: a lesion has a colour.
    """
    pixels = specimen.lab[specimen.mask]
    pixels = pixels[:: max(len(pixels) // MOST_PIXELS, 1)]
    difference = _differences(pixels)
    difference[pixels[:, 0] <= _skin_lightness(specimen), 0] = np.inf
    nearest = difference.argmin(axis=1)
    near_enough = difference.min(axis=1) <= REACH
    share = np.bincount(nearest[near_enough], minlength=len(LesionColor)) / len(pixels)
    if share.max() < MIN_SHARE:
        commonest = np.bincount(nearest, minlength=len(LesionColor)).argmax()
        return (tuple(LesionColor)[int(commonest)],)
    return tuple(color for color, covered in zip(LesionColor, share, strict=True) if covered >= MIN_SHARE)


def _differences(pixels: FloatArray) -> FloatArray:
    """(n, 6) CIE 1976 difference of (n, 3) colours from the nearest point of each reference."""
    low, high = np.array([REFERENCES[color] for color in LesionColor], np.float32).transpose(1, 0, 2)
    away = pixels[:, None, :] - np.clip(pixels[:, None, :], low, high)
    difference = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
    reddish = pixels[:, 2] < np.tan(np.radians(RED_HUE)) * pixels[:, 1]
    difference[np.ix_(reddish, BROWNS)] = np.inf
    return np.asarray(difference, np.float32)


def _skin_lightness(specimen: Specimen) -> float:
    """Median L* around the lesion; 0 where the lesion fills the frame and there is no skin to compare with."""
    skin = specimen.lab[..., 0][specimen.seen & ~specimen.mask]
    return float(np.median(skin)) if skin.size else 0.0
