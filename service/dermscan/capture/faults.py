"""Faults put into any camera's frames, for tests and demonstrations. It never mends a fault of the camera itself."""

from dataclasses import replace
from math import hypot

import cv2
import numpy as np

from dermscan.camera_settings import FaultSettings
from dermscan.capture.camera import Camera
from dermscan.capture.pacing import Clock
from dermscan.domain import Frame, RgbImage
from dermscan.errors import CameraLost, CameraStalled

BLUR_SHARE = 0.006
"""Standard deviation of the blur, as a share of the frame's diagonal."""

DARKNESS_FACTOR = 0.1
"""What is left of the light in a dark frame."""

SHAKE_SHARES = 0.03, 0.08
"""Least and greatest length of a shake, as shares of the frame's diagonal."""


class FaultyCamera(Camera):
    """Another camera with faults.

    Which frames are blurred, dark or shaken depends on the seed and the frame's number only. The stall and the
    disconnect count from each opening: opening the camera anew ends them, and they come again after their time.
    """

    def __init__(self, camera: Camera, faults: FaultSettings, stall_s: float, clock: Clock | None = None) -> None:
        """Wrap a camera without opening it.

        Args:
            camera: The camera that takes the frames.
            faults: What goes wrong.
            stall_s: Seconds of silence before a stall is reported.
            clock: Where the time comes from; None for the system's.
        """
        self._camera = camera
        self._faults = faults
        self._stall_s = stall_s
        self._clock = clock or Clock()
        self._opened_s = 0.0

    @property
    def name(self) -> str:
        """What the camera is."""
        return f"{self._camera.name} with faults"

    def open(self) -> None:
        """Open the wrapped camera; raises what it raises."""
        self._camera.open()
        self._opened_s = self._clock.monotonic()

    def read(self) -> Frame:
        """Wait for the next frame, and spoil it when its turn has come.

        Raises:
            CameraStalled: The stall's time has come; raised after the silence of `stall_s`.
            CameraLost: The disconnect's time has come, or the wrapped camera is lost.
        """
        if self._is_after(self._faults.disconnect_after_s):
            self._camera.close()
            raise CameraLost
        if self._is_after(self._faults.stall_after_s):
            self._clock.sleep(self._stall_s)
            raise CameraStalled(seconds=self._stall_s)
        return self._spoil(self._camera.read())

    def still(self, frame: Frame) -> Frame:
        """The wrapped camera's still, with the faults that the frame has; raises what the camera raises."""
        still = self._camera.still(frame)
        return frame if still is frame else self._spoil(still)

    def _is_after(self, seconds: float | None) -> bool:
        return seconds is not None and self._clock.monotonic() - self._opened_s >= seconds

    def _spoil(self, frame: Frame) -> Frame:
        rng = np.random.default_rng((abs(self._faults.seed), frame.sequence))
        blurred, darkened, shaken = rng.uniform(size=3) < (
            self._faults.blur,
            self._faults.darkness,
            self._faults.shake,
        )
        pixels = frame.pixels
        if shaken:
            pixels = shake(pixels, rng)
        if blurred:
            pixels = blur(pixels)
        if darkened:
            pixels = darken(pixels)
        return frame if pixels is frame.pixels else replace(frame, pixels=pixels)

    def close(self) -> None:
        """Close the wrapped camera."""
        self._camera.close()


def blur(pixels: RgbImage) -> RgbImage:
    """A picture, (height, width, 3) uint8, out of focus."""
    sigma = BLUR_SHARE * hypot(*pixels.shape[:2])
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)


def darken(pixels: RgbImage) -> RgbImage:
    """A picture, (height, width, 3) uint8, with too little light."""
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=DARKNESS_FACTOR), dtype=np.uint8)


def shake(pixels: RgbImage, rng: np.random.Generator) -> RgbImage:
    """A picture, (height, width, 3) uint8, shifted as by a moving hand, in a random direction."""
    height, width = pixels.shape[:2]
    length = rng.uniform(*SHAKE_SHARES) * hypot(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    shift = np.array([[1, 0, length * np.cos(angle)], [0, 1, length * np.sin(angle)]])
    moved = cv2.warpAffine(pixels, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)
