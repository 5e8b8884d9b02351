import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from daemon.rehearsal import MakeFrame, Recorder
from dermscan.bus.events import HealthCode, WorkState
from dermscan.capture.camera import Camera
from dermscan.daemon import keeping
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import LONGEST_PAUSE_S, Absence, KeptCamera
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Frame
from dermscan.errors import (
    CameraDriverMissing,
    CameraError,
    CameraLost,
    CameraNotFound,
    CameraStalled,
    InputError,
    SettingsError,
)

SILENT = CameraStalled(seconds=3)
UNPLUGGED = CameraLost()
ABSENT = CameraNotFound(camera="/dev/video0", problem="there is no such device")
TAKEN = CameraNotFound(camera="/dev/video0", problem="it is taken by another process or is no camera")
FRAME = "frame"
Step = str | Exception


class ScriptedCamera(Camera):
    """Plays a script: a frame, what reading fails with, or, where it is not open, what opening fails with."""

    def __init__(self, steps: Iterator[Step], make_frame: MakeFrame, at_end: Callable[[], object]) -> None:
        self._steps = steps
        self._make_frame = make_frame
        self._at_end = at_end
        self._next = next(steps, None)
        self.openings = 0
        self.open_now = False

    @property
    def name(self) -> str:
        return "scripted"

    def _step(self) -> Step | None:
        step, self._next = self._next, next(self._steps, None)
        return step

    def open(self) -> None:
        self.openings += 1
        if isinstance(self._next, CameraNotFound | CameraDriverMissing | InputError):
            error = self._step()
            assert isinstance(error, Exception)
            raise error
        self.open_now = True

    def read(self) -> Frame:
        assert self.open_now
        step = self._step()
        if step is None:
            self._at_end()
            return self._make_frame()
        if isinstance(step, Exception):
            raise step
        return self._make_frame()

    def close(self) -> None:
        self.open_now = False


class Kept:
    """A kept camera over a script, and what became of it."""

    def __init__(self, recorder: Recorder, make_frame: MakeFrame, steps: list[Step], attempts: int) -> None:
        self.stop = threading.Event()
        self.camera = ScriptedCamera(iter(steps), make_frame, self.stop.set)
        self.board = Board(recorder, lambda _state: None)
        self.now_s = 0.0
        self.pulse = Pulse(20, lambda: self.now_s)
        self.kept = KeptCamera(self.camera, attempts, self.board, self.pulse)
        self.losses: list[HealthCode] = []

    def run(self) -> int:
        """Watch to the script's end; how many frames came, with the one that ends it."""
        return sum(1 for _ in self.kept.frames(self.stop, self.losses.append))


Keep = Callable[..., Kept]


@pytest.fixture
def keep(recorder: Recorder, make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> Keep:
    monkeypatch.setattr(keeping, "REOPEN_PAUSE_S", 0.0001)
    return lambda *steps, attempts=3: Kept(recorder, make_frame, list(steps), attempts)


@pytest.mark.parametrize("error", [ABSENT, TAKEN, SILENT, UNPLUGGED], ids=["absent", "taken", "silent", "unplugged"])
def test_a_camera_that_is_away_at_the_start_is_a_fault_until_it_comes(
    keep: Keep, recorder: Recorder, error: CameraError
) -> None:
    kept = keep(*[error] * 40, FRAME)
    assert kept.run() == 2
    code = HealthCode.CAMERA_STALLED if error is SILENT else HealthCode.CAMERA_LOST
    assert kept.losses == [code] * 40
    assert recorder.event_types == ["camera_lost", "camera_back"], "told once"
    assert [health.codes for health in recorder.healths] == [{code}, set()]
    assert recorder.states == ["fault"]
    assert kept.board.camera_losses == 1
    assert not kept.camera.open_now


def test_whoever_starts_the_service_need_not_wait_for_a_camera_that_is_away(keep: Keep) -> None:
    kept = keep(ABSENT, FRAME)
    known: list[bool] = []
    sum(1 for _ in kept.kept.frames(kept.stop, lambda _code: known.append(kept.kept.known.is_set())))
    assert known == [True]


def test_nothing_is_told_of_a_camera_that_is_there(keep: Keep, recorder: Recorder) -> None:
    kept = keep(*[FRAME] * 5)
    assert not kept.kept.known.is_set()
    assert kept.run() == 6
    assert kept.kept.known.is_set()
    assert kept.kept.frames_seen == 6
    assert (recorder.events, recorder.healths, recorder.statuses) == ([], [], [])


def test_an_unplugged_camera_is_looked_for_however_long(keep: Keep, recorder: Recorder) -> None:
    kept = keep(FRAME, UNPLUGGED, *[ABSENT] * 200, FRAME, attempts=3)
    assert kept.run() == 3
    assert recorder.event_types == ["camera_lost", "camera_back"]


def test_a_camera_that_fell_silent_for_good_is_left_to_a_new_process(keep: Keep) -> None:
    kept = keep(FRAME, *[SILENT] * 10, attempts=3)
    with pytest.raises(CameraStalled):
        kept.run()
    assert kept.camera.openings == 4, "opened, and three times anew"
    assert not kept.camera.open_now


def test_a_new_process_does_not_die_of_the_same_silence(keep: Keep) -> None:
    assert keep(*[SILENT] * 50, FRAME, attempts=0).run() == 2


def test_silence_that_is_followed_by_absence_is_still_silence(keep: Keep) -> None:
    kept = keep(FRAME, SILENT, *[TAKEN] * 10, attempts=2)
    with pytest.raises(CameraNotFound):
        kept.run()


def test_a_frame_between_makes_silences_new_ones(keep: Keep) -> None:
    assert keep(*[FRAME, SILENT, SILENT] * 5, FRAME, attempts=2).run() == 7


def test_a_change_of_what_is_wrong_changes_the_code_and_is_no_second_loss(keep: Keep, recorder: Recorder) -> None:
    keep(FRAME, UNPLUGGED, ABSENT, SILENT, ABSENT, FRAME).run()
    codes = [set(health.codes) for health in recorder.healths]
    lost, stalled = {HealthCode.CAMERA_LOST}, {HealthCode.CAMERA_STALLED}
    assert codes == [lost, stalled, lost, set()]
    assert recorder.event_types == ["camera_lost", "camera_back"]


def test_what_the_last_settings_left_is_cleared_by_the_first_frame(keep: Keep, recorder: Recorder) -> None:
    kept = keep(FRAME, FRAME)
    kept.board.raise_code(HealthCode.CAMERA_LOST)
    kept.run()
    assert recorder.event_types == ["camera_back"]
    assert not kept.board.camera_away


@pytest.mark.parametrize(
    "error",
    [
        CameraDriverMissing(backend="picamera2", remedy="install it"),
        InputError(source="x", problem="it is no folder"),
        SettingsError(problem="x"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("before", [[], [FRAME, UNPLUGGED, ABSENT]], ids=["at the start", "later"])
def test_what_can_never_work_ends_the_service(keep: Keep, error: Exception, before: list[Step]) -> None:
    kept = keep(*before, error, FRAME)
    with pytest.raises(type(error)):
        kept.run()


def test_every_attempt_is_a_sign_of_life_and_hanging_is_none(keep: Keep) -> None:
    kept = keep(*[ABSENT] * 5, FRAME)
    alive: list[bool] = []

    def wait(_: HealthCode) -> None:
        alive.append(kept.pulse.alive)
        kept.now_s += 19

    alive.extend(kept.pulse.alive for _ in kept.kept.frames(kept.stop, wait))
    assert len(alive) == 7
    assert all(alive)
    kept.now_s += 21
    assert not kept.pulse.alive


def test_a_stop_ends_the_pause(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(*[ABSENT] * 5)
    monkeypatch.setattr(keeping, "REOPEN_PAUSE_S", 3600.0)
    monkeypatch.setattr(keeping, "LONGEST_PAUSE_S", 3600.0)
    watching = threading.Thread(target=kept.run)
    watching.start()
    assert kept.kept.known.wait(60)
    kept.stop.set()
    watching.join(60)
    assert not watching.is_alive()
    assert kept.camera.openings == 1


def test_the_pauses_double_up_to_the_longest_also_after_weeks() -> None:
    pauses = [Absence(began_silent=False, attempts=attempts).pause_s for attempts in range(1, 8)]
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8]
    assert Absence(began_silent=False, attempts=10**6).pause_s == LONGEST_PAUSE_S


def test_the_picture_that_was_shown_stays_no_longer_than_the_fault(keep: Keep, recorder: Recorder) -> None:
    kept = keep(FRAME, UNPLUGGED, ABSENT)
    with suppress(CameraError):
        for _ in kept.kept.frames(kept.stop, lambda _code: kept.board.show(WorkState.DONE)):
            pass
    assert "done" not in recorder.states, "a scan that ends while the camera is away does not hide that it is"
