"""What the quality gate measured on one frame."""

from dataclasses import dataclass

from dermscan.domain.codes import RejectReason


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality gate's figures for one frame and the refusals that follow from them.

    Attributes:
        focus: Sharpness of the lesion's surroundings, larger is sharper (see `analysis.quality` for the measure).
        exposure: Mean luminance, 0 (black) to 1 (white).
        glare: Share of the judged pixels that are specular highlights, 0 to 1.
        motion: Shift against the frame before, in per cent of the frame's diagonal; 0 without such a frame.
        lesion_share: Area of the region of interest as a share of the frame, 0 without one.
        reasons: Every refusal that applies, in the order of `RejectReason`; empty for a good frame.
    """

    focus: float
    exposure: float
    glare: float
    motion: float
    lesion_share: float
    reasons: tuple[RejectReason, ...] = ()

    @property
    def reject(self) -> RejectReason | None:
        """The refusal to mend first, None for a good frame."""
        return self.reasons[0] if self.reasons else None
