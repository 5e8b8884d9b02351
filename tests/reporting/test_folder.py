import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dermscan.errors import OutputError
from dermscan.reporting.folder import fresh_folder


def fill(target: Path, size: int = 10) -> None:
    with fresh_folder(target) as stage:
        (stage / "one").write_bytes(b"1" * size)
        (stage / "two").write_bytes(b"2" * size)


@pytest.mark.parametrize("place", ["new", "deep/down/new", "empty"])
def test_the_files_are_there_for_their_owner_alone(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / place)
    assert sorted(path.name for path in (tmp_path / place).iterdir()) == ["one", "two"]
    assert (tmp_path / place).stat().st_mode & 0o777 == 0o700


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").write_text("dear")
    with pytest.raises(OutputError, match="it is not empty"):
        fill(full)
    assert [path.name for path in full.iterdir()] == ["letter"]
    assert list(tmp_path.iterdir()) == [full]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_a_file_or_a_link_is_no_folder(tmp_path: Path, kind: str) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    if kind == "file":
        target.write_text("dear")
    else:
        target.symlink_to(other)
        if kind == "link":
            other.mkdir()
    with pytest.raises(OutputError, match="no folder"):
        fill(target)
    assert not other.exists() or list(other.iterdir()) == []


def test_an_error_in_between_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with fresh_folder(tmp_path / "new") as stage:
            (stage / "one").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        fill(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small disk needs root")
def test_a_small_and_then_read_only_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with pytest.raises(OutputError, match="it is a disk; name a new folder on it"):
            fill(disk)
        with pytest.raises(OutputError, match="No space left on device"):
            fill(disk / "new", 100_000)
        assert list(disk.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(OutputError, match="Read-only file system"):
            fill(disk / "new")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_place_nobody_may_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear")
    with pytest.raises(OutputError, match="cannot be written"):
        fill(tmp_path / "file" / "new")
