from collections.abc import Callable
from dataclasses import replace
from math import hypot

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from dermscan.camera_settings import FaultSettings
from dermscan.capture.camera import Camera
from dermscan.capture.faults import SHAKE_SHARES, FaultyCamera, blur, darken, shake
from dermscan.capture.pacing import Clock, Pacer, Stamper
from dermscan.capture.phantom import EMPTY, PhantomScene, render_phantom
from dermscan.domain import Frame, RgbImage
from dermscan.errors import CameraLost, CameraStalled
from dermscan.settings import QualitySettings

PICTURE = render_phantom(PhantomScene(320, 240))[0]


class StillCamera(Camera):
    """Shows one picture at 10 Hz, whose full resolution is twice as wide and high where it is asked to have one."""

    twofold = False

    def __init__(self, clock: Clock, picture: RgbImage = PICTURE) -> None:
        self._clock = clock
        self._picture = picture
        self.is_open = False

    @property
    def name(self) -> str:
        return "still"

    def open(self) -> None:
        self.is_open = True
        self._pacer = Pacer(10, self._clock)
        self._stamper = Stamper(self._clock, 0.03)

    def read(self) -> Frame:
        if not self.is_open:
            raise CameraLost
        self._pacer.wait()
        return self._stamper.stamp(self._picture)

    def still(self, frame: Frame) -> Frame:
        return replace(frame, pixels=frame.pixels.repeat(2, 0).repeat(2, 1)) if self.twofold else frame

    def close(self) -> None:
        self.is_open = False


def faulty(clock: Clock, **faults: object) -> FaultyCamera:
    return FaultyCamera(StillCamera(clock), FaultSettings.model_validate(faults), 3.0, clock)


def sharpness(picture: RgbImage) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def is_spoilt(frame: Frame) -> bool:
    return not np.array_equal(frame.pixels, PICTURE)


def test_without_faults_the_frames_pass_untouched(clock: Clock) -> None:
    with faulty(clock) as camera:
        frames = [camera.read() for _ in range(20)]
    assert not any(is_spoilt(frame) for frame in frames)
    assert [frame.sequence for frame in frames] == list(range(20))


@pytest.mark.parametrize("fault", ["blur", "darkness", "shake"])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.7, 1.0])
def test_the_share_of_spoilt_frames_is_the_one_asked_for(fault: str, share: float, clock: Clock) -> None:
    with faulty(clock, **{fault: share}) as camera:
        spoilt = [is_spoilt(camera.read()) for _ in range(300)]
    assert float(np.mean(spoilt)) == pytest.approx(share, abs=0.0 if share in (0, 1) else 0.09)


def test_the_same_seed_spoils_the_same_frames_in_the_same_way(clock: Clock) -> None:
    def run(seed: int) -> list[bytes]:
        with faulty(clock, blur=0.3, darkness=0.3, shake=0.3, seed=seed) as camera:
            return [camera.read().pixels.tobytes() for _ in range(30)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert run(-1) == run(-1)


def test_the_faults_do_not_depend_on_each_other(clock: Clock) -> None:
    with faulty(clock, darkness=0.4) as alone, faulty(clock, darkness=0.4, blur=0.5, shake=0.5) as together:
        dark = [[float(camera.read().pixels.mean()) < 60 for _ in range(60)] for camera in (alone, together)]
    assert dark[0] == dark[1]
    assert any(dark[0])


def test_a_spoilt_frame_keeps_its_number_times_and_scale(clock: Clock) -> None:
    with faulty(clock, blur=1.0, shake=1.0, darkness=1.0) as camera:
        frame = camera.read()
    assert (frame.sequence, frame.monotonic_s, frame.mm_per_pixel) == (0, clock.monotonic(), 0.03)
    assert frame.pixels.shape == PICTURE.shape
    assert not frame.pixels.flags.writeable


def test_a_still_has_the_faults_of_its_frame(clock: Clock) -> None:
    camera = StillCamera(clock)
    camera.twofold = True
    with FaultyCamera(camera, FaultSettings(darkness=0.5), 3.0, clock) as spoiling:
        pairs = [(frame, spoiling.still(frame)) for frame in (spoiling.read() for _ in range(40))]
    dark = [(float(frame.pixels.mean()) < 60, float(still.pixels.mean()) < 60) for frame, still in pairs]
    assert set(dark) == {(True, True), (False, False)}
    assert all(still.height == 2 * frame.height for frame, still in pairs)


def test_without_a_full_resolution_the_still_is_the_spoilt_frame_itself(clock: Clock) -> None:
    with faulty(clock, darkness=1.0) as camera:
        frame = camera.read()
        assert camera.still(frame) is frame


def test_a_blurred_picture_is_far_less_sharp_and_as_bright() -> None:
    assert sharpness(blur(PICTURE)) < 0.2 * sharpness(PICTURE)
    assert float(blur(PICTURE).mean()) == pytest.approx(float(PICTURE.mean()), rel=0.01)


def test_a_dark_picture_is_refused_by_the_quality_gates_limit() -> None:
    white = np.full_like(PICTURE, 255)
    assert darken(white).mean() / 255 < QualitySettings().min_exposure


@trials(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_a_shake_shifts_the_picture_by_more_than_the_motion_limit(seed: int) -> None:
    skin = render_phantom(PhantomScene(320, 240, pose=EMPTY))[0]
    moved = shake(skin, np.random.default_rng(seed))
    gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64) for picture in (skin, moved)]
    shift = hypot(*cv2.phaseCorrelate(gray[0], gray[1])[0]) / hypot(320, 240)
    assert SHAKE_SHARES[0] - 0.005 < shift < SHAKE_SHARES[1] + 0.005
    assert shift * 100 > QualitySettings().max_motion


def read_until(camera: Camera, error: type[Exception]) -> int:
    """Frames before the error."""
    for count in range(1000):
        try:
            camera.read()
        except error:
            return count
    pytest.fail("the fault never came")


def test_a_stall_is_silence_and_then_an_error(clock: Clock) -> None:
    with faulty(clock, stall_after_s=2.0) as camera:
        assert read_until(camera, CameraStalled) == pytest.approx(20, abs=1)
        before = clock.monotonic()
        with pytest.raises(CameraStalled, match=r"no frame for 3\.0 s"):
            camera.read()
        assert clock.monotonic() - before == pytest.approx(3.0)


def test_a_disconnect_loses_the_camera_until_it_is_opened(clock: Clock) -> None:
    inner = StillCamera(clock)
    camera = FaultyCamera(inner, FaultSettings(disconnect_after_s=1.0), 3.0, clock)
    with camera:
        assert read_until(camera, CameraLost) == pytest.approx(10, abs=1)
        assert not inner.is_open
        with pytest.raises(CameraLost):
            camera.read()


@pytest.mark.parametrize(
    ("fault", "error"), [({"stall_after_s": 1.0}, CameraStalled), ({"disconnect_after_s": 1.0}, CameraLost)]
)
def test_opening_anew_ends_the_fault_and_it_comes_again(
    fault: dict[str, float], error: type[Exception], clock: Clock
) -> None:
    camera = faulty(clock, **fault)
    for _ in range(3):
        camera.open()
        assert camera.read().sequence == 0
        assert read_until(camera, error) == pytest.approx(9, abs=1)
        camera.close()


def test_the_earlier_of_two_faults_comes_first(clock: Clock) -> None:
    with faulty(clock, stall_after_s=0.5, disconnect_after_s=9.0) as camera:
        assert read_until(camera, CameraStalled) < 10
        assert read_until(camera, CameraStalled) == 0
        clock.sleep(9)
        with pytest.raises(CameraLost):
            camera.read()


def test_a_fault_of_the_camera_itself_comes_through(clock: Clock) -> None:
    inner = StillCamera(clock)
    camera = FaultyCamera(inner, FaultSettings(blur=1.0), 3.0, clock)
    camera.open()
    inner.close()
    with pytest.raises(CameraLost):
        camera.read()


def test_the_name_says_that_faults_are_injected(clock: Clock) -> None:
    assert faulty(clock, blur=1.0).name == "still with faults"


def test_the_wrapped_camera_is_closed_with_it(clock: Clock, count_open_files: Callable[[], int]) -> None:
    inner = StillCamera(clock)
    camera = FaultyCamera(inner, FaultSettings(), 3.0, clock)
    before = count_open_files()
    states = []
    for _ in range(20):
        camera.open()
        states.append(inner.is_open)
        camera.close()
        states.append(inner.is_open)
    assert states == [True, False] * 20
    assert count_open_files() == before
