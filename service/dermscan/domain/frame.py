"""One picture from a camera."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RgbImage: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera stood when it took a frame, as its driver tells; None where it does not.

    Attributes:
        backend: Value of the setting `camera.backend`.
        device: Value of the setting `camera.device`.
        exposure_s: Exposure time in seconds.
        analogue_gain: Gain of the sensor.
        digital_gain: Gain after the sensor.
        red_gain: White balance of red against green.
        blue_gain: White balance of blue against green.
        focus: Position of the lens in the driver's own units; picamera2 tells dioptres.
    """

    backend: str
    device: str
    exposure_s: float | None = None
    analogue_gain: float | None = None
    digital_gain: float | None = None
    red_gain: float | None = None
    blue_gain: float | None = None
    focus: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a camera, never changed after it was taken.

    Attributes:
        pixels: (height, width, 3) uint8, RGB order, contiguous, read-only.
        sequence: Number of the frame since the camera was opened, from 0.
        monotonic_s: Seconds on the monotonic clock when the frame arrived.
        taken_at: Wall-clock time when the frame arrived, timezone-aware UTC.
        mm_per_pixel: Scale of the picture at the skin in millimetres per pixel, None when no scale is known.
        camera: How the camera stood; None for a picture of unknown origin.
        calibration_id: The calibration that the scale, and the colours where they were corrected, come from; None
            when none was used.
    """

    pixels: RgbImage
    sequence: int
    monotonic_s: float
    taken_at: datetime
    mm_per_pixel: float | None = None
    camera: CameraState | None = None
    calibration_id: str | None = None

    def __post_init__(self) -> None:
        """Hold the promises of the attributes; a breach is a defect of the camera backend."""
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            message = f"a frame is (height, width, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}"
            raise ValueError(message)
        if min(self.pixels.shape[:2]) == 0:
            message = "a frame has at least one pixel"
            raise ValueError(message)
        if self.taken_at.tzinfo is None:
            message = "a frame's time names its time zone"
            raise ValueError(message)
        pixels = np.ascontiguousarray(self.pixels)
        pixels.setflags(write=False)
        object.__setattr__(self, "pixels", pixels)

    @property
    def height(self) -> int:
        """Rows of the picture."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return int(self.pixels.shape[1])
