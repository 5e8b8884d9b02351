"""The Raspberry Pi's cameras, through picamera2, which is imported only when such a camera is opened or listed."""

import importlib
import logging
from dataclasses import replace
from typing import Any

import numpy as np

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera, CameraDescription
from dermscan.capture.libcamera import camera_infos, import_picamera2, taken_camera
from dermscan.capture.pacing import Clock, Stamper
from dermscan.capture.planes import rgb_of_planes
from dermscan.capture.settling import Settling
from dermscan.domain import CameraState, Frame, RgbImage
from dermscan.errors import CameraDriverMissing, CameraLost, CameraNotFound, CameraStalled, SettingsError

RGB_ORDER = "BGR888"
"""picamera2 names formats as libcamera does, from the highest byte down: in memory this is red, green, blue."""

STILL_BUFFERS = 4
"""Buffers of full-resolution pictures, 36 MB each at 12 megapixels: one is held, one is exposed, two are between."""

_log = logging.getLogger(__name__)


class PicameraCamera(Camera):
    """A camera on the Raspberry Pi's camera port.

    Capturing is known to stop without a sign after many hours; the wait for each frame is bounded, so that this ends
    in `CameraStalled` and opening anew recovers.

    Where the settings ask for stills the camera gives both sizes of every exposure. The small one is read; the large
    one stays in the camera's memory until the next is read, and is copied out on demand only.
    """

    def __init__(self, settings: CameraSettings, clock: Clock | None = None) -> None:
        """Prepare the camera without importing picamera2.

        Args:
            settings: Device, size, rate, stall and scale.
            clock: Where the time comes from; None for the system's.

        Raises:
            SettingsError: The camera is not named by a number.
        """
        if not settings.device.isdecimal():
            raise SettingsError(problem="camera.device must be a number for a picamera2 camera")
        self._settings = settings
        self._number = int(settings.device)
        self._clock = clock or Clock()
        self._camera: Any = None
        self._held: Any = None
        self._stamper = Stamper(self._clock, settings.mm_per_pixel)
        self._settling = Settling()

    @property
    def name(self) -> str:
        """What the camera is."""
        return f"picamera2 {self._settings.device}"

    def open(self) -> None:
        """Import picamera2, take the camera, set size, format and rate, and start it.

        Raises:
            CameraDriverMissing: picamera2 or libcamera is not installed.
            CameraNotFound: There is no such camera, it is taken, or it refuses the size or rate.
        """
        self.close()
        picamera2 = import_picamera2()
        if self._number >= len(camera_infos(picamera2)):
            raise CameraNotFound(camera=self.name, problem="no camera of this number is connected")
        try:
            self._camera = taken_camera(picamera2, self._number)
            self._start()
        except (RuntimeError, IndexError, OSError) as error:
            self.close()
            problem = "it is taken by another process or refuses the size or rate"
            raise CameraNotFound(camera=self.name, problem=problem) from error
        self._stamper = Stamper(self._clock, self._settings.mm_per_pixel)
        self._settling = Settling()

    def _start(self) -> None:
        paced = "FrameDurationLimits" in self._camera.camera_controls
        controls = {"FrameRate": self._settings.rate_hz} if paced else {}
        self._camera.configure(self._camera.create_video_configuration(**_streams(self._settings), controls=controls))
        self._camera.start()

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraStalled: No frame came for `stall_s` seconds.
            CameraLost: The camera failed or is not open.
        """
        if self._camera is None:
            raise CameraLost
        try:
            pixels, told = self._capture()
            if self._settings.lock_exposure:
                self._lock_when_settled(told)
        except TimeoutError:
            # A job left in the queue would take the next frame and never give it back.
            self._camera.cancel_all_and_flush()
            raise CameraStalled(seconds=self._settings.stall_s) from None
        except (RuntimeError, OSError) as error:
            raise CameraLost from error
        return self._stamper.stamp(pixels, camera_state(self._settings.device, told))

    def _capture(self) -> tuple[RgbImage, dict[str, Any]]:
        """A picture and what libcamera says of it."""
        self._let_go()
        self._held = self._camera.capture_request(wait=self._settings.stall_s)
        try:
            return self._live_picture(), self._held.get_metadata()
        finally:
            if not self._settings.takes_stills:
                self._let_go()

    def _live_picture(self) -> RgbImage:
        if not self._settings.takes_stills:
            return np.asarray(self._held.make_array("main"), dtype=np.uint8)
        planes = np.asarray(self._held.make_array("lores"), dtype=np.uint8)
        return rgb_of_planes(planes, *self._held.config["lores"]["size"])

    def _let_go(self) -> None:
        """Give the buffers of the last exposure back to the camera."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def still(self, frame: Frame) -> Frame:
        """The picture in full resolution of the frame that was read last: the same exposure.

        Raises:
            CameraLost: The camera failed or is not open.
        """
        if not self._settings.takes_stills:
            return frame
        if self._held is None:
            raise CameraLost
        try:
            pixels = np.asarray(self._held.make_array("main"), dtype=np.uint8)
        except (RuntimeError, OSError) as error:
            raise CameraLost from error
        scale = None if frame.mm_per_pixel is None else frame.mm_per_pixel * frame.width / pixels.shape[1]
        return replace(frame, pixels=pixels, mm_per_pixel=scale)

    def _lock_when_settled(self, told: dict[str, Any]) -> None:
        """Keep exposure, gain and white balance as they are once the metadata say that they stand still."""
        red, blue = told.get("ColourGains", (None, None))
        values = told.get("ExposureTime"), told.get("AnalogueGain"), red, blue
        if told.get("AeLocked") is False:
            values = None, None, None, None
        if not self._settling.settles(values):
            return
        kept = {"AeEnable": False, "AwbEnable": False}
        kept |= {name: told[name] for name in ("ExposureTime", "AnalogueGain", "ColourGains") if name in told}
        known = self._camera.camera_controls
        self._camera.set_controls({name: value for name, value in kept.items() if name in known})
        _log.info("Exposure and white balance are locked")

    def close(self) -> None:
        """Stop the camera and let go of it."""
        self._let_go()
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            camera.close()
        except (RuntimeError, OSError):
            _log.warning("The camera could not be closed cleanly")


def _streams(settings: CameraSettings) -> dict[str, Any]:
    """One size, or both sizes of one exposure. The second stream of a Raspberry Pi 4 has no other form than YUV."""
    live, main = (settings.width, settings.height), {"format": RGB_ORDER, "size": settings.picture_size}
    if not settings.takes_stills:
        return {"main": main}
    colors = importlib.import_module("libcamera").ColorSpace.Sycc()
    small = {"format": "YUV420", "size": live}
    return {"main": main, "lores": small, "raw": None, "colour_space": colors, "buffer_count": STILL_BUFFERS}


def camera_state(device: str, told: dict[str, Any]) -> CameraState:
    """How a camera stood, from libcamera's metadata of a picture.

    Args:
        device: Number of the camera.
        told: libcamera's controls by their names; exposure in microseconds. Those that the camera lacks are missing.
    """
    red, blue = told.get("ColourGains", (None, None))
    exposure_us = told.get("ExposureTime")
    return CameraState(
        backend="picamera2",
        device=device,
        exposure_s=None if exposure_us is None else exposure_us / 1e6,
        analogue_gain=told.get("AnalogueGain"),
        digital_gain=told.get("DigitalGain"),
        red_gain=red,
        blue_gain=blue,
        focus=told.get("LensPosition"),
    )


def list_picameras() -> tuple[CameraDescription, ...]:
    """The cameras that picamera2 knows of; none where it is not installed."""
    try:
        picamera2 = import_picamera2()
    except CameraDriverMissing:
        return ()
    infos = camera_infos(picamera2)
    return tuple(
        CameraDescription("picamera2", str(number), str(info.get("Model", "camera")))
        for number, info in enumerate(infos)
    )
