"""All measures of one lesion together, and the score that the ABCD rule makes of them."""

from dermscan.analysis.features.asymmetry import asymmetry
from dermscan.analysis.features.border import abrupt_sectors, irregularity
from dermscan.analysis.features.color import colors
from dermscan.analysis.features.diameter import greatest_diameter
from dermscan.analysis.features.specimen import prepare
from dermscan.domain import Frame, LesionFeatures, LesionMask

FEWEST_STRUCTURES, MOST_STRUCTURES = 1, 5


def measure(frame: Frame, mask: LesionMask) -> LesionFeatures:
    """Measure a lesion's A, B, C and D.

    Args:
        frame: The frame.
        mask: The lesion's mask, not empty, of the frame's size.
    """
    specimen = prepare(frame, mask)
    folded = asymmetry(specimen)
    border, color = abrupt_sectors(specimen), len(colors(specimen))
    diameter = greatest_diameter(mask)
    return LesionFeatures(
        asymmetry=folded.score,
        asymmetry_index=folded.index,
        border=border,
        border_irregularity=irregularity(specimen),
        color=color,
        diameter_px=diameter,
        diameter_mm=None if frame.mm_per_pixel is None else diameter * frame.mm_per_pixel,
        area_px=mask.area_px,
        tds_low=total_dermoscopy_score(folded.score, border, color, FEWEST_STRUCTURES),
        tds_high=total_dermoscopy_score(folded.score, border, color, MOST_STRUCTURES),
    )


def total_dermoscopy_score(asymmetry_score: int, border: int, color: int, structures: int) -> float:
    """Total dermoscopy score, 1.0 to 8.9: `1.3 A + 0.1 B + 0.5 C + 0.5 D` (Stolz et al. 1994; Nachbar et al. 1994).

    Args:
        asymmetry_score: A, 0 to 2.
        border: B, 0 to 8.
        color: C, 1 to 6.
        structures: D, the number of differential structures, 1 to 5.
    """
    return round(1.3 * asymmetry_score + 0.1 * border + 0.5 * color + 0.5 * structures, 1)
