"""The networked dermatoscope over a real Motion JPEG stream on loopback, and everything that it must not do."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from dermscan.camera_settings import CameraSettings
from dermscan.capture.network import OPTIONS_VARIABLE, NetworkCamera, allowed_url
from dermscan.capture.opening import open_camera
from dermscan.errors import CameraLost, CameraNotFound, CameraStalled, SettingsError

RED = cv2.imencode(".jpg", np.full((240, 320, 3), (10, 20, 230), np.uint8))[1].tobytes()
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
PART = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
Behaviour = Callable[[socket.socket, threading.Event], None]


def pictures(count: int, *, then_silent: bool = False) -> Behaviour:
    """Streams so many pictures, and then ends or falls silent."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(HEAD)
        for _ in range(count):
            connection.sendall(PART % (len(RED), RED))
            if stop.wait(0.02):
                return
        if then_silent:
            stop.wait(30)

    return behave


def answers(text: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(text)


@dataclass
class Dermatoscope:
    """A stream on loopback that behaves as a test wants."""

    behave: Behaviour
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.asked.append(connection.recv(4096))
                    self.behave(connection, self._stop)
                except OSError:
                    continue

    def end(self) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)


MakeDermatoscope = Callable[[Behaviour], Dermatoscope]


@pytest.fixture
def dermatoscope() -> Iterator[MakeDermatoscope]:
    made: list[Dermatoscope] = []

    def make(behave: Behaviour) -> Dermatoscope:
        made.append(Dermatoscope(behave))
        return made[-1]

    yield make
    for each in made:
        each.end()


def camera(url: str, allowed: str | None = "127.0.0.1", **changes: object) -> NetworkCamera:
    values = {"backend": "network", "url": url, "allowed_address": allowed, "stall_s": 1.0} | changes
    return NetworkCamera(CameraSettings.model_validate(values))


def read_on(opened: NetworkCamera) -> None:
    for _ in range(20):
        opened.read()


def test_frames_of_a_stream_are_numbered_rgb_and_scaled(dermatoscope: MakeDermatoscope) -> None:
    there = dermatoscope(pictures(200))
    with camera(f"http://127.0.0.1:{there.port}/stream", mm_per_pixel=0.02) as opened:
        frames = [opened.read() for _ in range(5)]
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    assert np.abs(frames[-1].pixels.astype(int) - (230, 20, 10)).max() <= 6
    assert frames[-1].pixels.shape == (240, 320, 3)
    assert frames[-1].mm_per_pixel == 0.02
    assert OPTIONS_VARIABLE not in os.environ


def test_the_settings_choose_it_and_no_password_is_named(dermatoscope: MakeDermatoscope) -> None:
    there = dermatoscope(pictures(200))
    url = f"http://nurse:canary@127.0.0.1:{there.port}/stream"
    settings = CameraSettings.model_validate({"backend": "network", "url": url, "allowed_address": "127.0.0.1"})
    with open_camera(settings) as opened:
        assert opened.read().sequence == 0
        assert "canary" not in opened.name


def test_a_stream_that_ends_is_lost_and_can_be_opened_anew(dermatoscope: MakeDermatoscope) -> None:
    there = dermatoscope(pictures(8))
    with camera(f"http://127.0.0.1:{there.port}/") as opened:
        with pytest.raises(CameraLost):
            read_on(opened)
        opened.open()
        assert opened.read().sequence == 0


def test_a_stream_that_falls_silent_is_a_stall(dermatoscope: MakeDermatoscope) -> None:
    there = dermatoscope(pictures(8, then_silent=True))
    with camera(f"http://127.0.0.1:{there.port}/") as opened, pytest.raises(CameraStalled):
        read_on(opened)


def test_openings_leave_no_connection_open(dermatoscope: MakeDermatoscope, count_open_files: Callable[[], int]) -> None:
    there = dermatoscope(pictures(500))
    opened = camera(f"http://127.0.0.1:{there.port}/")
    with opened:
        opened.read()
    before = count_open_files()
    for _ in range(10):
        opened.open()
        opened.read()
        opened.close()
    assert count_open_files() <= before + 1, "the stream's own side may still be closing"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (None, "127.0.0.1"),
        ("http://127.0.0.1/", None),
        ("http://127.0.0.1/", "127.0.0.2"),
        ("http://localhost/", "127.0.0.1"),
        ("http://scope.example/", "127.0.0.1"),
        ("http://127.0.0.1@192.0.2.7/", "127.0.0.1"),
        ("http://127.0.0.1.example/", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://[::1]/", "127.0.0.1"),
        ("http://127.0.0.1:99999/", "127.0.0.1"),
        ("http:///stream", "127.0.0.1"),
        ("http://127.0.0.1?@192.0.2.7/", "127.0.0.1"),
        ("http://192.0.2.7#@127.0.0.1/", "127.0.0.1"),
        ("http://127.0.0.1\\@192.0.2.7/", "127.0.0.1"),
        ("http://a@127.0.0.1@192.0.2.7/", "127.0.0.1"),
        ("rtsp://192.0.2.7/", "127.0.0.1"),
    ],
)
def test_what_the_settings_do_not_allow_is_never_spoken_to(url: str | None, allowed: str | None) -> None:
    settings = CameraSettings.model_validate({"backend": "network", "url": url, "allowed_address": allowed})
    with pytest.raises(SettingsError):
        allowed_url(settings)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://127.0.0.1/", "concat:a|b", "http://a b/", "", "x"])
def test_another_scheme_is_no_setting(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        CameraSettings.model_validate({"backend": "network", "url": url})


def test_a_redirection_is_not_followed(dermatoscope: MakeDermatoscope) -> None:
    elsewhere = dermatoscope(pictures(100))
    location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    there = dermatoscope(answers(b"HTTP/1.1 302 Found\r\n" + location))
    with pytest.raises(CameraNotFound, match="nobody answers there"):
        camera(f"http://127.0.0.1:{there.port}/").open()
    assert there.asked
    assert elsewhere.asked == []


@pytest.mark.parametrize("kind", [b"application/vnd.apple.mpegurl", b"text/plain", b"application/x-sdp"])
def test_a_playlist_that_names_other_places_is_refused(dermatoscope: MakeDermatoscope, kind: bytes) -> None:
    elsewhere = dermatoscope(pictures(100))
    list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:{elsewhere.port}/a.ts\n#EXT-X-ENDLIST\n"
    there = dermatoscope(answers(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n" + list_.encode()))
    with pytest.raises(CameraNotFound):
        camera(f"http://127.0.0.1:{there.port}/live.m3u8").open()
    assert elsewhere.asked == []


@pytest.mark.parametrize("said", [b"", b"\x00" * 5000, b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno"])
def test_what_is_no_stream_is_one_sentence(
    dermatoscope: MakeDermatoscope, said: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    there = dermatoscope(answers(said))
    with pytest.raises(CameraNotFound):
        camera(f"http://127.0.0.1:{there.port}/").open()
    assert capfd.readouterr() == ("", "")


def test_nobody_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CameraNotFound, match="nobody answers there"):
        camera(f"http://127.0.0.1:{port}/").open()


def test_a_closed_camera_is_lost() -> None:
    with pytest.raises(CameraLost):
        camera("http://127.0.0.1/").read()
