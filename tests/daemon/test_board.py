import json

from daemon.rehearsal import Recorder
from dermscan.bus.events import HealthCode, WorkState
from dermscan.daemon.board import Board
from dermscan.domain import RejectReason


def test_a_state_is_published_once(recorder: Recorder) -> None:
    board = Board(recorder, lambda _state: None)
    for _ in range(3):
        board.show(WorkState.FRAMING, RejectReason.TOO_DARK)
    board.show(WorkState.FRAMING, RejectReason.GLARE)
    assert recorder.states == ["framing", "framing"]
    assert [status.guidance for status in recorder.statuses] == ["too_dark", "glare"]


def test_what_is_done_is_told_once_whoever_says_it(recorder: Recorder) -> None:
    board = Board(recorder, lambda _state: None)
    board.show(WorkState.DONE, progress=100)
    board.show(WorkState.DONE)
    assert [status.progress for status in recorder.statuses] == [100]


def test_a_full_disk_shows_as_a_fault_until_it_is_mended(recorder: Recorder) -> None:
    board = Board(recorder, lambda _state: None)
    assert board.raise_code(HealthCode.STORAGE_FULL)
    assert not board.raise_code(HealthCode.STORAGE_FULL)
    board.show(WorkState.READY)
    board.show(WorkState.ANALYSING, progress=10)
    board.clear_code(HealthCode.STORAGE_FULL)
    board.show(WorkState.READY)
    assert recorder.states == ["fault", "analysing", "ready"]


def test_health_tells_codes_and_counters(recorder: Recorder) -> None:
    board = Board(recorder, lambda _state: None)
    board.begin()
    board.count_scan()
    board.count_refused_frame()
    board.raise_code(HealthCode.CAMERA_STALLED)
    board.clear_code(HealthCode.CAMERA_LOST)
    assert [len(health.codes) for health in recorder.healths] == [0, 1]
    assert recorder.healths[-1].scans_filed == 1
    assert recorder.healths[-1].frames_refused == 1


def test_systemd_is_told_in_one_line_what_a_technician_should_know(recorder: Recorder) -> None:
    told: list[str] = []
    board = Board(recorder, told.append)
    board.begin()
    board.count_scan()
    board.raise_code(HealthCode.STORAGE_LOW)
    recorder.connected = False
    board.show(WorkState.HOLD_STILL)
    assert told == [
        "STATUS=starting; 0 scans filed; broker connected",
        "STATUS=hold still; 1 scans filed; broker away; storage low",
    ]


def test_nothing_that_is_published_holds_a_free_word(recorder: Recorder) -> None:
    board = Board(recorder, lambda _state: None)
    board.begin()
    for state in WorkState:
        board.show(state, RejectReason.MOTION, 50)
    for code in HealthCode:
        board.raise_code(code)
    words = {*WorkState, *HealthCode, *RejectReason}
    for payload in [*recorder.statuses, *recorder.healths]:
        for value in json.loads(payload.model_dump_json()).values():
            values = value if isinstance(value, list) else [value]
            assert all(one is None or isinstance(one, int) or one in words for one in values)
