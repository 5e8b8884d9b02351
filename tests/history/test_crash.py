import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event
from sqlcipher3 import dbapi2

from dermscan.domain import Scan
from dermscan.errors import HistoryUnavailable, StorageFull
from dermscan.history import History, MasterKey
from dermscan.history.durable import begin_new, sync

HERE = Path(__file__).parent


def reports(step: str, folder: Path, stride: int = 1) -> list[dict[str, Any]]:
    script = HERE / "killed_at_every_line.py"
    done = subprocess.run(
        [sys.executable, str(script), step, str(folder), str(stride)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_killed_at_any_line_of_filing_a_scan_is_there_entirely_or_not_at_all(tmp_path: Path) -> None:
    found = reports("file", tmp_path)
    assert len(found) > 60
    for report in found:
        assert "error" not in report, report
        scans = report["scans"]
        assert scans in (1, 2), report
        assert report["pictures"] == scans, report
        assert report["blobs"] == 2 * scans, report
        assert (report["transit"], report["rest"], report["audit"]) == (0, [], []), report
    outcomes = [report["scans"] for report in found]
    assert outcomes == sorted(outcomes)
    assert outcomes[0] == 1
    assert outcomes[-2:] == [2, 2]


def test_killed_anywhere_in_the_first_start_the_next_one_succeeds(tmp_path: Path) -> None:
    found = reports("open", tmp_path, stride=7)
    assert len(found) > 20
    for report in found:
        expected = {"scans": 0, "pictures": 0, "blobs": 0, "transit": 0}
        assert {name: report.get(name) for name in expected} == expected, report


def test_killed_anywhere_in_an_erasure_the_lesion_is_there_entirely_or_gone(tmp_path: Path) -> None:
    found = reports("erase", tmp_path, stride=3)
    assert len(found) > 20
    for report in found:
        assert "error" not in report, report
        assert report["scans"] == report["pictures"], report
        assert report["blobs"] == 2 * report["scans"], report
        assert (report["transit"], report["rest"], report["audit"]) == (0, [], []), report
    outcomes = [report["scans"] for report in found]
    assert outcomes == sorted(outcomes, reverse=True)
    assert (outcomes[0], outcomes[-1]) == (1, 0)


def test_killed_at_any_line_of_a_rotation_one_of_the_keys_opens_the_history(tmp_path: Path) -> None:
    found = reports("rotate", tmp_path, stride=6)
    assert len(found) > 20
    for report in found:
        assert "error" not in report, report
        assert (report["scans"], report["pictures"], report["rest"], report["audit"]) == (1, 1, [], []), report
    outcomes = [report["keys"] for report in found]
    order = [["old"], ["old", "new"], ["new"]]
    assert [order.index(keys) for keys in outcomes] == sorted(order.index(keys) for keys in outcomes)
    assert all(keys in outcomes for keys in order)


def test_killed_anywhere_in_an_assignment_the_scan_is_in_one_place(tmp_path: Path) -> None:
    found = reports("assign", tmp_path, stride=4)
    assert len(found) > 20
    for report in found:
        assert "error" not in report, report
        assert (report["scans"], report["pictures"], report["blobs"]) == (1, 1, 2), report
        assert (report["transit"], report["rest"], report["audit"]) == (0, [], []), report
    outcomes = [report["inbox"] for report in found]
    assert outcomes == sorted(outcomes, reverse=True)
    assert (outcomes[0], outcomes[-1]) == (1, 0)


@pytest.mark.parametrize("filed_before_the_kill", [1, 2, 5])
def test_what_was_said_to_be_filed_survives_a_kill_from_outside(
    folder: Path, master: MasterKey, filed_before_the_kill: int
) -> None:
    script = HERE / "filing_without_end.py"
    with subprocess.Popen(
        [sys.executable, str(script), str(folder), "300"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().strip() for _ in range(filed_before_the_kill)]
        child.kill()
        said += child.stdout.read().split()
    with History.open(folder, master) as history:
        history.check()
        filed = {summary.scan_id for summary in history.latest(1000)}
        assert set(said) <= filed
        assert len(filed) <= len(said) + 1
        for scan_id in filed:
            history.load(scan_id)
        assert len(list((folder / "blobs").iterdir())) == len(filed)
        assert not any((folder / "transit").iterdir())


def test_a_picture_that_could_not_move_is_read_where_it_is_and_moved_later(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = new_scan(1)

    def fail(_source: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with History.open(folder, master) as history:
        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", fail)
            history.file_scan(scan)
        assert len(list((folder / "transit").iterdir())) == 2
        np.testing.assert_array_equal(history.load(scan.scan_id).frame.pixels, scan.frame.pixels)
    with History.open(folder, master) as history:
        assert not any((folder / "transit").iterdir())
        np.testing.assert_array_equal(history.load(scan.scan_id).frame.pixels, scan.frame.pixels)


@pytest.mark.parametrize(("code", "kind"), [(28, StorageFull), (122, StorageFull), (5, HistoryUnavailable)])
@pytest.mark.parametrize("failing", [0, 1])
def test_a_disk_that_fails_at_a_blob_leaves_nothing(
    folder: Path,
    history: History,
    new_scan: Callable[..., Scan],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    kind: type[Exception],
    failing: int,
) -> None:
    written: list[Path] = []

    def fail(path: Path, pieces: Iterable[bytes]) -> FileIO:
        if len(written) == failing:
            raise OSError(code, "broken")
        written.append(path)
        return begin_new(path, pieces)

    with monkeypatch.context() as broken:
        broken.setattr("dermscan.history.blobs.begin_new", fail)
        with pytest.raises(kind):
            history.file_scan(new_scan(1))
    assert not any((folder / "transit").iterdir())
    assert history.count() == 0
    history.file_scan(new_scan(2))
    assert history.count() == 1


@pytest.mark.parametrize(("code", "kind"), [(28, StorageFull), (5, HistoryUnavailable)])
@pytest.mark.parametrize("failing", [0, 1])
def test_a_disk_that_fails_when_it_is_waited_for_leaves_nothing(
    folder: Path,
    history: History,
    new_scan: Callable[..., Scan],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    kind: type[Exception],
    failing: int,
) -> None:
    synced: list[FileIO] = []

    def fail(file: FileIO) -> None:
        if len(synced) == failing:
            raise OSError(code, "broken")
        synced.append(file)
        sync(file)

    with monkeypatch.context() as broken:
        broken.setattr("dermscan.history.blobs.sync", fail)
        with pytest.raises(kind):
            history.file_scan(new_scan(1))
    assert len(synced) == failing
    assert not any((folder / "transit").iterdir())
    history.file_scan(new_scan(2))
    assert history.count() == 1


def test_a_file_on_its_way_to_the_disk_is_whole_and_its_owners(tmp_path: Path) -> None:
    pieces = [bytes([number]) * 3_000_000 for number in range(4)]
    with begin_new(tmp_path / "large", pieces) as file:
        sync(file)
    assert (tmp_path / "large").read_bytes() == b"".join(pieces)
    assert (tmp_path / "large").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        begin_new(tmp_path / "large", pieces)
    assert (tmp_path / "large").stat().st_size == 12_000_000


def test_nothing_is_left_of_a_file_whose_content_fails(tmp_path: Path) -> None:
    def content() -> Iterable[bytes]:
        yield b"begun"
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        begin_new(tmp_path / "new", content())
    assert not any(tmp_path.iterdir())


def test_everything_is_on_the_disk_in_the_order_that_makes_it_safe(
    folder: Path, history: History, new_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"sync {path.relative_to(folder).parts[0]}{'/*' if path.is_file() else ''}")
        fsync(descriptor)

    event.listen(history._engine, "commit", lambda _connection: steps.append("commit"))
    monkeypatch.setattr(os, "fsync", recorded)
    history.file_scan(new_scan(1))
    assert steps == ["sync transit/*", "sync transit/*", "sync transit", "commit", "sync blobs"]


@pytest.mark.parametrize("taken", [False, True], ids=["not taken", "taken"])
@pytest.mark.parametrize("words", ["disk I/O error", "database or disk is full"])
def test_a_commit_that_fails_is_decided_by_what_the_database_has_taken(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan], *, taken: bool, words: str
) -> None:
    scan = new_scan(1)

    def fail(connection: Connection) -> None:
        if taken:
            connection.connection.commit()
        raise dbapi2.OperationalError(words)

    with History.open(folder, master) as history:
        event.listen(history._engine, "commit", fail)
        with pytest.raises((HistoryUnavailable, StorageFull)):
            history.file_scan(scan)
        event.remove(history._engine, "commit", fail)
        waiting = 2 if words == "disk I/O error" else 0
        assert len(list((folder / "transit").iterdir())) == waiting
        assert history.count() == taken
    with History.open(folder, master) as history:
        assert [summary.scan_id for summary in history.latest()] == [scan.scan_id] * taken
        for summary in history.latest():
            history.load(summary.scan_id)
        assert not any((folder / "transit").iterdir())
        assert len(list((folder / "blobs").iterdir())) == 2 * taken


def test_a_stray_file_in_transit_is_swept_and_a_filed_picture_never_is(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan]
) -> None:
    with History.open(folder, master) as history:
        history.file_scan(new_scan(1))
    (folder / "transit" / ("0" * 32)).write_bytes(b"half a blob")
    (folder / "blobs" / ("1" * 32)).write_bytes(b"a picture of a scan that an older database does not know")
    with History.open(folder, master) as history:
        assert history.count() == 1
    assert not any((folder / "transit").iterdir())
    assert len(list((folder / "blobs").iterdir())) == 3
