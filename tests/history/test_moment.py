"""Writing for a moment beside the service: while another process files without end, nothing of either is lost."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dermscan.domain import Scan
from dermscan.domain.review import Review
from dermscan.errors import HistoryUnavailable, UnknownRecord
from dermscan.history import History, MasterKey, opening
from dermscan.history.opening import turn

HERE = Path(__file__).parent


@pytest.fixture
def filing(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(HERE / "filing_without_end.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def next_scan(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_two_processes_write_side_by_side_and_nothing_is_lost(
    folder: Path, master: MasterKey, filing: "subprocess.Popen[str]"
) -> None:
    reviewed, erased = [], []
    with History.open(folder, master, read_only=True) as beside:
        for number in range(12):
            scan_id = next_scan(filing)
            with beside.moment():
                if number % 3 == 0:
                    beside.erase_lesion(beside.find(scan_id).lesion_id)
                    erased.append(scan_id)
                    continue
                beside.file_review(scan_id, Review(note=f"note {number}"))
                beside.assign_lesion(beside.find(scan_id).lesion_id, f"heron-{number}")
                reviewed.append(scan_id)
        before = beside.count()
        next_scan(filing)
    filing.kill()
    filing.wait(30)
    with History.open(folder, master) as history:
        assert [history.review(scan_id).note for scan_id in reviewed] == [f"note {n}" for n in range(12) if n % 3]
        for scan_id in erased:
            with pytest.raises(UnknownRecord):
                history.find(scan_id)
        assert history.count() >= before
        assert history.verify_audit() == ()
        history.check()
        history.prove()
        assert not list((folder / "transit").iterdir())


def test_outside_the_moment_nothing_is_written(folder: Path, master: MasterKey, new_scan: Callable[..., Scan]) -> None:
    with History.open(folder, master) as history:
        lesion = history.file_scan(new_scan(1))
    with History.open(folder, master, read_only=True) as beside:
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            beside.annotate_lesion(lesion, "note")
        with beside.moment():
            beside.annotate_lesion(lesion, "note")
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            beside.annotate_lesion(lesion, "other")
        assert beside.lesion(lesion).note == "note"


def test_the_moment_is_one_threads_alone(folder: Path, master: MasterKey, new_scan: Callable[..., Scan]) -> None:
    with History.open(folder, master) as history:
        lesion = history.file_scan(new_scan(1))
    refused: list[str] = []
    with History.open(folder, master, read_only=True) as beside:

        def write_without_asking() -> None:
            try:
                beside.annotate_lesion(lesion, "note")
            except HistoryUnavailable as error:
                refused.append(str(error))

        with beside.moment():
            thread = threading.Thread(target=write_without_asking)
            thread.start()
            thread.join()
    assert len(refused) == 1


def test_a_start_waits_until_the_moment_is_over_and_sweeps_nothing_of_it(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan)
    opened = threading.Event()

    def start() -> None:
        with History.open(folder, master):
            opened.set()

    with History.open(folder, master, read_only=True) as beside:
        with beside.moment():
            thread = threading.Thread(target=start)
            thread.start()
            beside.file_review(scan.scan_id, Review(note="in between"))
            assert not opened.is_set()
        thread.join(30)
        assert opened.is_set()
        assert beside.review(scan.scan_id).note == "in between"


def test_a_turn_that_is_never_given_back_is_told(
    folder: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch, new_scan: Callable[..., Scan]
) -> None:
    with History.open(folder, master) as history:
        history.file_scan(new_scan(1))
    monkeypatch.setattr(opening, "TURN_S", 0.05)
    with (
        turn(folder),
        History.open(folder, master, read_only=True) as beside,
        pytest.raises(HistoryUnavailable, match="another process"),
        beside.moment(),
    ):
        pytest.fail("two had the turn")


def test_after_a_migration_by_the_service_nothing_is_written_any_more(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    with History.open(folder, master) as history:
        history.file_scan(new_scan(1))
        with History.open(folder, master, read_only=True) as beside:
            with history._writing() as session:
                session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
            with pytest.raises(HistoryUnavailable, match="schema was changed"), beside.moment():
                pytest.fail("it wrote to a schema that it does not know")


def test_a_scan_for_a_lesion_that_is_erased_meanwhile_is_not_filed(
    folder: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch, new_scan: Callable[..., Scan]
) -> None:
    with History.open(folder, master) as history, History.open(folder, master, read_only=True) as beside:
        lesion = history.create_lesion(subject_alias="heron-7")
        stage = history._blobs.stage

        def erased_first(contents: object) -> object:
            with beside.moment():
                beside.erase_lesion(lesion)
            return stage(contents)  # type: ignore[arg-type]

        monkeypatch.setattr(history._blobs, "stage", erased_first)
        with pytest.raises(UnknownRecord, match="any more"):
            history.file_scan(new_scan(1), lesion)
        assert history.count() == 0
        assert not list((folder / "transit").iterdir())


def test_a_folder_that_is_shared_with_its_group_stays_so(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    folder.mkdir()
    folder.chmod(0o770)
    before = os.umask(0o007)
    try:
        with History.open(folder, master) as history:
            history.file_scan(new_scan(1))
        with History.open(folder, master, read_only=True) as beside, beside.moment():
            beside.file_review(beside.latest(1)[0].scan_id, Review(note="note"))
    finally:
        os.umask(before)
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.lstat().st_mode) == (0o770 if path.is_dir() else 0o660), path
