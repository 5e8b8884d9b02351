"""The looks at the device's health: what they say on the board, and what they write for other programs."""

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.rehearsal import Recorder
from dermscan.bus.events import Health, HealthCode, WorkState
from dermscan.daemon.board import Board
from dermscan.daemon.checkup import CHECKUP_EVERY_S, Checkup
from dermscan.health.judging import BUILT, CLEAR_AFTER, RAISE_AFTER, Calm
from dermscan.health.state import read_state
from dermscan.settings import Settings


@dataclass
class Subject:
    frames_seen: int = 0
    analysis_s: tuple[float | None, float | None] = (None, None)
    bundle_hash: str = "ab" * 32


@dataclass
class Mouth:
    connected: bool = True
    health: Health | None = None


class Rehearsal:
    """A checkup of a machine whose files lie in a folder, looked at every five seconds."""

    def __init__(self, folder: Path, recorder: Recorder, **health: object) -> None:
        self.root = folder / "machine"
        self.state_file = folder / "run" / "state.json"
        self.state_file.parent.mkdir()
        self.subject, self.mouth = Subject(), Mouth()
        self.board = Board(recorder, lambda _state: None)
        self.settings = Settings.model_validate(
            {
                "camera": {"rate_hz": 10},
                "history": {"folder": folder},
                "health": {"state_file": self.state_file, "trust_clock": True, **health},
            }
        )
        self.checkup = Checkup(self.settings, "tpm2", self.board, self.mouth, self.subject, Calm(), self.root)
        self.monotonic_s = 1000.0

    def machine(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="ascii")

    def look(self, times: int = 1, *, rate_hz: float = 10.0, clock_s: float = BUILT + 1e6) -> None:
        for _ in range(times):
            self.monotonic_s += CHECKUP_EVERY_S
            self.subject.frames_seen += round(rate_hz * CHECKUP_EVERY_S)
            self.checkup.look(self.monotonic_s, clock_s)


@pytest.fixture
def rehearsal(tmp_path: Path, recorder: Recorder) -> Rehearsal:
    return Rehearsal(tmp_path, recorder)


def test_a_device_that_is_well_says_so(rehearsal: Rehearsal, recorder: Recorder) -> None:
    rehearsal.board.show(WorkState.READY)
    rehearsal.look(3)
    state = read_state(rehearsal.state_file)
    assert state.codes == ()
    assert state.state is WorkState.READY
    assert state.frame_rate_hz == 10.0
    assert state.key == "tpm2"
    assert state.written_s == rehearsal.monotonic_s
    assert recorder.healths == []


def test_heat_is_said_once_and_its_end_once(
    rehearsal: Rehearsal, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    zone = "sys/class/thermal/thermal_zone0/temp"
    with caplog.at_level(logging.INFO):
        rehearsal.machine(zone, "84000")
        rehearsal.look(RAISE_AFTER + 5)
        assert HealthCode.TOO_HOT in rehearsal.board.codes
        assert read_state(rehearsal.state_file).codes == (HealthCode.TOO_HOT,)
        rehearsal.machine(zone, "60000")
        rehearsal.look(CLEAR_AFTER + 5)
    assert rehearsal.board.codes == frozenset()
    assert [health.codes for health in recorder.healths] == [{HealthCode.TOO_HOT}, frozenset()]
    assert [record.getMessage() for record in caplog.records] == ["Not well: too hot", "Well again: too hot"]


def test_a_slow_camera_is_told_and_one_that_is_away_is_not_slow(rehearsal: Rehearsal) -> None:
    rehearsal.look(2)
    rehearsal.look(RAISE_AFTER, rate_hz=3.0)
    assert rehearsal.board.codes == {HealthCode.CAMERA_SLOW}
    rehearsal.board.raise_code(HealthCode.CAMERA_LOST)
    rehearsal.look(CLEAR_AFTER, rate_hz=0.0)
    assert rehearsal.board.codes == {HealthCode.CAMERA_LOST}
    assert read_state(rehearsal.state_file).frame_rate_hz is None


def test_a_slow_analysis_is_told_until_a_faster_one(rehearsal: Rehearsal) -> None:
    rehearsal.subject.analysis_s = (12.5, 12.5)
    rehearsal.look(RAISE_AFTER)
    assert rehearsal.board.codes == {HealthCode.ANALYSIS_SLOW}
    rehearsal.subject.analysis_s = (1.5, 12.5)
    rehearsal.look(CLEAR_AFTER)
    assert rehearsal.board.codes == frozenset()
    assert read_state(rehearsal.state_file).analysis_longest_s == 12.5


def test_a_clock_in_1970_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.look(RAISE_AFTER, clock_s=90.0)
    assert rehearsal.board.codes == {HealthCode.CLOCK_UNSET}


def test_codes_of_others_stay_and_those_of_the_bus_are_written_too(rehearsal: Rehearsal) -> None:
    rehearsal.board.raise_code(HealthCode.KEY_WEAK)
    rehearsal.mouth.health = Health(
        codes=frozenset({HealthCode.BROKER_WAS_AWAY}), scans_filed=3, commands_refused=2, coalesced=4
    )
    rehearsal.look(3)
    state = read_state(rehearsal.state_file)
    assert state.codes == (HealthCode.BROKER_WAS_AWAY, HealthCode.KEY_WEAK)
    assert (state.scans_filed, state.commands_refused, state.coalesced) == (3, 2, 4)


def test_it_looks_every_few_seconds_however_often_it_is_asked(rehearsal: Rehearsal) -> None:
    for tenth in range(101):
        rehearsal.checkup.look_when_due(50.0 + tenth / 10)
    assert read_state(rehearsal.state_file).written_s == 60.0


def test_a_folder_that_is_not_there_is_nobody_s_fault(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a developer's machine, where nobody made /run/dermscan."""
    rehearsal = Rehearsal(tmp_path, recorder, state_file=tmp_path / "nowhere" / "state.json")
    rehearsal.look(2)
    assert not caplog.records


def test_a_place_that_cannot_be_written_is_said_once_and_its_return_once(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = tmp_path / "metrics" / "dermscan.prom"
    rehearsal = Rehearsal(tmp_path, recorder, metrics_file=metrics)
    with caplog.at_level(logging.INFO):
        rehearsal.look(3)
        metrics.parent.mkdir()
        rehearsal.look(3)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "dermscan_uptime_seconds" in metrics.read_text(encoding="ascii")
    rehearsal.checkup.say_farewell()
    assert not metrics.exists()
    assert not rehearsal.state_file.exists()
    rehearsal.checkup.say_farewell()
