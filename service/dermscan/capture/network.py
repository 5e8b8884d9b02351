"""A dermatoscope with an address: Motion JPEG over HTTP, or RTSP. It speaks to the one address that the settings allow.

FFmpeg fetches the stream, inside OpenCV. It is told to follow no redirection, to use no other protocol, and to take
nothing but the form that was asked for, because a playlist could name other addresses and files.
"""

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.opencv import prepare_opencv, rgb_of
from dermscan.capture.pacing import Clock, Stamper
from dermscan.domain import CameraState, Frame
from dermscan.errors import CameraLost, CameraNotFound, CameraStalled, SettingsError

OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
OPTIONS = {
    "http": "protocol_whitelist;http,tcp|format_whitelist;mpjpeg,mjpeg|max_redirects;0|fflags;nobuffer",
    "rtsp": "protocol_whitelist;rtsp,rtp,udp,tcp|format_whitelist;rtsp,sdp|rtsp_transport;tcp|fflags;nobuffer",
}
"""Options of FFmpeg's protocols and formats, as OpenCV hands them on, by the scheme of the URL."""

URL = re.compile(
    r"(?P<scheme>http|rtsp)://(?:[^@/?#\\\s]*@)?(?P<address>[0-9.]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?(?:/\S*)?"
)
"""Stricter than RFC 3986, so that no two readers of a URL can take different parts of it for the address."""

OPEN_S = 5.0


def allowed_url(settings: CameraSettings) -> str:
    """The URL of the settings, if it names exactly the allowed address.

    Raises:
        SettingsError: There is no URL, it names no address or another one, or no address is allowed.
    """
    if settings.url is None:
        raise SettingsError(problem="camera.url must name where the network camera streams")
    if settings.allowed_address is None:
        raise SettingsError(problem="camera.allowed_address must name the one address that the network camera may have")
    address = _address(settings.url)
    if address is None:
        problem = "camera.url must name an address in numbers, such as http://192.0.2.7/stream"
        raise SettingsError(problem=problem)
    if address != settings.allowed_address:
        raise SettingsError(problem="camera.url names another address than camera.allowed_address")
    return settings.url


def _address(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a URL of the strict form names, None when it has another form."""
    found = URL.fullmatch(url)
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        return None
    try:
        return ipaddress.ip_address(found["address"].strip("[]"))
    except ValueError:
        return None


@contextmanager
def _stream_options(url: str) -> Iterator[None]:
    """Set what FFmpeg may do while a stream is being opened: OpenCV takes it from the environment only."""
    before = os.environ.get(OPTIONS_VARIABLE)
    os.environ[OPTIONS_VARIABLE] = OPTIONS[url.partition(":")[0]]
    try:
        yield
    finally:
        if before is None:
            del os.environ[OPTIONS_VARIABLE]
        else:
            os.environ[OPTIONS_VARIABLE] = before


class NetworkCamera(Camera):
    """A camera that streams over the network."""

    def __init__(self, settings: CameraSettings, clock: Clock | None = None) -> None:
        """Prepare the camera without speaking to anybody.

        Args:
            settings: URL, allowed address, stall and scale; size and rate are the stream's own.
            clock: Where the time comes from; None for the system's.

        Raises:
            SettingsError: There is no URL, it names no address or another one, or no address is allowed.
        """
        self._settings = settings
        self._url = allowed_url(settings)
        self._clock = clock or Clock()
        self._capture: cv2.VideoCapture | None = None
        self._stamper = Stamper(self._clock, settings.mm_per_pixel)

    @property
    def name(self) -> str:
        """What the camera is; its URL may hold a password and is not named."""
        return "network"

    def open(self) -> None:
        """Connect to the stream.

        Raises:
            CameraNotFound: Nobody answers, or what answers is no such stream.
        """
        self.close()
        prepare_opencv()
        patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * OPEN_S)]
        patience += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * self._settings.stall_s)]
        with _stream_options(self._url):
            capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, patience)
        if not capture.isOpened():
            capture.release()
            raise CameraNotFound(
                camera=self.name, problem="nobody answers there, or it is no Motion JPEG or RTSP stream"
            )
        self._capture = capture
        self._stamper = Stamper(self._clock, self._settings.mm_per_pixel)

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraStalled: No frame came for `stall_s` seconds.
            CameraLost: The stream has ended or is not open.
        """
        if self._capture is None:
            raise CameraLost
        began_s = self._clock.monotonic()
        there, decoded = self._capture.read()
        if not there:
            waited_s = self._clock.monotonic() - began_s
            if waited_s < self._settings.stall_s:
                raise CameraLost
            raise CameraStalled(seconds=waited_s)
        return self._stamper.stamp(rgb_of(decoded), CameraState("network", ""))

    def close(self) -> None:
        """Hang up."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None
