"""The lesion's outline as a mask of its frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LesionMask:
    """Which pixels of a frame belong to the lesion: one component without holes.

    Attributes:
        pixels: (height, width) bool, True on the lesion, of the frame's own size, read-only.
        confidence: The segmenter's own estimate of its overlap with the truth, 0 to 1.
    """

    pixels: NDArray[np.bool_]
    confidence: float

    def __post_init__(self) -> None:
        """Hold the promises of the attributes."""
        if self.pixels.ndim != 2 or self.pixels.dtype != np.bool_:
            message = f"a mask is (height, width) bool, not {self.pixels.shape} {self.pixels.dtype}"
            raise ValueError(message)
        pixels = np.ascontiguousarray(self.pixels)
        pixels.setflags(write=False)
        object.__setattr__(self, "pixels", pixels)

    @property
    def area_px(self) -> int:
        """Number of pixels on the lesion."""
        return int(np.count_nonzero(self.pixels))
