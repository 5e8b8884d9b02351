"""Replay: a folder of images or a video file as a camera. The pictures keep their own size and content."""

from typing import Protocol

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.pacing import Clock, Pacer, Stamper
from dermscan.capture.pictures import PictureSeries, is_image
from dermscan.capture.video import VideoSeries
from dermscan.domain import CameraState, Frame, RgbImage
from dermscan.errors import CameraLost, InputError, SettingsError


class Series(Protocol):
    """Pictures one after another."""

    def next_picture(self) -> RgbImage | None:
        """The next picture, None after the last one."""

    def rewind(self) -> None:
        """Begin again with the first picture."""

    def close(self) -> None:
        """Let go of the file."""


class ReplayCamera(Camera):
    """Shows each image of a folder for `dwell_s`, or each picture of a video once, at `rate_hz`.

    Every frame has its own number and times; frames of one image share its pixels. Images that cannot be read are
    skipped. At the end the replay begins again, or, without `loop`, the camera is lost.
    """

    def __init__(self, settings: CameraSettings, clock: Clock | None = None) -> None:
        """Prepare the replay without touching the source.

        Args:
            settings: Source, rate, dwell, loop and scale.
            clock: Where the time comes from; None for the system's.

        Raises:
            SettingsError: The settings name no source.
        """
        if settings.source is None:
            raise SettingsError(problem="camera.source must name what the replay camera shows")
        self._settings = settings
        self._source = settings.source
        self._clock = clock or Clock()
        self._series: Series | None = None
        self._start()

    def _start(self) -> None:
        self._pacer = Pacer(self._settings.rate_hz, self._clock)
        self._stamper = Stamper(self._clock, self._settings.mm_per_pixel)

    @property
    def name(self) -> str:
        """What the camera is. The source is not named: file names can name people."""
        return "replay"

    def open(self) -> None:
        """Open the source and decode its first picture.

        Raises:
            InputError: The source is not there, holds no images, or cannot be decoded.
        """
        self.close()
        self._series = self._open_series()
        self._start()

    def _open_series(self) -> Series:
        source = self._source
        if not source.exists():
            raise InputError(source=source, problem="there is no such file or folder")
        if source.is_dir() or is_image(source):
            return PictureSeries(source, dwell_frames(self._settings))
        return VideoSeries(source)

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraLost: The replay has ended, its source is gone, or the camera is not open.
        """
        if self._series is None:
            raise CameraLost
        picture = self._series.next_picture()
        if picture is None and self._settings.loop:
            self._series.rewind()
            picture = self._series.next_picture()
        if picture is None:
            raise CameraLost
        self._pacer.wait()
        return self._stamper.stamp(picture, CameraState("replay", ""))

    def close(self) -> None:
        """Let go of the source."""
        if self._series is not None:
            self._series.close()
        self._series = None


def dwell_frames(settings: CameraSettings) -> int:
    """How many frames show one image: the dwell at the frame rate, at least one."""
    return max(round(settings.dwell_s * settings.rate_hz), 1)
