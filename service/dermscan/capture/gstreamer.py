"""Cameras behind a GStreamer pipeline, such as a Jetson's camera port. No shell sees the pipeline.

OpenCV's wheel has no GStreamer, so the pipeline is a process of its own (gst-launch-1.0) that hands over raw pictures
through a pipe. Its words become arguments.
"""

import os
import select
import shlex
import shutil
import subprocess
from contextlib import suppress

import numpy as np

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.pacing import Clock, Stamper
from dermscan.domain import CameraState, Frame, RgbImage
from dermscan.errors import CameraDriverMissing, CameraLost, CameraNotFound, CameraStalled, SettingsError

LAUNCHER = "gst-launch-1.0"
REMEDY = "apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"

START_S = 15.0
"""Seconds for which a pipeline may take to its first picture: a Jetson's camera service is slow."""

END_S = 2.0
ROW_ALIGNMENT = 4
"""GStreamer fills up each row of a raw picture to a multiple of so many bytes (GstVideoInfo)."""

IN_TRANSIT = 2
"""Pictures that can have grown old on the way: one in the pipe, one that waits for it."""


def jetson_pipeline(settings: CameraSettings) -> str:
    """The elements for a camera at a Jetson's port: the sensor's service, then out of the graphics memory.

    Source: NVIDIA, Accelerated GStreamer (nvarguscamerasrc, nvvidconv).
    """
    sensor = int(settings.device) if settings.device.isdecimal() else 0
    size = f"width={settings.width},height={settings.height},framerate={round(settings.rate_hz)}/1"
    return (
        f"nvarguscamerasrc sensor-id={sensor} ! video/x-raw(memory:NVMM),{size} ! nvvidconv ! video/x-raw,format=BGRx"
    )


def launch_words(settings: CameraSettings) -> list[str]:
    """The arguments of gst-launch-1.0: the camera's elements, then those that hand over RGB and drop what is late.

    Raises:
        SettingsError: The pipeline's quotes do not match.
    """
    try:
        source = shlex.split(settings.pipeline or jetson_pipeline(settings))
    except ValueError:
        raise SettingsError(problem="the quotes in camera.pipeline do not match") from None
    form = f"video/x-raw,format=RGB,width={settings.width},height={settings.height},pixel-aspect-ratio=1/1"
    tail = f"! videoconvert ! videoscale ! {form} ! queue leaky=downstream max-size-buffers=1 ! fdsink fd=1 sync=false"
    return ["--quiet", *source, *tail.split()]


class GstreamerCamera(Camera):
    """A camera whose pictures a GStreamer pipeline gives."""

    def __init__(self, settings: CameraSettings, clock: Clock | None = None, start_s: float = START_S) -> None:
        """Prepare the camera without starting anything.

        Args:
            settings: Pipeline or number of the Jetson's camera, size, rate, stall and scale.
            clock: Where the time comes from; None for the system's.
            start_s: Seconds until the first picture must be there.

        Raises:
            SettingsError: The pipeline's quotes do not match.
        """
        self._settings = settings
        self._words = launch_words(settings)
        self._clock = clock or Clock()
        self._start_s = start_s
        self._process: subprocess.Popen[bytes] | None = None
        self._first: RgbImage | None = None
        self._row_bytes = -(-3 * settings.width // ROW_ALIGNMENT) * ROW_ALIGNMENT
        self._begin()

    def _begin(self) -> None:
        self._stamper = Stamper(self._clock, self._settings.mm_per_pixel)
        self._last_s = self._clock.monotonic()

    @property
    def name(self) -> str:
        """What the camera is; a pipeline may hold anything and is not named."""
        return "gstreamer" if self._settings.pipeline else f"gstreamer {self._settings.device}"

    def open(self) -> None:
        """Start the pipeline and wait for its first picture.

        Raises:
            CameraDriverMissing: GStreamer is not installed.
            CameraNotFound: The pipeline ends or gives no picture.
        """
        self.close()
        program = shutil.which(LAUNCHER)
        if program is None:
            raise CameraDriverMissing(backend="gstreamer", remedy=REMEDY)
        self._process = subprocess.Popen(  # noqa: S603 - no shell; the words are the technician's own settings
            [program, *self._words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._first = self._picture(self._start_s)
        except (CameraStalled, CameraLost):
            self.close()
            problem = f"its pipeline gives no picture; try it with {LAUNCHER}"
            raise CameraNotFound(camera=self.name, problem=problem) from None
        self._begin()

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraStalled: No frame came for `stall_s` seconds.
            CameraLost: The pipeline has ended or is not open.
        """
        first, self._first = self._first, None
        for _ in range(self._stale_pictures()):
            self._picture(self._settings.stall_s)
        pixels = self._picture(self._settings.stall_s) if first is None else first
        self._last_s = self._clock.monotonic()
        return self._stamper.stamp(pixels, CameraState("gstreamer", self._settings.device))

    def _stale_pictures(self) -> int:
        """How many pictures have grown old on the way while nobody read."""
        missed = (self._clock.monotonic() - self._last_s) * self._settings.rate_hz - 1
        return IN_TRANSIT if self._stamper.sequence > 0 and missed > 1 else 0

    def _picture(self, patience_s: float) -> RgbImage:
        """Read a whole picture from the pipe."""
        if self._process is None or self._process.stdout is None:
            raise CameraLost
        pipe = self._process.stdout.fileno()
        raw = bytearray(self._row_bytes * self._settings.height)
        rest = memoryview(raw)
        until = self._clock.monotonic() + patience_s
        while rest:
            left_s = until - self._clock.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                raise CameraStalled(seconds=patience_s)
            got = os.readv(pipe, [rest])
            if got == 0:
                raise CameraLost
            rest = rest[got:]
        rows = np.frombuffer(raw, np.uint8).reshape(self._settings.height, self._row_bytes)
        return rows[:, : 3 * self._settings.width].reshape(self._settings.height, self._settings.width, 3)

    def close(self) -> None:
        """End the pipeline."""
        process, self._process, self._first = self._process, None, None
        if process is None:
            return
        if process.stdout is not None:
            process.stdout.close()
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
            return
        process.kill()
        process.wait()
