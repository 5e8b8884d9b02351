"""The GStreamer backend over the real gst-launch-1.0 and its test pictures; no Jetson takes part."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from appliance import wait_until
from dermscan.camera_settings import CameraSettings
from dermscan.capture.gstreamer import LAUNCHER, GstreamerCamera, jetson_pipeline, launch_words
from dermscan.capture.opening import open_camera
from dermscan.errors import CameraDriverMissing, CameraLost, CameraNotFound, CameraStalled, SettingsError

RED = "videotestsrc is-live=true pattern=solid-color foreground-color=0xffe6140a ! video/x-raw,framerate=30/1"


def camera(pipeline: str = RED, *, start_s: float = 15.0, **changes: object) -> GstreamerCamera:
    values: dict[str, object] = {"backend": "gstreamer", "width": 320, "height": 240, "rate_hz": 30, "stall_s": 1}
    settings = CameraSettings.model_validate(values | {"pipeline": pipeline} | changes)
    return GstreamerCamera(settings, start_s=start_s)


def read_on(opened: GstreamerCamera) -> None:
    for _ in range(20):
        opened.read()


@pytest.fixture(autouse=True)
def _gstreamer(request: pytest.FixtureRequest) -> None:
    if shutil.which(LAUNCHER) is None and "without" not in request.node.name:
        pytest.fail("gst-launch-1.0 is missing: apt install gstreamer1.0-tools gstreamer1.0-plugins-base")


@pytest.mark.parametrize("width", [320, 322, 161])
def test_frames_are_red_where_the_source_is_red_whatever_the_padding(width: int) -> None:
    with camera(width=width, mm_per_pixel=0.02) as opened:
        frames = [opened.read() for _ in range(5)]
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    for frame in frames:
        assert frame.pixels.shape == (240, width, 3)
        assert np.abs(frame.pixels.astype(int) - (230, 20, 10)).max() <= 4
        assert frame.mm_per_pixel == 0.02
    assert frames[0].camera is not None
    assert frames[0].camera.backend == "gstreamer"


def test_the_settings_choose_it() -> None:
    settings = CameraSettings(backend="gstreamer", pipeline=RED, width=320, height=240)
    with open_camera(settings) as opened:
        assert opened.read().width == 320
    assert opened.name == "gstreamer", "a pipeline may hold an address and is not named"


def test_opening_and_closing_leaves_no_process_and_no_file(count_open_files: Callable[[], int]) -> None:
    opened = camera()
    with opened:
        opened.read()
    before = count_open_files()
    for _ in range(5):
        opened.open()
        assert opened.read().sequence == 0
        process = opened._process
        opened.close()
        assert process is not None
        assert process.returncode is not None
    assert count_open_files() == before
    opened.close()


def test_a_late_reader_gets_a_fresh_picture() -> None:
    """Pictures that blink: what was black a second ago must not be handed over as now."""
    with camera("videotestsrc is-live=true pattern=blink ! video/x-raw,framerate=30/1") as opened:
        opened.read()
        opened._last_s -= 60
        assert opened._stale_pictures() > 0
        assert opened.read().sequence == 1


def test_a_pipeline_that_ends_is_a_lost_camera() -> None:
    with camera("videotestsrc is-live=true num-buffers=3 ! video/x-raw,framerate=30/1") as opened:
        with pytest.raises(CameraLost):
            read_on(opened)
        opened.open()
        assert opened.read().sequence == 0


def test_a_killed_pipeline_is_a_lost_camera() -> None:
    with camera() as opened:
        opened.read()
        process = opened._process
        assert process is not None
        process.kill()
        wait_until(lambda: process.poll() is not None)
        with pytest.raises(CameraLost):
            read_on(opened)


def test_a_silent_pipeline_is_a_stall_and_opening_anew_recovers() -> None:
    paused = "videotestsrc is-live=true ! video/x-raw,framerate=30/1 ! identity sleep-time=3000000"
    silent = camera(paused, start_s=15)
    with silent, pytest.raises(CameraStalled):
        read_on(silent)
    with camera() as opened:
        assert opened.read().sequence == 0


@pytest.mark.parametrize(
    "pipeline", ["nosuchelement", "videotestsrc ! nosuchelement", "filesrc location=/nowhere ! decodebin", "!"]
)
def test_a_pipeline_that_does_not_run_is_one_sentence(pipeline: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CameraNotFound, match="gives no picture; try it with gst-launch"):
        camera(pipeline).open()
    assert capfd.readouterr() == ("", "")


def test_a_pipeline_without_pictures_is_given_up() -> None:
    with pytest.raises(CameraNotFound, match="gives no picture"):
        camera("appsrc is-live=true ! video/x-raw,format=RGB,width=320,height=240", start_s=1.0).open()


def test_quotes_that_do_not_match_are_one_sentence() -> None:
    with pytest.raises(SettingsError, match="quotes"):
        camera("videotestsrc pattern='ball")


def test_no_shell_sees_the_pipeline(tmp_path: Path) -> None:
    with pytest.raises(CameraNotFound):
        camera(f"videotestsrc ; touch {tmp_path}/made", start_s=5).open()
    assert not (tmp_path / "made").exists()


def test_without_gstreamer_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CameraDriverMissing, match="apt install gstreamer1"):
        camera().open()


def test_a_closed_camera_is_lost() -> None:
    with pytest.raises(CameraLost):
        camera().read()


def test_the_pipeline_of_a_jetson() -> None:
    settings = CameraSettings(backend="gstreamer", device="1", width=1920, height=1080, rate_hz=30)
    assert jetson_pipeline(settings).startswith("nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1920")
    assert launch_words(settings)[-3:] == ["fdsink", "fd=1", "sync=false"]
