import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.pacing import Clock
from dermscan.capture.pictures import decode_image
from dermscan.capture.replay import ReplayCamera, dwell_frames
from dermscan.domain import Frame, RgbImage
from dermscan.errors import CameraLost, InputError, SettingsError

Paint = Callable[..., RgbImage]
Write = Callable[[Path, RgbImage], Path]


def replay(source: Path | None, clock: Clock, **changes: object) -> ReplayCamera:
    values: dict[str, object] = {"backend": "replay", "source": source, "rate_hz": 2, "dwell_s": 1.5} | changes
    return ReplayCamera(CameraSettings.model_validate(values), clock)


def take(camera: Camera, count: int) -> list[Frame]:
    return [camera.read() for _ in range(count)]


def grays(frames: list[Frame]) -> list[int]:
    """Gray of each frame, rounded to the tens that the fixtures paint."""
    return [round(float(frame.pixels.mean()) / 10) * 10 for frame in frames]


def test_each_image_is_shown_for_its_dwell_in_the_order_of_names(gray_folder: Path, clock: Clock) -> None:
    with replay(gray_folder, clock) as camera:
        assert grays(take(camera, 15)) == [gray for gray in (0, 40, 80, 120, 160) for _ in range(3)]


def test_every_frame_has_its_own_number_and_times(gray_folder: Path, clock: Clock) -> None:
    with replay(gray_folder, clock, mm_per_pixel=0.05) as camera:
        frames = take(camera, 12)
    assert [frame.sequence for frame in frames] == list(range(12))
    assert all(later.monotonic_s - earlier.monotonic_s == pytest.approx(0.5) for earlier, later in pairwise(frames))
    assert all(later.taken_at > earlier.taken_at for earlier, later in pairwise(frames))
    assert {frame.mm_per_pixel for frame in frames} == {0.05}


@pytest.mark.parametrize("source", ["gray_folder", "gray_video"])
def test_a_loop_begins_again(source: str, clock: Clock, request: pytest.FixtureRequest) -> None:
    with replay(request.getfixturevalue(source), clock, dwell_s=0.5) as camera:
        once = grays(take(camera, 5 if source == "gray_folder" else 6))
        assert grays(take(camera, 2 * len(once))) == once + once


@pytest.mark.parametrize(("source", "count"), [("gray_folder", 5), ("gray_video", 6)])
def test_without_a_loop_the_end_loses_the_camera(
    source: str, count: int, clock: Clock, request: pytest.FixtureRequest
) -> None:
    with replay(request.getfixturevalue(source), clock, dwell_s=0.5, loop=False) as camera:
        take(camera, count)
        for _ in range(2):
            with pytest.raises(CameraLost):
                camera.read()
        camera.open()
        assert take(camera, count)[0].sequence == 0


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "JPG"])
def test_red_stays_red_in_every_kind_of_image(
    suffix: str, tmp_path: Path, clock: Clock, paint: Paint, write_image: Write
) -> None:
    write_image(tmp_path / f"picture.{suffix}", paint((230, 20, 10)))
    with replay(tmp_path, clock) as camera:
        red, green, blue = camera.read().pixels.mean(axis=(0, 1))
    assert red > 200
    assert max(green, blue) < 60


def test_red_stays_red_in_a_video(
    tmp_path: Path, clock: Clock, paint: Paint, write_video: Callable[[Path, list[RgbImage]], Path]
) -> None:
    source = write_video(tmp_path / "red.avi", [paint((230, 20, 10))] * 3)
    with replay(source, clock) as camera:
        red, green, blue = camera.read().pixels.mean(axis=(0, 1))
    assert red > 200
    assert max(green, blue) < 60


def test_a_single_image_is_a_folder_of_one(gray_folder: Path, clock: Clock) -> None:
    with replay(gray_folder / "3.tif", clock) as camera:
        assert grays(take(camera, 5)) == [120] * 5


def test_images_keep_their_own_sizes(tmp_path: Path, clock: Clock, paint: Paint, write_image: Write) -> None:
    write_image(tmp_path / "a.png", paint((1, 2, 3), size=(30, 20)))
    write_image(tmp_path / "b.png", paint((1, 2, 3), size=(17, 55)))
    with replay(tmp_path, clock, dwell_s=0.1) as camera:
        assert [frame.pixels.shape for frame in take(camera, 2)] == [(20, 30, 3), (55, 17, 3)]


@pytest.mark.parametrize("full", [np.uint8(255), np.uint16(65535)])
def test_gray_and_deep_images_become_eight_bit_rgb(tmp_path: Path, full: np.uint8 | np.uint16) -> None:
    assert cv2.imwrite(str(tmp_path / "gray.png"), np.full((8, 8), full))
    decoded = decode_image(tmp_path / "gray.png")
    assert decoded is not None
    assert decoded.shape == (8, 8, 3)
    assert int(decoded.min()) == 255


def test_hidden_files_and_other_files_are_no_images(gray_folder: Path, clock: Clock) -> None:
    (gray_folder / ".0.png").write_bytes(b"left behind by a copy")
    (gray_folder / "notes.txt").write_text("not an image")
    (gray_folder / "9.png").mkdir()
    with replay(gray_folder, clock, dwell_s=0.1) as camera:
        assert grays(take(camera, 6)) == [0, 40, 80, 120, 160, 0]


def test_an_unreadable_image_is_skipped_with_one_line_that_does_not_name_it(
    gray_folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (gray_folder / "1.png").read_bytes()
    (gray_folder / "1.png").write_bytes(b"this is not a picture")
    (gray_folder / "2.bmp").write_bytes(b"")
    (gray_folder / "3.tif").write_bytes(whole[:40])
    with caplog.at_level(logging.WARNING), replay(gray_folder, clock, dwell_s=0.1) as camera:
        assert grays(take(camera, 6)) == [0, 160] * 3
    assert len(caplog.messages) == 3
    assert not any(name in line for line in caplog.messages for name in ("1.png", "2.bmp", "3.tif", str(gray_folder)))
    assert capfd.readouterr() == ("", "")


def test_an_image_without_permission_is_skipped(gray_folder: Path, clock: Clock) -> None:
    (gray_folder / "1.png").unlink()
    (gray_folder / "1.png").symlink_to("/proc/self/mem")
    with replay(gray_folder, clock, dwell_s=0.1) as camera:
        assert grays(take(camera, 3)) == [0, 80, 120]


def test_only_the_current_image_is_decoded(gray_folder: Path, clock: Clock, paint: Paint, write_image: Write) -> None:
    with replay(gray_folder, clock, dwell_s=0.1) as camera:
        assert grays(take(camera, 1)) == [0]
        write_image(gray_folder / "1.png", paint((200, 200, 200)))
        assert grays(take(camera, 1)) == [200]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing", "there is no such file or folder"),
        ("empty", "there are no images in this folder"),
        ("broken", "none of its images can be read"),
        ("text.avi", "it is neither a folder of images nor a video that can be decoded"),
        ("empty.mp4", "it is neither a folder of images nor a video that can be decoded"),
        ("cut.avi", "it is neither a folder of images nor a video that can be decoded"),
        ("broken/a.png", "none of its images can be read"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_in_one_sentence(
    name: str, sentence: str, tmp_path: Path, gray_video: Path, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no picture")
    (tmp_path / "text.avi").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "cut.avi").write_bytes(gray_video.read_bytes()[:1000])
    camera = replay(tmp_path / name, clock)
    with pytest.raises(InputError) as caught:
        camera.open()
    assert str(caught.value) == f"{tmp_path / name} cannot be used: {sentence}"
    with pytest.raises(CameraLost):
        camera.read()
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_cannot_be_listed_is_refused_in_one_sentence(
    gray_folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=r"cannot be used: it cannot be read \(Permission denied\)$"):
        replay(gray_folder, clock).open()


def test_a_replay_needs_a_source(clock: Clock) -> None:
    with pytest.raises(SettingsError, match=r"camera\.source must name"):
        replay(None, clock)


def test_a_source_that_goes_away_loses_the_camera(gray_folder: Path, gray_video: Path, clock: Clock) -> None:
    for source, count in ((gray_folder, 5), (gray_video, 6)):
        with replay(source, clock, dwell_s=0.1) as camera:
            take(camera, count)
            source.rename(source.with_name(f"gone-{source.name}"))
            with pytest.raises(CameraLost):
                camera.read()


def test_a_closed_replay_is_lost_and_closing_twice_is_nothing(gray_folder: Path, clock: Clock) -> None:
    camera = replay(gray_folder, clock)
    with pytest.raises(CameraLost):
        camera.read()
    with camera:
        camera.read()
    camera.close()
    with pytest.raises(CameraLost):
        camera.read()


@pytest.mark.parametrize("source", ["gray_folder", "gray_video"])
def test_twenty_openings_leave_no_file_open(
    source: str, clock: Clock, request: pytest.FixtureRequest, count_open_files: Callable[[], int]
) -> None:
    camera = replay(request.getfixturevalue(source), clock)
    with camera:
        camera.read()
    before = count_open_files()
    for _ in range(20):
        camera.open()
        assert camera.read().sequence == 0
        camera.close()
    assert count_open_files() == before
    for _ in range(20):
        camera.open()
    camera.close()
    assert count_open_files() == before


def test_memory_does_not_grow_over_three_hundred_frames(
    tmp_path: Path, clock: Clock, paint: Paint, write_image: Write, resident_mb: Callable[[], float]
) -> None:
    for number in range(6):
        write_image(tmp_path / f"{number}.jpg", paint((40 * number,) * 3, size=(1280, 960)))
    with replay(tmp_path, clock, dwell_s=0.5) as camera:
        take(camera, 6)
        before = resident_mb()
        for _ in range(300):
            camera.read()
        assert resident_mb() - before < 40


@pytest.mark.parametrize(
    ("dwell_s", "rate_hz", "frames"), [(4, 10, 40), (0.01, 10, 1), (1, 0.1, 1), (0.26, 10, 3), (3600, 120, 432000)]
)
def test_the_dwell_is_whole_frames_and_at_least_one(dwell_s: float, rate_hz: float, frames: int) -> None:
    assert dwell_frames(CameraSettings(dwell_s=dwell_s, rate_hz=rate_hz)) == frames


def test_the_name_tells_nothing_about_the_source(tmp_path: Path, clock: Clock) -> None:
    assert replay(tmp_path / "somebody's name", clock).name == "replay"
