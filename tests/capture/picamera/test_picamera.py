"""The picamera2 backend, driven through the real picamera2 over a fake libcamera (see conftest)."""

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from daemon.rehearsal import Recorder
from dermscan.bus.events import HealthCode
from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import CameraDescription
from dermscan.capture.libcamera import import_picamera2
from dermscan.capture.opening import list_cameras
from dermscan.capture.pacing import Clock
from dermscan.capture.picamera import STILL_BUFFERS, PicameraCamera, camera_state, list_picameras
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import KeptCamera
from dermscan.daemon.pulse import Pulse
from dermscan.domain import CameraState
from dermscan.errors import CameraDriverMissing, CameraLost, CameraNotFound, CameraStalled, SettingsError

pytestmark = pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")


def picamera(**changes: object) -> PicameraCamera:
    values: dict[str, object] = {"width": 320, "height": 240, "rate_hz": 20, "stall_s": 5.0} | changes
    return PicameraCamera(CameraSettings.model_validate(values), Clock())


def read_what_is_left(camera: PicameraCamera) -> None:
    """Read more frames than the camera has buffers."""
    for _ in range(10):
        camera.read()


def test_a_missing_driver_is_one_sentence_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    camera = picamera()
    with pytest.raises(CameraDriverMissing) as caught:
        camera.open()
    assert "apt install python3-picamera2" in str(caught.value)
    assert "extra `pi`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list_picameras() == ()


def test_a_driver_built_for_another_numpy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        message = "numpy.dtype size changed, may indicate binary incompatibility"
        raise ValueError(message)

    monkeypatch.setattr("dermscan.capture.libcamera.importlib.import_module", fail)
    with pytest.raises(CameraDriverMissing, match="built for another NumPy"):
        import_picamera2()


def test_making_the_camera_imports_nothing() -> None:
    loaded = set(sys.modules)
    assert picamera().name == "picamera2 0"
    assert not any("picamera2" in name for name in set(sys.modules) - loaded)


@pytest.mark.parametrize("width", [320, 322])
def test_frames_are_red_where_the_scene_is_red_whatever_the_padding(sensor: Any, width: int) -> None:
    with picamera(width=width, mm_per_pixel=0.03) as camera:
        frames = [camera.read() for _ in range(5)]
    assert sensor.started_with
    assert {frame.pixels.shape for frame in frames} == {(240, width, 3)}
    assert all((frame.pixels == (230, 20, 10)).all() for frame in frames)
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    assert all(one.monotonic_s < other.monotonic_s for one, other in pairwise(frames))
    assert {frame.mm_per_pixel for frame in frames} == {0.03}


def test_a_frame_tells_how_the_camera_stood(sensor: Any) -> None:
    with picamera() as camera:
        state = camera.read().camera
    assert sensor.started_with
    assert state is not None
    assert (state.backend, state.device) == ("picamera2", "0")


def test_what_libcamera_says_of_a_picture_is_kept() -> None:
    gains = {"AnalogueGain": 2.0, "DigitalGain": 1.0, "ColourGains": (1.8, 1.4)}
    told = {"ExposureTime": 9870, "LensPosition": 9.5, **gains}
    assert camera_state("0", told) == CameraState("picamera2", "0", 0.00987, 2.0, 1.0, 1.8, 1.4, 9.5)
    assert camera_state("1", {}) == CameraState("picamera2", "1")


def test_the_rate_is_set_as_the_frame_duration(sensor: Any) -> None:
    with picamera(rate_hz=12.5):
        given = {control.name: value for control, value in sensor.started_with.items()}
    assert given["FrameDurationLimits"] == (80000, 80000)


def test_a_camera_without_a_rate_control_works(sensor: Any) -> None:
    sensor.controls.clear()
    with picamera() as camera:
        assert camera.read().sequence == 0
    assert not sensor.started_with


def test_every_buffer_goes_back_to_the_camera(sensor: Any) -> None:
    with picamera() as camera:
        for _ in range(60):
            camera.read()
        assert sensor.most_queued == 6
    assert not sensor.acquired


def test_a_silent_stop_is_a_stall_and_opening_anew_recovers(sensor: Any) -> None:
    camera = picamera(stall_s=0.3)
    with camera:
        camera.read()
        sensor.silent.set()
        with pytest.raises(CameraStalled, match=r"no frame for 0\.3 s"):
            read_what_is_left(camera)
        camera.close()
        assert not sensor.acquired
        sensor.silent.clear()
        camera.open()
        assert camera.read().sequence == 0


def test_frames_that_return_by_themselves_are_taken_and_no_buffer_is_lost(sensor: Any) -> None:
    with picamera(stall_s=0.2) as camera:
        camera.read()
        for _ in range(8):
            sensor.silent.set()
            with pytest.raises(CameraStalled):
                read_what_is_left(camera)
            sensor.silent.clear()
        read = 0
        for _ in range(300):  # a slow machine stalls now and then; a lost buffer would stall for ever
            with suppress(CameraStalled):
                camera.read()
                read += 1
        assert read >= 20


def test_a_failure_of_the_driver_loses_the_camera(sensor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not sensor.acquired

    def fail(*_: object, **__: object) -> None:
        message = "Camera has been disconnected"
        raise RuntimeError(message)

    with picamera() as camera:
        camera.read()
        monkeypatch.setattr(camera._camera, "capture_request", fail)
        with pytest.raises(CameraLost):
            camera.read()


def test_a_picture_that_cannot_be_copied_still_gives_its_buffer_back(
    sensor: Any, real_picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        message = "failed to find buffer"
        raise RuntimeError(message)

    with picamera() as camera:
        camera.read()
        with monkeypatch.context() as patch:
            patch.setattr(real_picamera2.CompletedRequest, "make_array", fail)
            for _ in range(20):
                with pytest.raises(CameraLost):
                    camera.read()
        assert camera.read().sequence == 1
    assert not sensor.acquired


def test_a_camera_that_is_not_connected_is_one_sentence(sensor: Any, count_open_files: Callable[[], int]) -> None:
    assert not sensor.acquired
    camera = picamera(device="3")
    gc.collect()
    before = count_open_files()
    for _ in range(5):
        with pytest.raises(CameraNotFound, match=r"^No camera at picamera2 3: no camera of this number is connected$"):
            camera.open()
    assert count_open_files() == before


def test_a_device_that_is_no_number_is_a_setting_that_can_never_work() -> None:
    with pytest.raises(SettingsError, match=r"camera\.device must be a number"):
        picamera(device="/dev/video0")


SETTLED = {"ExposureTime": 9870, "AnalogueGain": 2.0, "ColourGains": (1.8, 1.4), "AeLocked": True}


def test_exposure_and_white_balance_are_locked_once_the_metadata_stand_still(sensor: Any) -> None:
    with picamera(lock_exposure=True) as camera:
        for exposure in range(1000, 9000, 400):
            sensor.tells = SETTLED | {"ExposureTime": exposure}
            camera.read()
        assert sensor.told_later == {}, "it still looks for the light"
        sensor.tells = SETTLED
        for _ in range(60):
            camera.read()
        told = dict(sensor.told_later)
        sensor.told_later.clear()
        for _ in range(20):
            camera.read()
        assert sensor.told_later == {}, "once"
    assert {name: told[name] for name in ("AeEnable", "AwbEnable")} == {"AeEnable": False, "AwbEnable": False}
    assert (told["ExposureTime"], told["AnalogueGain"], told["ColourGains"]) == (9870, 2.0, (1.8, 1.4))
    assert (told["ExposureTimeMode"], told["AnalogueGainMode"]) == (1, 1), "picamera2 makes both manual"


@pytest.mark.parametrize("changes", [{"lock_exposure": False}, {"lock_exposure": True}])
def test_nothing_is_locked_that_was_not_asked_for_or_is_not_settled(sensor: Any, changes: dict[str, bool]) -> None:
    sensor.tells = SETTLED | {"AeLocked": not changes["lock_exposure"]}
    with picamera(**changes) as camera:
        for _ in range(30):
            camera.read()
    assert sensor.told_later == {}


def test_a_camera_that_is_taken_is_one_sentence_and_can_be_had_later(sensor: Any) -> None:
    sensor.taken = True
    camera = picamera()
    with pytest.raises(CameraNotFound, match="taken by another process"):
        camera.open()
    sensor.taken = False
    with camera:
        assert camera.read().sequence == 0


def test_a_size_that_is_refused_lets_go_of_the_camera(sensor: Any) -> None:
    with pytest.raises(CameraNotFound, match="refuses the size or rate"):
        picamera(width=4000, height=3000).open()
    assert not sensor.acquired


def test_a_closed_camera_is_lost(sensor: Any) -> None:
    camera = picamera()
    with pytest.raises(CameraLost):
        camera.read()
    with camera:
        camera.read()
    camera.close()
    with pytest.raises(CameraLost):
        camera.read()
    assert not sensor.acquired


def test_an_unclean_close_is_logged_and_survived(
    sensor: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    camera = picamera()
    camera.open()
    driver = camera._camera

    def fail() -> None:
        message = "Unable to stop preview."
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(driver, "close", fail)
        camera.close()
    assert "could not be closed cleanly" in caplog.text
    driver.close()
    assert not sensor.acquired


def test_a_hundred_openings_leave_no_file_open(sensor: Any, count_open_files: Callable[[], int]) -> None:
    camera = picamera()
    with camera:
        camera.read()
    gc.collect()
    before = count_open_files()
    for _ in range(100):
        with camera:
            assert camera.read().sequence == 0
    gc.collect()  # picamera2 leaves the selectors of its threads to the garbage collector
    assert count_open_files() == before
    assert count_open_files() <= before
    assert not sensor.acquired


def test_the_cameras_are_listed_first_and_by_model(sensor: Any) -> None:
    assert not sensor.acquired
    assert list_cameras()[0] == CameraDescription("picamera2", "0", "imx219")


def test_a_libcamera_that_does_not_start_lists_no_camera(
    sensor: Any, real_picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        message = "failed to start the camera manager"
        raise RuntimeError(message)

    assert not sensor.acquired
    monkeypatch.setattr(real_picamera2.Picamera2, "global_camera_info", staticmethod(fail))
    assert list_picameras() == ()
    with pytest.raises(CameraNotFound):
        picamera().open()


STILLS = {"still_width": 1280, "still_height": 960}
"""Four times as many pixels a side as the live frames of these tests."""


def of_the_exposure(number: int) -> tuple[int, int, int]:
    """A colour of which no two exposures in a row have the same."""
    return 40 + 20 * (number % 10), 120, 90


@pytest.mark.parametrize("width", [320, 322])
def test_a_still_is_the_same_exposure_in_full_resolution(sensor: Any, width: int) -> None:
    sensor.scene = of_the_exposure
    with picamera(width=width, mm_per_pixel=0.04, **STILLS) as camera:
        seen = [(frame, camera.still(frame)) for frame in (camera.read() for _ in range(12))]
    for live, still in seen:
        assert live.pixels.shape == (240, width, 3)
        assert still.pixels.shape == (960, 1280, 3)
        assert np.ptp(live.pixels, axis=(0, 1)).max() == 0, "no filling of the rows is seen"
        assert np.abs(still.pixels[0, 0].astype(int) - live.pixels[0, 0]).max() <= 2, "one scene"
        assert (still.sequence, still.taken_at, still.monotonic_s) == (live.sequence, live.taken_at, live.monotonic_s)
        assert still.camera == live.camera
        assert still.mm_per_pixel == pytest.approx(0.04 * width / 1280)
    assert len({tuple(still.pixels[0, 0]) for _, still in seen}) > 1


def test_a_still_may_be_asked_for_twice_and_is_never_overwritten(sensor: Any) -> None:
    sensor.scene = of_the_exposure
    with picamera(**STILLS) as camera:
        frame = camera.read()
        first, again = camera.still(frame), camera.still(frame)
        before = first.pixels.copy()
        for _ in range(20):
            camera.read()
    assert (first.pixels == again.pixels).all()
    assert (first.pixels == before).all()


def test_stills_that_nobody_asks_for_are_not_copied(
    sensor: Any, real_picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make_array = real_picamera2.CompletedRequest.make_array

    def note(request: Any, name: str) -> Any:
        made.append(name)
        return make_array(request, name)

    monkeypatch.setattr(real_picamera2.CompletedRequest, "make_array", note)
    with picamera(**STILLS) as camera:
        for number in range(12):
            frame = camera.read()
            if number % 6 == 0:
                camera.still(frame)
        assert sensor.most_queued <= STILL_BUFFERS
    assert (made.count("lores"), made.count("main")) == (12, 2)


def test_a_camera_with_one_size_gives_the_frame_itself(sensor: Any) -> None:
    assert not sensor.acquired
    with picamera() as camera:
        frame = camera.read()
        assert camera.still(frame) is frame


def test_a_still_that_cannot_be_had_costs_no_buffer(
    sensor: Any, real_picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_array = real_picamera2.CompletedRequest.make_array

    def fail(request: Any, name: str) -> Any:
        if name == "main":
            message = "failed to find buffer"
            raise RuntimeError(message)
        return make_array(request, name)

    monkeypatch.setattr(real_picamera2.CompletedRequest, "make_array", fail)
    with picamera(**STILLS) as camera:
        for number in range(20):
            frame = camera.read()
            assert frame.sequence == number
            with pytest.raises(CameraLost):
                camera.still(frame)
    with pytest.raises(CameraLost):
        camera.still(frame)
    assert not sensor.acquired


def test_a_hundred_openings_with_stills_leave_no_file_open(sensor: Any, count_open_files: Callable[[], int]) -> None:
    camera = picamera(still_width=640, still_height=480)

    def once() -> None:
        with camera:
            frame = camera.read()
            assert (frame.sequence, camera.still(frame).width) == (0, 640)

    once()
    gc.collect()
    before = count_open_files()
    for _ in range(100):
        once()
    gc.collect()
    assert count_open_files() <= before
    assert not sensor.acquired


def test_waiting_for_a_camera_that_is_taken_leaves_no_file_open(
    sensor: Any, count_open_files: Callable[[], int]
) -> None:
    sensor.taken = True
    camera = picamera()

    def refused() -> None:
        with pytest.raises(CameraNotFound):
            camera.open()
        gc.collect()

    refused()
    before = count_open_files()
    for _ in range(3):
        refused()
    assert count_open_files() <= before


@pytest.mark.parametrize("stills", [{}, STILLS], ids=["live only", "with stills"])
def test_a_silent_stall_is_over_within_ten_seconds_with_the_default_patience(
    sensor: Any, stills: dict[str, int]
) -> None:
    """Upstream's known fault: after many hours no frame comes any more, and nothing says so."""
    sensor.mended_by_opening = True
    settings = CameraSettings.model_validate({"width": 320, "height": 240} | stills)
    board = Board(Recorder(), lambda _state: None)
    kept = KeptCamera(PicameraCamera(settings), settings.reopen_attempts, board, Pulse(60))
    stop, losses, came_s = threading.Event(), list[HealthCode](), list[float]()
    for frame in kept.frames(stop, losses.append):
        came_s.append(frame.monotonic_s)
        if len(came_s) == 5:
            sensor.silent.set()
        if losses:
            stop.set()
    assert losses == [HealthCode.CAMERA_STALLED]
    assert max(later - sooner for sooner, later in pairwise(came_s)) <= 10
    assert not board.camera_away
    assert not sensor.acquired
