"""USB and other V4L2 cameras, through OpenCV. No setting of the camera is changed but size, rate and format."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import cv2

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.opencv import SELECT_TIMEOUT_S, prepare_opencv, rgb_of
from dermscan.capture.pacing import Clock, Stamper
from dermscan.capture.settling import Settling
from dermscan.domain import CameraState, Frame
from dermscan.errors import CameraLost, CameraNotFound, CameraStalled

BUFFERS = 2
EXPOSURE_BY_HAND = 1
"""V4L2_EXPOSURE_MANUAL (linux/v4l2-controls.h); OpenCV hands the kernel's numbers on."""

SILENCE_S = SELECT_TIMEOUT_S / 2
"""A failed grab that lasted longer than this was silence; a shorter one was a refusal."""

REFUSALS = 2
"""So many refusals are forgiven, since a signal to the process is one; more mean that the camera is gone."""

EXPOSURE_UNIT_S = 1e-4
"""Unit of V4L2_CID_EXPOSURE_ABSOLUTE."""

Opener = Callable[[str], cv2.VideoCapture]

_log = logging.getLogger(__name__)


def open_device(path: str) -> cv2.VideoCapture:
    """Open a V4L2 device with OpenCV.

    Args:
        path: The device's node, such as /dev/video0.

    Returns:
        The capture, which is not opened when the device is taken or is no camera.

    Raises:
        CameraNotFound: There is no such device, or it is not allowed to this process.
    """
    if not Path(path).exists():
        raise CameraNotFound(camera=path, problem="there is no such device")
    if not Path(path).is_char_device():
        raise CameraNotFound(camera=path, problem="it is not a device")
    if not os.access(path, os.R_OK | os.W_OK):
        raise CameraNotFound(camera=path, problem="this process has no permission to use it")
    return cv2.VideoCapture(path, cv2.CAP_V4L2)


class V4l2Camera(Camera):
    """A V4L2 camera. It is asked for Motion JPEG, which lets USB 2 carry large frames at full rate."""

    def __init__(self, settings: CameraSettings, opener: Opener = open_device, clock: Clock | None = None) -> None:
        """Prepare the camera without touching the device.

        Args:
            settings: Device, size, rate, stall and scale.
            opener: Opens the device; a test can hand over a capture of another kind.
            clock: Where the time comes from; None for the system's.
        """
        self._settings = settings
        self._path = device_path(settings.device)
        self._opener = opener
        self._clock = clock or Clock()
        self._capture: cv2.VideoCapture | None = None
        self._start()

    def _start(self) -> None:
        self._settling = Settling()
        self._stamper = Stamper(self._clock, self._settings.mm_per_pixel)
        self._last_s = self._clock.monotonic()

    @property
    def name(self) -> str:
        """What the camera is."""
        return f"v4l2 {self._path}"

    def open(self) -> None:
        """Open the device and ask for size, rate and format.

        Raises:
            CameraNotFound: There is no such device, or it is taken or not allowed.
        """
        self.close()
        prepare_opencv()
        capture = self._opener(self._path)
        if not capture.isOpened():
            capture.release()
            raise CameraNotFound(camera=self._path, problem="it is taken by another process or is no camera")
        self._capture = capture
        self._configure(capture)
        self._start()

    def _configure(self, capture: cv2.VideoCapture) -> None:
        wanted = self._settings
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
        capture.set(cv2.CAP_PROP_FPS, wanted.rate_hz)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)
        given = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if given != (wanted.width, wanted.height):
            _log.warning("The camera gives %dx%d instead of %dx%d", *given, wanted.width, wanted.height)

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraStalled: No frame came for `stall_s` seconds.
            CameraLost: The camera was unplugged or is not open.
        """
        capture = self._capture
        if capture is None:
            raise CameraLost
        for _ in range(self._stale_frames()):
            self._grab(capture)
        decoded = self._decode(capture)
        self._last_s = self._clock.monotonic()
        state = camera_state(self._settings.device, capture)
        if self._settings.lock_exposure and self._settling.settles((state.exposure_s,)):
            self._lock(capture)
        return self._stamper.stamp(rgb_of(decoded), state)

    def _lock(self, capture: cv2.VideoCapture) -> None:
        """Keep exposure and white balance as they are."""
        exposure = capture.get(cv2.CAP_PROP_EXPOSURE)
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, EXPOSURE_BY_HAND)
        capture.set(cv2.CAP_PROP_EXPOSURE, exposure)
        capture.set(cv2.CAP_PROP_AUTO_WB, 0)
        _log.info("Exposure and white balance are locked")

    def _decode(self, capture: cv2.VideoCapture) -> cv2.typing.MatLike:
        """The next picture that is whole: over USB a Motion JPEG picture can arrive damaged."""
        began_s = self._clock.monotonic()
        while self._clock.monotonic() - began_s < self._settings.stall_s:
            self._grab(capture)
            there, decoded = capture.retrieve()
            if there:
                return decoded
        raise CameraStalled(seconds=self._settings.stall_s)

    def _stale_frames(self) -> int:
        """How many frames have grown old in the driver's buffers while nobody read."""
        missed = (self._clock.monotonic() - self._last_s) * self._settings.rate_hz - 1
        return BUFFERS if self._stamper.sequence > 0 and missed > 1 else 0

    def _grab(self, capture: cv2.VideoCapture) -> None:
        began_s = tried_s = self._clock.monotonic()
        refusals = 0
        while not capture.grab():
            now = self._clock.monotonic()
            refusals += now - tried_s < SILENCE_S
            if refusals > REFUSALS:
                raise CameraLost
            if now - began_s >= self._settings.stall_s:
                raise CameraStalled(seconds=now - began_s)
            tried_s = now

    def close(self) -> None:
        """Let go of the device."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None


def camera_state(device: str, capture: cv2.VideoCapture) -> CameraState:
    """How a camera stands, as far as its driver tells: exposure (units of 100 microseconds) and focus."""
    exposure, focus = (capture.get(control) for control in (cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_FOCUS))
    exposure_s = exposure * EXPOSURE_UNIT_S if exposure > 0 else None
    return CameraState("v4l2", device, exposure_s=exposure_s, focus=focus if focus > 0 else None)


def device_path(device: str) -> str:
    """Path of a device that is named by its number or its path."""
    return f"/dev/video{int(device)}" if device.isdecimal() else device
