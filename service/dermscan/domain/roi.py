"""The region of interest: a box around one lesion."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roi:
    """A box around one lesion, in pixels of its frame.

    Attributes:
        x0: Left edge, 0 is the left edge of the first column.
        y0: Upper edge.
        x1: Right edge, exclusive: the width of the frame is its greatest value.
        y1: Lower edge, exclusive.
        score: The detector's confidence that a lesion is there, 0 to 1; 1 for a box drawn by a person.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a box that is empty or turned inside out."""
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            message = f"a box has an area: {self.x0, self.y0, self.x1, self.y1}"
            raise ValueError(message)

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the box as (x, y)."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def iou(self, other: "Roi") -> float:
        """Intersection over union with another box, 0 to 1."""
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        shared = max(wide, 0.0) * max(high, 0.0)
        return shared / (self.area + other.area - shared)
