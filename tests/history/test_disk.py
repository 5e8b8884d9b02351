import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dermscan.domain import Scan
from dermscan.errors import HistoryUnavailable, StorageFull
from dermscan.history import History, MasterKey

NewScan = Callable[..., Scan]
SameScan = Callable[[Scan, Scan], None]


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(options, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let root mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "2m") as place:
        yield place


def fill(place: Path, leave: int) -> Path:
    """Fill the disk up to `leave` bytes."""
    ballast = place / "ballast"
    disk = os.statvfs(place)
    with ballast.open("wb", buffering=0) as file:
        file.write(bytes(max(disk.f_bavail * disk.f_frsize - leave, 0)))
    return ballast


def file_until_full(history: History, scans: Iterable[Scan], filed: list[Scan]) -> None:
    for scan in scans:
        history.file_scan(scan)
        filed.append(scan)


def test_a_disk_that_fills_up_loses_nothing_that_was_filed(
    small_disk: Path, master: MasterKey, new_scan: NewScan, same_scan: SameScan
) -> None:
    filed: list[Scan] = []
    with History.open(small_disk / "history", master) as history:
        with pytest.raises(StorageFull) as caught:
            file_until_full(history, (new_scan(seed, size=(160, 120)) for seed in range(100)), filed)
        assert str(caught.value).endswith("nothing was filed")
        assert 5 < len(filed) < 100
        assert history.count() == len(filed)
        assert len(list((small_disk / "history" / "blobs").iterdir())) == 2 * len(filed)
        assert not any((small_disk / "history" / "transit").iterdir())
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        for scan in filed:
            same_scan(history.load(scan.scan_id), scan)
        history.check()


@pytest.mark.parametrize("leave", [0, 4096, 8192, 12288, 16384, 20480, 28672, 36864, 49152, 65536, 98304])
def test_however_little_is_left_a_scan_is_filed_entirely_or_not_at_all(
    small_disk: Path, master: MasterKey, new_scan: NewScan, same_scan: SameScan, leave: int
) -> None:
    folder = small_disk / "history"
    first, second, third = new_scan(1), new_scan(2), new_scan(3)
    with History.open(folder, master) as history:
        history.file_scan(first)
        ballast = fill(small_disk, leave)
        assert history.free_bytes() <= leave
        try:
            history.file_scan(second)
        except StorageFull:
            assert history.count() == 1
            assert not any((folder / "transit").iterdir())
            ballast.unlink()
        else:
            ballast.unlink()
            same_scan(history.load(second.scan_id), second)
        same_scan(history.load(first.scan_id), first)
        history.file_scan(third)
        before = history.count()
    with History.open(folder, master) as history:
        history.check()
        assert history.count() == before
        for summary in history.latest():
            history.load(summary.scan_id)
        assert len(list((folder / "blobs").iterdir())) == 2 * before
        assert not any((folder / "transit").iterdir())


@pytest.mark.parametrize("leave", [0, 4096, 8192, 16384, 32768, 65536])
def test_a_first_start_on_a_full_disk_says_so_and_the_next_succeeds(
    small_disk: Path, master: MasterKey, new_scan: NewScan, leave: int
) -> None:
    ballast = fill(small_disk, leave)
    with pytest.raises(StorageFull):
        History.open(small_disk / "history", master)
    ballast.unlink()
    with History.open(small_disk / "history", master) as history:
        history.file_scan(new_scan(1))
        history.check()


def test_a_read_only_disk_is_said_to_be(tmp_path: Path, master: MasterKey, new_scan: NewScan) -> None:
    with mounted(tmp_path / "disk", "4m") as place:
        with History.open(place / "history", master) as history:
            history.file_scan(new_scan(1))
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        with pytest.raises(HistoryUnavailable, match="Read-only file system"):
            History.open(place / "history", master)
        with pytest.raises(HistoryUnavailable, match="Read-only file system"):
            History.open(place / "other", master)


def test_a_folder_that_is_a_file_is_said_to_be(tmp_path: Path, master: MasterKey) -> None:
    (tmp_path / "history").write_bytes(b"")
    with pytest.raises(HistoryUnavailable):
        History.open(tmp_path / "history", master)


@contextmanager
def without_rights() -> Iterator[None]:
    """Root becomes nobody for a while; others have to do without."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("way", ["write", "read", "no create"])
def test_a_folder_of_somebody_else_is_said_to_be(folder: Path, master: MasterKey, way: str) -> None:
    History.open(folder, master).close()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with without_rights(), pytest.raises(HistoryUnavailable, match="Permission denied"):
        History.open(folder, master, create=way != "no create", read_only=way == "read")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_open_folder_is_closed_to_others(
    folder: Path, master: MasterKey, private: Callable[[Path], None], new_scan: NewScan
) -> None:
    folder.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        with History.open(folder, master) as history:
            history.file_scan(new_scan(1))
            private(folder)
    finally:
        os.umask(before)
