import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dermscan.domain import Scan
from dermscan.history import History, MasterKey
from dermscan.history.backup_header import BackupHeader
from dermscan.history.backup_keeping import list_backups
from dermscan.history.backup_restoring import verify_backup
from dermscan.history.keyring import HistoryKey, open_slot

NewScan = Callable[..., Scan]


def leave(folder: Path) -> list[Path]:
    """What a history's process that was killed may have left."""
    (folder / "copies").mkdir(mode=0o700, exist_ok=True)
    rests = [folder / name for name in ("keyring.new", "audit.mark.new", "copies/history-schema-0001-x.db.new")]
    for rest in rests:
        rest.write_bytes(b"rest")
    (folder / ".dermscan-verify-abc" / "history").mkdir(parents=True)
    (folder / ".dermscan-verify-abc" / "history" / "history.db").write_bytes(b"rest")
    return [*rests, folder / ".dermscan-verify-abc"]


def leave_among_backups(stick: Path) -> list[Path]:
    rests = [stick / f"dermscan-20260301T093000Z-1a2b3c4d{end}" for end in (".snapshot.new", ".backup.new")]
    for rest in rests:
        rest.write_bytes(b"rest")
    verifying = stick / ".dermscan-verify-x1"
    verifying.mkdir()
    (verifying / "history.db").write_bytes(b"rest")
    return [*rests, verifying]


def nothing(_done: int, _total: int) -> None:
    return


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    place = tmp_path / "stick"
    place.mkdir()
    return place


def test_a_start_clears_what_was_left_and_nothing_else(
    folder: Path, master: MasterKey, new_scan: NewScan, same_scan: Callable[[Scan, Scan], None]
) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rests = leave(folder)
    kept = folder / "copies" / "history-schema-0001-x.db"
    kept.write_bytes(b"a copy")
    with History.open(folder, master) as history:
        same_scan(history.load(scan.scan_id), scan)
    assert not any(rest.exists() for rest in rests)
    assert kept.read_bytes() == b"a copy"
    assert set(before) <= {path for path in folder.rglob("*") if path.is_file()}


def test_a_reader_clears_nothing(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    rests = leave(folder)
    History.open(folder, master, read_only=True).close()
    assert all(rest.exists() for rest in rests)


def test_the_next_backup_clears_what_the_last_one_left(history: History, stick: Path, new_scan: NewScan) -> None:
    history.file_scan(new_scan(1))
    first, _ = history.back_up(stick, nothing)
    strangers = [stick / name for name in ("letter.new", "dermscan-notes.txt", "photo.snapshot")]
    for stranger in strangers:
        stranger.write_bytes(b"of somebody else")
    leave_among_backups(stick)
    second, _ = history.back_up(stick, nothing)
    assert set(stick.iterdir()) == {first, second, *strangers}


def test_a_proof_clears_what_the_last_one_left(
    history: History, stick: Path, master: MasterKey, new_scan: NewScan
) -> None:
    def key_of(header: BackupHeader) -> HistoryKey:
        return open_slot(header.slots, master)

    history.file_scan(new_scan(1))
    backup, _ = history.back_up(stick, nothing)
    leave_among_backups(stick)
    assert verify_backup(backup, stick, key_of, nothing) == 1
    assert list(stick.iterdir()) == [backup]


def test_who_works_among_the_backups_is_not_disturbed(history: History, stick: Path) -> None:
    rests = leave_among_backups(stick)
    descriptor = os.open(stick, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    history.back_up(stick, nothing)
    assert all(rest.exists() for rest in rests)
    os.close(descriptor)
    history.back_up(stick, nothing)
    assert not any(rest.exists() for rest in rests)
    assert len(list_backups(stick)) == 2


def test_what_cannot_be_deleted_stops_nothing(
    folder: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    History.open(folder, master).close()
    leave(folder)

    def fail(_path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("shutil.rmtree", fail)
    History.open(folder, master).close()
    assert "cannot be deleted: Operation not permitted" in caplog.text
