"""The lesion's A, B, C and D as numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LesionFeatures:
    """A, B, C and D of the ABCD rule of dermoscopy (Stolz et al. 1994), each by a published or stated measure.

    Attributes:
        asymmetry: Number of principal axes, 0 to 2, across which shape or colour is asymmetric.
        asymmetry_index: Non-overlapping share of the area when folded on the better axis, 0 (symmetric) to 1.
        border: Number of the eight sectors, 0 to 8, that end abruptly.
        border_irregularity: Perimeter squared over 4 pi area of the contour; 1 for a disc, larger when ragged.
        color: Number of the six colours of the rule present, 1 to 6.
        diameter_px: Greatest distance between two points of the contour, in pixels.
        diameter_mm: The same in millimetres; None when the picture has no scale ("uncalibrated").
        area_px: Pixels on the lesion.
        tds_low: Total dermoscopy score with the fewest differential structures (D = 1): 1.3 A + 0.1 B + 0.5 C + 0.5.
        tds_high: The same with the most (D = 5). Structures are not detected, so the score is a range.
    """

    asymmetry: int
    asymmetry_index: float
    border: int
    border_irregularity: float
    color: int
    diameter_px: float
    diameter_mm: float | None
    area_px: int
    tds_low: float
    tds_high: float
