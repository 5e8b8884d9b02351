import sys
from pathlib import Path

import pytest

import dermscan.capture
from dermscan.camera_settings import CameraSettings, FaultSettings
from dermscan.capture import Camera, CameraDescription, list_cameras, open_camera
from dermscan.capture.faults import FaultyCamera
from dermscan.capture.opening import BACKENDS, has_faults
from dermscan.errors import CameraDriverMissing, CameraNotFound, SettingsError


def settings(**values: object) -> CameraSettings:
    return CameraSettings.model_validate(values)


def test_every_backend_of_the_settings_has_a_camera() -> None:
    assert set(BACKENDS) == set(CameraSettings.model_json_schema()["properties"]["backend"]["enum"])


@pytest.mark.parametrize(
    ("backend", "name"),
    [("picamera2", "picamera2 0"), ("v4l2", "v4l2 /dev/video0"), ("replay", "replay"), ("phantom", "phantom")],
)
def test_the_settings_choose_the_camera_and_nothing_is_opened(backend: str, name: str, tmp_path: Path) -> None:
    camera = open_camera(settings(backend=backend, source=tmp_path / "not-there"))
    assert camera.name == name
    camera.close()


def test_faults_are_wrapped_around_the_camera_only_when_asked_for() -> None:
    plain = open_camera(settings(backend="phantom", faults={"seed": 7}))
    assert not isinstance(plain, FaultyCamera)
    spoilt = open_camera(settings(backend="phantom", faults={"blur": 0.5}))
    assert isinstance(spoilt, FaultyCamera)
    assert spoilt.name == "phantom with faults"


@pytest.mark.parametrize(
    "fault", [{"blur": 0.1}, {"darkness": 0.1}, {"shake": 0.1}, {"stall_after_s": 1}, {"disconnect_after_s": 1}]
)
def test_each_fault_counts(fault: dict[str, float]) -> None:
    assert has_faults(FaultSettings.model_validate(fault))
    assert not has_faults(FaultSettings())


def test_a_replay_without_a_source_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        open_camera(settings(backend="replay"))


@pytest.mark.parametrize("error", [CameraNotFound, CameraDriverMissing])
def test_the_default_camera_is_refused_clearly_where_there_is_none(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = open_camera(settings(backend="v4l2", device="98"))
    if error is CameraDriverMissing:
        monkeypatch.setitem(sys.modules, "picamera2", None)
        camera = open_camera(settings())
    with pytest.raises(error):
        camera.open()


def test_the_cameras_of_this_machine_end_with_the_phantom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    cameras = list_cameras()
    assert cameras[-1] == CameraDescription("phantom", "", "rendered phantom")
    assert all(camera.backend == "v4l2" for camera in cameras[:-1])


def node(folder: Path, number: int, name: str | None, index: str | None) -> None:
    """A V4L2 device as the kernel lists it."""
    (folder / f"video{number}").mkdir()
    for file, content in (("name", name), ("index", index)):
        if content is not None:
            (folder / f"video{number}" / file).write_bytes(content.encode() + b"\n")


def test_v4l2_devices_are_listed_by_number_without_metadata_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    node(tmp_path, 10, "Dermatoscope: USB", "0")
    node(tmp_path, 2, "HD Webcam", "0")
    node(tmp_path, 3, "HD Webcam", "1")
    node(tmp_path, 4, None, None)
    assert list_cameras(tmp_path)[:-1] == (
        CameraDescription("v4l2", "/dev/video2", "HD Webcam"),
        CameraDescription("v4l2", "/dev/video4", "camera"),
        CameraDescription("v4l2", "/dev/video10", "Dermatoscope: USB"),
    )


def test_no_list_of_the_kernel_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert list_cameras(tmp_path / "absent") == (CameraDescription("phantom", "", "rendered phantom"),)


def test_a_name_that_is_no_text_does_not_break_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    node(tmp_path, 0, "x", "0")
    (tmp_path / "video0" / "name").write_bytes(b"\xff\xfe camera\n")
    assert list_cameras(tmp_path)[0].label.endswith("camera")


def test_the_protocol_is_a_context_that_opens_and_closes() -> None:
    camera = open_camera(settings(backend="phantom", width=160, height=120))
    with camera as entered:
        assert entered is camera
        assert camera.read().sequence == 0


def test_a_camera_that_lacks_a_method_cannot_be_made() -> None:
    class Half(Camera):
        def open(self) -> None:
            return None

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_every_exported_name_is_there() -> None:
    assert all(hasattr(dermscan.capture, name) for name in dermscan.capture.__all__)
