"""The V4L2 backend without a kernel camera.

What is about devices that are not there runs against the real file system and the real V4L2 backend of OpenCV. The
reading path runs over a real `cv2.VideoCapture`, opened on a Motion JPEG file instead of a device; what a driver does
when it falls silent is scripted.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from dermscan.camera_settings import CameraSettings
from dermscan.capture.pacing import Clock
from dermscan.capture.v4l2 import BUFFERS, Opener, V4l2Camera, device_path
from dermscan.domain import CameraState, RgbImage
from dermscan.errors import CameraLost, CameraNotFound, CameraStalled

GRAB_S = 0.1


def v4l2(opener: Opener | None, clock: Clock, **changes: object) -> V4l2Camera:
    values: dict[str, object] = {"backend": "v4l2", "width": 640, "height": 480, "stall_s": 2.5} | changes
    settings = CameraSettings.model_validate(values)
    return V4l2Camera(settings, clock=clock) if opener is None else V4l2Camera(settings, opener, clock)


def from_file(path: Path) -> Opener:
    """Opens a video file in the place of the device."""
    return lambda _: cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


class ScriptedCapture:
    """A driver that does what a script says at each grab: a gray level, silence for some seconds, or a refusal."""

    def __init__(self, clock: Clock, script: list[int | float | None]) -> None:
        self._clock = clock
        self._script = script
        self._gray = 0
        self.released = False
        self.given: dict[int, float] = {}

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, prop: int, value: float) -> bool:
        self.given[prop] = value
        return True

    def get(self, prop: int) -> float:
        told = {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_EXPOSURE: 156.0}
        return told.get(prop, -1.0)

    def grab(self) -> bool:
        event = self._script.pop(0)
        if isinstance(event, int):
            self._clock.sleep(GRAB_S)
            self._gray = event
            return True
        if event is not None:
            self._clock.sleep(event)
        return False

    def retrieve(self, *_: object) -> tuple[bool, cv2.typing.MatLike]:
        damaged = self._gray < 0
        return not damaged, np.full((4, 6, 3), max(self._gray, 0), dtype=np.uint8)

    def release(self) -> None:
        self.released = True


def scripted(clock: Clock, *script: float | None, **changes: object) -> V4l2Camera:
    return v4l2(lambda _: cast("cv2.VideoCapture", ScriptedCapture(clock, list(script))), clock, **changes)


@pytest.mark.parametrize(
    ("device", "path"), [("0", "/dev/video0"), ("12", "/dev/video12"), ("/dev/v4l/by-id/usb", "/dev/v4l/by-id/usb")]
)
def test_a_device_is_named_by_number_or_path(device: str, path: str, clock: Clock) -> None:
    assert device_path(device) == path
    assert v4l2(None, clock, device=device).name == f"v4l2 {path}"


@pytest.mark.parametrize("device", ["97", "/dev/video97", "/nowhere/at/all"])
def test_a_missing_device_is_one_sentence(device: str, clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CameraNotFound) as caught:
        v4l2(None, clock, device=device).open()
    assert str(caught.value) == f"No camera at {device_path(device)}: there is no such device"
    assert capfd.readouterr() == ("", "")


def test_a_file_is_no_device(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "video0").write_text("")
    with pytest.raises(CameraNotFound, match=r"it is not a device$"):
        v4l2(None, clock, device=str(tmp_path / "video0")).open()


def test_a_device_that_is_no_camera_is_one_sentence_and_opencv_is_quiet(
    clock: Clock, capfd: pytest.CaptureFixture[str], count_open_files: Callable[[], int]
) -> None:
    camera = v4l2(None, clock, device="/dev/null")
    before = count_open_files()
    for _ in range(20):
        with pytest.raises(CameraNotFound, match=r"/dev/null: it is taken by another process or is no camera$"):
            camera.open()
    assert count_open_files() == before
    assert capfd.readouterr() == ("", "")


def test_a_device_without_permission_is_one_sentence(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CameraNotFound, match=r"this process has no permission to use it$"):
        v4l2(None, clock, device="/dev/null").open()


def test_frames_of_a_capture_are_numbered_rgb_and_scaled(
    tmp_path: Path,
    clock: Clock,
    paint: Callable[..., RgbImage],
    write_video: Callable[[Path, list[RgbImage]], Path],
) -> None:
    video = write_video(tmp_path / "red.avi", [paint((230, 20, 10))] * 5)
    with v4l2(from_file(video), clock, mm_per_pixel=0.04) as camera:
        frames = [camera.read() for _ in range(5)]
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    assert {frame.mm_per_pixel for frame in frames} == {0.04}
    red, green, blue = frames[0].pixels.mean(axis=(0, 1))
    assert red > 200
    assert max(green, blue) < 60


def test_a_frame_tells_the_exposure_and_nothing_that_the_driver_does_not(clock: Clock) -> None:
    with scripted(clock, 1, 2, device="/dev/video3") as camera:
        assert camera.read().camera == CameraState("v4l2", "/dev/video3", exposure_s=156 * 1e-4)


def test_the_end_of_a_capture_loses_the_camera(gray_video: Path, clock: Clock) -> None:
    with v4l2(from_file(gray_video), clock) as camera:
        for _ in range(6):
            camera.read()
        with pytest.raises(CameraLost):
            camera.read()


def test_another_size_than_asked_for_is_told_once(
    gray_video: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), v4l2(from_file(gray_video), clock) as camera:
        assert camera.read().pixels.shape == (48, 64, 3)
    assert caplog.messages == ["The camera gives 64x48 instead of 640x480"]


def test_twenty_openings_leave_no_file_open(
    gray_video: Path, clock: Clock, count_open_files: Callable[[], int]
) -> None:
    camera = v4l2(from_file(gray_video), clock)
    with camera:
        camera.read()
    before = count_open_files()
    for _ in range(20):
        with camera:
            assert camera.read().sequence == 0
    for _ in range(20):
        camera.open()
    camera.close()
    assert count_open_files() == before


def test_size_rate_and_motion_jpeg_are_asked_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, float] = {}

    def note(_: ScriptedCapture, prop: int, value: float) -> bool:
        asked[prop] = value
        return True

    monkeypatch.setattr(ScriptedCapture, "set", note)
    scripted(clock, 1, width=800, height=600, rate_hz=15).open()
    assert asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert next(iter(asked)) == cv2.CAP_PROP_FOURCC
    assert (asked[cv2.CAP_PROP_FRAME_WIDTH], asked[cv2.CAP_PROP_FRAME_HEIGHT]) == (800, 600)
    assert asked[cv2.CAP_PROP_FPS] == 15


def test_a_short_silence_is_waited_for(clock: Clock) -> None:
    with scripted(clock, 10, 1.0, 1.0, 20) as camera:
        assert camera.read().pixels.max() == 10
        assert camera.read().pixels.max() == 20


def test_a_long_silence_is_a_stall(clock: Clock) -> None:
    with scripted(clock, 10, 1.0, 1.0, 1.0, 1.0) as camera:
        camera.read()
        before = clock.monotonic()
        with pytest.raises(CameraStalled):
            camera.read()
        assert 2.5 <= clock.monotonic() - before <= 3.5


def test_refusals_lose_the_camera_at_once(clock: Clock) -> None:
    with scripted(clock, 10, None, None, None, None) as camera:
        camera.read()
        before = clock.monotonic()
        with pytest.raises(CameraLost):
            camera.read()
        assert clock.monotonic() == before


def test_a_wait_that_a_signal_cut_short_is_no_loss(clock: Clock) -> None:
    with scripted(clock, 10, None, 20) as camera:
        camera.read()
        assert camera.read().pixels.max() == 20


def test_a_damaged_picture_is_left_out(clock: Clock) -> None:
    with scripted(clock, 10, -1, -1, 20) as camera:
        camera.read()
        frame = camera.read()
    assert (frame.sequence, int(frame.pixels.max())) == (1, 20)


def test_nothing_but_damaged_pictures_is_a_stall(clock: Clock) -> None:
    with scripted(clock, *([-1] * 100)) as camera, pytest.raises(CameraStalled):
        camera.read()


def test_frames_that_grew_old_in_the_driver_are_left_out(clock: Clock) -> None:
    with scripted(clock, *range(1, 10), rate_hz=10) as camera:
        assert camera.read().pixels.max() == 1
        clock.sleep(5)
        assert camera.read().pixels.max() == 2 + BUFFERS
        assert camera.read().pixels.max() == 3 + BUFFERS


def test_a_closed_camera_is_lost_and_the_device_released(clock: Clock) -> None:
    capture = ScriptedCapture(clock, [1, 2])
    camera = v4l2(lambda _: cast("cv2.VideoCapture", capture), clock)
    with pytest.raises(CameraLost):
        camera.read()
    with camera:
        camera.read()
    assert capture.released
    camera.close()
    with pytest.raises(CameraLost):
        camera.read()


def test_exposure_and_white_balance_are_locked_once_they_stand_still(clock: Clock) -> None:
    capture = ScriptedCapture(clock, [*range(1, 40)])
    camera = v4l2(lambda _: cast("cv2.VideoCapture", capture), clock, lock_exposure=True, rate_hz=100)
    with camera:
        assert cv2.CAP_PROP_AUTO_EXPOSURE not in capture.given
        for _ in range(12):
            camera._last_s = clock.monotonic()
            camera.read()
    assert capture.given[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    assert capture.given[cv2.CAP_PROP_EXPOSURE] == 156
    assert capture.given[cv2.CAP_PROP_AUTO_WB] == 0
