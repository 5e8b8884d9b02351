"""The target: a ChArUco board between two rows of patches, in two sizes. Where its parts lie, and what colour they are.

A place on a target is (x, y) in squares from the board's upper left corner, y downwards.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 8, 6
CELLS = 8
"""Cells of a square's side: six are the marker's (four by four bits and a rim), one on each side is white."""
GAP = 0.35
"""White paper between the board and a row of patches, in squares."""
PATCH_MARGIN = 0.05
"""White paper on every side of a patch, in squares."""
DICTIONARY = cv2.aruco.DICT_4X4_50

ABOVE = (
    ("light skin", (194, 150, 130)),
    ("dark skin", (115, 82, 68)),
    ("red", (175, 54, 60)),
    ("orange", (214, 126, 44)),
    ("yellow", (231, 199, 31)),
    ("green", (70, 148, 73)),
    ("blue", (56, 61, 150)),
    ("magenta", (187, 86, 149)),
)
BELOW = (
    ("grey 243", (243, 243, 243)),
    ("grey 200", (200, 200, 200)),
    ("grey 160", (160, 160, 160)),
    ("grey 122", (122, 122, 122)),
    ("grey 85", (85, 85, 85)),
    ("grey 52", (52, 52, 52)),
    ("tanned skin", (172, 116, 86)),
    ("brown", (93, 62, 45)),
)
"""Names and sRGB of the patches. What a printer makes of them is only as true as the printer."""


@dataclass(frozen=True, slots=True)
class Target:
    """One printed size of the target.

    Attributes:
        name: What it is for.
        square_mm: Side of a square in millimetres.
        first_id: Number of its first marker; the two sizes have none in common.
    """

    name: str
    square_mm: float
    first_id: int

    @property
    def marker_ids(self) -> NDArray[np.int32]:
        """(24,) int32, the numbers of its markers."""
        return np.arange(self.first_id, self.first_id + COLUMNS * ROWS // 2, dtype=np.int32)

    @property
    def width_mm(self) -> float:
        """Width of board and patches."""
        return COLUMNS * self.square_mm

    @property
    def height_mm(self) -> float:
        """Height of board and patches."""
        return (ROWS + 2 * (GAP + 1)) * self.square_mm


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of colour.

    Attributes:
        name: What it is called.
        rgb: sRGB, 0 to 255.
        x: Left edge, in squares.
        y: Upper edge, in squares.
        side: Width and height, in squares.
    """

    name: str
    rgb: tuple[int, int, int]
    x: float
    y: float
    side: float = 1 - 2 * PATCH_MARGIN

    @property
    def neutral(self) -> bool:
        """Whether it is grey."""
        return len(set(self.rgb)) == 1


FAR = Target("camera", 18.0, 0)
NEAR = Target("dermatoscope", 2.5, 24)
TARGETS = (FAR, NEAR)

PATCHES = tuple(
    Patch(name, rgb, column + PATCH_MARGIN, top + PATCH_MARGIN)
    for top, row in ((-GAP - 1, ABOVE), (ROWS + GAP, BELOW))
    for column, (name, rgb) in enumerate(row)
)

PAPER = tuple((column + 0.5, row) for row in (-GAP / 2, ROWS + GAP / 2) for column in range(COLUMNS))
"""Places that are white paper, in squares: they tell how the light falls off across the target."""


@cache
def board(target: Target) -> cv2.aruco.CharucoBoard:
    """The board as OpenCV knows it, in millimetres."""
    marker_mm = target.square_mm * (CELLS - 2) / CELLS
    dictionary = cv2.aruco.getPredefinedDictionary(DICTIONARY)
    return cv2.aruco.CharucoBoard((COLUMNS, ROWS), target.square_mm, marker_mm, dictionary, target.marker_ids)


def cells(target: Target) -> NDArray[np.bool_]:
    """(48, 64) bool, True where a cell of the board is black."""
    picture = board(target).generateImage((COLUMNS * CELLS, ROWS * CELLS), marginSize=0, borderBits=1)
    return np.asarray(np.asarray(picture) < 128)
