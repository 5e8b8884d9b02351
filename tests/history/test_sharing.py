import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dermscan.domain import Scan
from dermscan.errors import HistoryUnavailable
from dermscan.history import History, MasterKey

HERE = Path(__file__).parent


def started(script: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(HERE / script), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(child: "subprocess.Popen[str]") -> str:
    child.kill()
    _, said = child.communicate(timeout=30)
    return said


def test_a_second_process_may_not_write(folder: Path, master: MasterKey) -> None:
    with started("filing_without_end.py", folder) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(HistoryUnavailable, match="another process is writing"):
            History.open(folder, master)
        assert child.stdout.readline()
        assert ended(child) == ""
    with History.open(folder, master) as history:
        assert history.count() >= 2


def test_the_same_process_may_not_write_twice(folder: Path, master: MasterKey, history: History) -> None:
    with pytest.raises(HistoryUnavailable, match="another process is writing"):
        History.open(folder, master)
    assert history.count() == 0


def test_a_failed_opening_gives_the_lock_back(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    content = (folder / "history.db").read_bytes()
    (folder / "history.db").write_bytes(b"x" * len(content))
    with pytest.raises(Exception, match="damaged"):
        History.open(folder, master)
    (folder / "history.db").write_bytes(content)
    History.open(folder, master).close()


def test_one_reads_while_another_process_files(folder: Path, master: MasterKey) -> None:
    with started("filing_without_end.py", folder) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with History.open(folder, master, read_only=True) as reader:
            counts = [reader.count()]
            for _ in range(counts[0]):  # a line a scan: the last one read tells of a later scan
                child.stdout.readline()
                for summary in reader.latest(3):
                    reader.load(summary.scan_id)
                counts.append(reader.count())
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]
        assert ended(child) == ""


def test_filing_goes_on_while_another_process_reads(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    with History.open(folder, master) as history:
        history.file_scan(new_scan(0))
        with started("reading_without_end.py", folder) as child:
            assert child.stdout is not None
            child.stdout.readline()
            for seed in range(1, 30):
                history.file_scan(new_scan(seed))
            seen = 0
            while seen < 30:
                seen = int(child.stdout.readline())
            assert ended(child) == ""
        history.check()


def test_without_a_history_there_is_nothing_to_read(folder: Path, master: MasterKey) -> None:
    with pytest.raises(HistoryUnavailable, match="there is no history yet"):
        History.open(folder, master, read_only=True)
    with pytest.raises(HistoryUnavailable, match="there is no history yet"):
        History.open(folder, master, create=False)
    assert not folder.exists()


def test_a_reader_changes_no_file_but_the_audit_log_when_it_shows_pictures(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    with History.open(folder, master) as history:
        history.file_scan(new_scan(1))
    before = contents()
    with History.open(folder, master, read_only=True) as reader:
        (scan,) = reader.latest()
        reader.timeline(scan.lesion_id)
        reader.verify_audit()
        reader.check()
    assert contents() == before
    with History.open(folder, master, read_only=True) as reader:
        reader.load(scan.scan_id)
    after = contents()
    assert {name for name in after if after[name] != before[name]} == {"history.db", "audit.mark"}
