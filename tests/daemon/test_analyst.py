import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.rehearsal import MakeFrame, Recorder
from dermscan.analysis.pipeline import Stopwatch
from dermscan.bus.events import HealthCode, ScanRefused
from dermscan.daemon.analyst import Analyst
from dermscan.daemon.board import Board
from dermscan.daemon.orders import Order
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Assessment, Frame, Provenance, RejectReason
from dermscan.errors import StorageFull
from dermscan.history.keys import MasterKey
from dermscan.history.store import History

PROVENANCE = Provenance("dermscan-0.0.0", "0" * 64, "0.1.0", "1" * 64)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(tmp_path / "history", MasterKey.generate()) as opened:
        yield opened


@contextmanager
def working(analyst: Analyst) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=analyst.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def analyst_of(history: History, recorder: Recorder, assessment: Assessment) -> Analyst:
    def assess(_frame: Frame, stopwatch: Stopwatch) -> Assessment:
        for stage in ("roi", "quality", "segment", "features", "classify"):
            with stopwatch.stage(stage):
                pass
        return assessment

    board = Board(recorder, lambda _state: None)
    return Analyst(assess, history, PROVENANCE, "room-1", board, Pulse(60))


def test_a_frame_becomes_a_filed_scan(
    history: History, recorder: Recorder, make_frame: MakeFrame, with_lesion: Assessment
) -> None:
    analyst = analyst_of(history, recorder, with_lesion)
    frame = make_frame(sequence=7)
    with working(analyst):
        analyst.submit(Order(), frame)
        assert analyst.finish(10)
    (summary,) = history.latest()
    filed = history.load(summary.scan_id)
    assert (filed.frame.pixels == frame.pixels).all()
    assert filed.provenance == PROVENANCE
    assert recorder.event_types == ["scan_started", "scan_finished"]
    assert recorder.states[-1] == "done"
    progress = [status.progress for status in recorder.statuses]
    assert progress == sorted(progress), "progress never goes back"
    assert recorder.healths[-1].scans_filed == 1


def test_a_scan_is_filed_under_the_lesion_it_was_ordered_for(
    history: History, recorder: Recorder, make_frame: MakeFrame, with_lesion: Assessment
) -> None:
    lesion = history.create_lesion()
    analyst = analyst_of(history, recorder, with_lesion)
    with working(analyst):
        analyst.submit(Order(lesion, by_command=True), make_frame())
        assert analyst.finish(10)
    assert [scan.lesion_id for scan in history.timeline(lesion)] == [lesion]


def test_nothing_is_filed_where_there_is_no_lesion(
    history: History, recorder: Recorder, make_frame: MakeFrame, without_lesion: Assessment
) -> None:
    analyst = analyst_of(history, recorder, without_lesion)
    with working(analyst):
        analyst.submit(Order(), make_frame())
        assert analyst.finish(10)
    assert history.count() == 0
    assert recorder.event_types == ["scan_started", "scan_refused"]
    assert ScanRefused(reason=RejectReason.NO_LESION) in recorder.events


def test_a_full_disk_is_told_and_forgotten_once_there_is_room(
    history: History,
    recorder: Recorder,
    make_frame: MakeFrame,
    with_lesion: Assessment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyst = analyst_of(history, recorder, with_lesion)

    def full(*_arguments: object) -> str:
        raise StorageFull

    with working(analyst):
        with monkeypatch.context() as patch:
            patch.setattr(history, "file_scan", full)
            analyst.submit(Order(), make_frame())
            assert analyst.finish(10)
        assert recorder.states[-1] == "fault"
        assert HealthCode.STORAGE_FULL in recorder.healths[-1].codes
        analyst.submit(Order(), make_frame())
        assert analyst.finish(10)
    assert recorder.event_types == ["scan_started", "scan_failed", "scan_started", "scan_finished"]
    assert HealthCode.STORAGE_FULL not in recorder.healths[-1].codes
    assert history.count() == 1


def test_the_scan_in_hand_is_finished_when_told_to_stop(
    history: History, recorder: Recorder, make_frame: MakeFrame, with_lesion: Assessment
) -> None:
    analyst = analyst_of(history, recorder, with_lesion)
    stop = threading.Event()
    analyst.submit(Order(), make_frame())
    stop.set()
    analyst.run(stop)
    assert history.count() == 1
    assert not analyst.busy


def test_no_identifier_reaches_the_log(
    history: History,
    recorder: Recorder,
    make_frame: MakeFrame,
    with_lesion: Assessment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    analyst = analyst_of(history, recorder, with_lesion)
    with caplog.at_level("DEBUG"), working(analyst):
        analyst.submit(Order(), make_frame())
        assert analyst.finish(10)
    (summary,) = history.latest()
    assert "Scan filed in" in caplog.text
    for secret in (summary.scan_id, summary.lesion_id, str(summary.risk), summary.band, "MEL"):
        assert secret not in caplog.text
