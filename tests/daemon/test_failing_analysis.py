"""An analysis that cannot be done costs one scan; one that fails again and again ends the service."""

from pathlib import Path

import pytest

from daemon.rehearsal import MakeFrame, Recorder
from dermscan.analysis.pipeline import Stopwatch
from dermscan.bus.events import HealthCode, ScanFailed
from dermscan.daemon.analyst import FAILURES_IN_A_ROW, Analyst
from dermscan.daemon.board import Board
from dermscan.daemon.orders import Order
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Assessment, Frame, Provenance
from dermscan.errors import AnalysisFailed
from dermscan.history.keys import MasterKey
from dermscan.history.store import History

PROVENANCE = Provenance("dermscan-0.0.0", "0" * 64, "0.1.0", "1" * 64)


class Moody:
    """A pipeline whose next runs fail."""

    def __init__(self, assessment: Assessment) -> None:
        self.assessment = assessment
        self.fails = 0

    def __call__(self, _frame: Frame, _stopwatch: Stopwatch) -> Assessment:
        if self.fails:
            self.fails -= 1
            raise AnalysisFailed(problem="a network could not be run")
        return self.assessment


def scan(analyst: Analyst, frame: Frame) -> None:
    """One scan, on this thread."""
    analyst.submit(Order(), frame)
    analyst._work.get_nowait()
    try:
        analyst._scan(Order(), frame)
    finally:
        analyst._idle.set()


def test_a_failure_is_told_and_forgotten_after_a_good_scan(
    tmp_path: Path, recorder: Recorder, make_frame: MakeFrame, with_lesion: Assessment
) -> None:
    moody, board = Moody(with_lesion), Board(recorder, lambda _state: None)
    with History.open(tmp_path / "history", MasterKey.generate()) as history:
        analyst = Analyst(moody, history, PROVENANCE, "room-1", board, Pulse(60))
        moody.fails = 2
        scan(analyst, make_frame())
        scan(analyst, make_frame())
        assert recorder.states[-1] == "fault"
        assert recorder.healths[-1].codes == {HealthCode.ANALYSIS_FAILED}
        assert ScanFailed(code=HealthCode.ANALYSIS_FAILED) in recorder.events
        assert (board.scans_failed, history.count()) == (2, 0)
        scan(analyst, make_frame())
        assert history.count() == 1
    assert recorder.healths[-1].codes == frozenset()
    assert recorder.states[-1] == "done"
    last, longest = analyst.seconds
    assert last is not None
    assert last == longest


def test_a_fault_that_stays_ends_the_work(
    tmp_path: Path, recorder: Recorder, make_frame: MakeFrame, with_lesion: Assessment
) -> None:
    moody, board = Moody(with_lesion), Board(recorder, lambda _state: None)
    moody.fails = FAILURES_IN_A_ROW
    with History.open(tmp_path / "history", MasterKey.generate()) as history:
        analyst = Analyst(moody, history, PROVENANCE, "room-1", board, Pulse(60))
        for _ in range(FAILURES_IN_A_ROW - 1):
            scan(analyst, make_frame())
        with pytest.raises(AnalysisFailed):
            scan(analyst, make_frame())
