"""From pictures to a calibration, its file, and what a frame makes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.calibration import (
    Calibration,
    CalibrationState,
    Calibrator,
    calibrate,
    load_calibration,
    save_calibration,
)
from dermscan.calibration.record import ColorRecord, state_for, state_of
from dermscan.camera_settings import CameraSettings
from dermscan.domain import Frame
from dermscan.errors import CalibrationRefused, InputError, OutputError

Take = Callable[[Any], Frame]
CAMERA = CameraSettings(backend="v4l2", device="0", width=640, height=600)


@pytest.fixture
def made(scene: Any, taken: Take, now: datetime) -> Calibration:
    frames = [taken(scene(focus=40.0)), taken(scene(turn_deg=4, light=(1.2, 1.0, 0.6), focus=40.0))]
    return calibrate(frames[1:], CAMERA, now)


def test_a_calibration_says_what_was_measured_by_what_and_until_when(made: Calibration, scene: Any) -> None:
    assert made.mm_per_pixel == pytest.approx(scene().mm_per_pixel, rel=0.003)
    assert made.mm_per_pixel_error < 0.01 * made.mm_per_pixel
    assert (made.backend, made.device, made.width, made.height, made.focus) == ("v4l2", "0", 640, 600, 40.0)
    assert (made.target, made.frames, made.lens) == ("camera", 1, None)
    assert made.valid_until - made.made_at == timedelta(days=180)
    assert made.color.delta_e_after < made.color.delta_e_before


def test_several_pictures_are_one_calibration(scene: Any, taken: Take, now: datetime) -> None:
    frames = [taken(scene(turn_deg=turn)) for turn in (0, 3, 6)]
    made = calibrate(frames, CAMERA, now, days=30)
    assert made.frames == 3
    assert made.mm_per_pixel == pytest.approx(scene().mm_per_pixel, rel=0.003)
    assert made.focus is None


def test_the_same_pictures_give_the_same_identifier(scene: Any, taken: Take, now: datetime) -> None:
    first, second = (calibrate([taken(scene())], CAMERA, now) for _ in range(2))
    later = calibrate([taken(scene())], CAMERA, now + timedelta(seconds=1))
    assert first.calibration_id == second.calibration_id
    assert len(first.calibration_id) == 32
    assert later.calibration_id != first.calibration_id


def test_pictures_that_are_not_the_cameras_are_refused(scene: Any, taken: Take, now: datetime) -> None:
    with pytest.raises(CalibrationRefused, match="not of 1280 x 960 pixels"):
        calibrate([taken(scene())], CameraSettings(backend="v4l2"), now)
    with pytest.raises(CalibrationRefused, match="there are no pictures"):
        calibrate([], CAMERA, now)


@pytest.mark.parametrize("bar", [0.0, 89.0, 111.0, float("nan")])
def test_a_bar_that_cannot_be_is_refused(bar: float, scene: Any, taken: Take, now: datetime) -> None:
    with pytest.raises(CalibrationRefused, match="bar of 100 mm"):
        calibrate([taken(scene())], CAMERA, now, bar_mm=bar)


def test_a_calibration_is_kept_whole_and_private(made: Calibration, tmp_path: Path) -> None:
    assert load_calibration(tmp_path) is None
    path = save_calibration(tmp_path / "state", made)
    assert load_calibration(tmp_path / "state") == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["calibration.json"]
    newer = made.model_copy(update={"frames": 7})
    save_calibration(tmp_path / "state", newer)
    assert load_calibration(tmp_path / "state") == newer


def test_a_place_that_cannot_be_written_is_one_sentence(made: Calibration, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match=r"calibration\.json cannot be written"):
        save_calibration(tmp_path / "file", made)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text[:0],
        lambda text: f"[{text}]",
        lambda text: text.replace("calibration_id", "id"),
        lambda text: text.replace('"width": 640', '"width": 641'),
        lambda text: text.replace('"mm_per_pixel": 0.27', '"mm_per_pixel": 0.37'),
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace('"frames"', '"pictures"'),
        lambda text: text.replace("{", '{"more": 1,', 1),
    ],
)
def test_a_changed_file_is_noticed(made: Calibration, tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = save_calibration(tmp_path, made)
    text = path.read_text(encoding="utf-8")
    path.write_text(damage(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    with pytest.raises(InputError, match="calibrate the camera again"):
        load_calibration(tmp_path)
    calibrator = Calibrator(tmp_path, CAMERA)
    assert calibrator.state is CalibrationState.DAMAGED


@given(st.binary(max_size=200))
def test_any_bytes_are_a_calibration_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / "calibration.json").write_bytes(content)
    with pytest.raises(InputError):
        load_calibration(folder)


def test_it_holds_for_its_camera_and_its_time_alone(made: Calibration, now: datetime) -> None:
    def state(when: datetime, **changes: object) -> CalibrationState:
        return state_of(made, CAMERA.model_copy(update=changes), when)

    assert state(now) is CalibrationState.VALID
    assert state(made.valid_until) is CalibrationState.EXPIRED
    assert state(now - timedelta(days=20000)) is CalibrationState.EXPIRED
    assert state(now, backend="picamera2") is CalibrationState.OTHER_CAMERA
    assert state(now, device="2") is CalibrationState.OTHER_CAMERA
    assert state(now, width=1280) is CalibrationState.OTHER_RESOLUTION


def test_it_holds_for_its_focus_alone(made: Calibration, scene: Any, taken: Take) -> None:
    def state(focus: float | None) -> CalibrationState:
        return state_for(made, CAMERA, taken(scene(focus=focus)))

    assert state(40.5) is CalibrationState.VALID
    assert state(44.0) is CalibrationState.OTHER_FOCUS
    assert state(None) is CalibrationState.VALID


def test_a_frame_gets_scale_and_identifier_and_keeps_its_pixels(
    made: Calibration, tmp_path: Path, scene: Any, taken: Take
) -> None:
    save_calibration(tmp_path, made)
    frame = taken(scene(focus=40.0))
    seen = Calibrator(tmp_path, CAMERA).calibrated(frame)
    assert (seen.mm_per_pixel, seen.calibration_id) == (made.mm_per_pixel, made.calibration_id)
    assert seen.pixels is frame.pixels
    assert (seen.sequence, seen.taken_at, seen.camera) == (frame.sequence, frame.taken_at, frame.camera)


def test_colours_are_corrected_where_that_is_asked_for(
    made: Calibration, tmp_path: Path, scene: Any, taken: Take
) -> None:
    save_calibration(tmp_path, made)
    frame = taken(scene(turn_deg=4, light=(1.2, 1.0, 0.6), focus=40.0))
    seen = Calibrator(tmp_path, CAMERA.model_copy(update={"correct_colors": True})).calibrated(frame)
    white = frame.pixels.max(axis=2) > 180
    before, after = (np.median(pixels[white], axis=0) for pixels in (frame.pixels, seen.pixels))
    assert np.ptp(before) > 30
    assert np.ptp(after) < 6


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"taken_at": timedelta(days=200)}, CalibrationState.EXPIRED),
        ({"size": (320, 300)}, CalibrationState.OTHER_RESOLUTION),
    ],
)
def test_a_frame_that_it_does_not_hold_for_stays_as_it_is_and_the_journal_says_why_once(
    made: Calibration, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, Any], state: CalibrationState
) -> None:
    save_calibration(tmp_path, made)
    width, height = change.get("size", (640, 600))
    when = made.made_at + change.get("taken_at", timedelta())
    frame = Frame(np.zeros((height, width, 3), np.uint8), 0, 0.0, when, mm_per_pixel=0.5)
    calibrator = Calibrator(tmp_path, CAMERA)
    with caplog.at_level("INFO"):
        assert calibrator.calibrated(frame) is frame
        assert calibrator.calibrated(frame) is frame
    assert calibrator.state is state
    assert [record.message for record in caplog.records] == [f"The calibration is not used: {state.replace('_', ' ')}"]
    good = Frame(np.zeros((600, 640, 3), np.uint8), 0, 0.0, made.made_at)
    with caplog.at_level("INFO"):
        assert calibrator.calibrated(good).calibration_id == made.calibration_id
    assert caplog.records[-1].message == "The calibration is used"


def test_without_a_calibration_a_frame_keeps_the_scale_of_the_settings(tmp_path: Path, scene: Any, taken: Take) -> None:
    frame = replace(taken(scene()), mm_per_pixel=0.5)
    calibrator = Calibrator(tmp_path, CAMERA)
    assert calibrator.calibrated(frame) is frame
    assert calibrator.state is CalibrationState.NONE


def test_numbers_that_are_none_never_reach_the_file() -> None:
    with pytest.raises(ValueError, match="finite"):
        ColorRecord(gains=(1, 1, float("nan")), matrix=((1, 0, 0),) * 3, delta_e_before=1, delta_e_after=1, patches=16)


def test_the_file_can_be_read_by_a_person(made: Calibration, tmp_path: Path) -> None:
    content = json.loads(save_calibration(tmp_path, made).read_text(encoding="utf-8"))
    assert content["calibration_id"] == made.calibration_id
    assert set(content) == {"calibration_id", *Calibration.model_fields}
