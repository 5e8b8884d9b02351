"""Time for cameras: when the next frame is due, and the stamp that each frame carries. Nothing is decoded here."""

import time
from datetime import UTC, datetime

from dermscan.domain import CameraState, Frame, RgbImage


class Clock:
    """The system's clocks."""

    def monotonic(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """Wall-clock time, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Pacer:
    """Lets frames pass at a rate; a reader that is late finds the next frame at once and no queue behind it."""

    def __init__(self, rate_hz: float, clock: Clock) -> None:
        """Start the rhythm: the first frame is due at once.

        Args:
            rate_hz: Frames a second, greater than 0.
            clock: Where the time comes from.
        """
        self._period_s = 1.0 / rate_hz
        self._clock = clock
        self._due_s = clock.monotonic()

    def wait(self) -> None:
        """Wait until the next frame is due."""
        now = self._clock.monotonic()
        if now < self._due_s:
            self._clock.sleep(self._due_s - now)
            now = self._due_s
        self._due_s += self._period_s
        if self._due_s < now:
            self._due_s = now + self._period_s


class Stamper:
    """Numbers and dates the frames of one opening of a camera."""

    def __init__(self, clock: Clock, mm_per_pixel: float | None) -> None:
        """Begin at frame 0.

        Args:
            clock: Where the time comes from.
            mm_per_pixel: Scale of the frames at the skin, None when unknown.
        """
        self._clock = clock
        self._mm_per_pixel = mm_per_pixel
        self.sequence = 0

    def stamp(self, pixels: RgbImage, camera: CameraState | None = None) -> Frame:
        """Make a frame of a picture that has just arrived.

        Args:
            pixels: (height, width, 3) uint8, RGB; not to be written to afterwards.
            camera: How the camera stood; None where its driver does not tell.
        """
        frame = Frame(
            pixels=pixels,
            sequence=self.sequence,
            monotonic_s=self._clock.monotonic(),
            taken_at=self._clock.utc_now(),
            mm_per_pixel=self._mm_per_pixel,
            camera=camera,
        )
        self.sequence += 1
        return frame
