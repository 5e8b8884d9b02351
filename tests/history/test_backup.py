import io
import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.domain import Scan
from dermscan.errors import (
    BackupCorrupt,
    DermscanError,
    HistoryNewer,
    HistoryNotEmpty,
    HistoryUnavailable,
    InputError,
    KeyRefused,
    OutputError,
)
from dermscan.history import History, MasterKey, sealed_stream
from dermscan.history.backup_header import MAGIC, history_key_of, read_header
from dermscan.history.backup_keeping import list_backups
from dermscan.history.backup_restoring import restore_backup, verify_backup
from dermscan.history.keyring import open_keyring
from dermscan.history.keys import SecretKey
from dermscan.history.sealed_stream import OpeningReader, SealingWriter

NewScan = Callable[..., Scan]
SameScan = Callable[[Scan, Scan], None]
Member = tuple[tarfile.TarInfo, bytes]
OTHER = MasterKey(b"\x55" * 32)


def quiet(_done: int, _total: int) -> None:
    """Tell nobody."""


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    place = tmp_path / "stick"
    place.mkdir()
    return place


@pytest.fixture
def scans(new_scan: NewScan) -> list[Scan]:
    return [new_scan(seed, with_mask=seed != 2) for seed in range(4)]


@pytest.fixture
def backup(folder: Path, master: MasterKey, stick: Path, scans: list[Scan]) -> Path:
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias="heron-7", note="see again in spring")
        for scan in scans:
            history.file_scan(scan, lesion)
        path, left_out = history.back_up(stick, quiet)
    assert left_out == 0
    return path


def test_a_backup_restored_on_the_same_device_is_the_same_history(
    folder: Path,
    master: MasterKey,
    backup: Path,
    scans: list[Scan],
    same_scan: SameScan,
    private: Callable[[Path], None],
) -> None:
    shutil.rmtree(folder)
    assert restore_backup(backup, folder, partial(history_key_of, key=master), master, quiet) == 4
    private(folder)
    with History.open(folder, master) as history:
        for scan in scans:
            same_scan(history.load(scan.scan_id), scan)
        assert [lesion.note for lesion in history.lesions_of("heron-7")] == ["see again in spring"]
        assert history.verify_audit() == ()
        actions = [entry.action for entry in history.audit_entries()]
        assert actions[4:6] == ["backup_restored", "backup_made"]
        history.check()
        history.prove()
    assert not (folder / "restoring").exists()


def test_with_the_recovery_words_it_is_restored_on_another_device(
    folder: Path, master: MasterKey, stick: Path, new_scan: NewScan, same_scan: SameScan, tmp_path: Path
) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        recovery = history.make_recovery_key()
        history.file_scan(scan)
        path, _ = history.back_up(stick, quiet)
    other = tmp_path / "other device"
    with pytest.raises(KeyRefused):
        restore_backup(path, other, partial(history_key_of, key=OTHER, folder=other), OTHER, quiet)
    assert not (other / "restoring").exists()
    restore_backup(path, other, partial(history_key_of, key=recovery), OTHER, quiet)
    with History.open(other, OTHER) as history:
        same_scan(history.load(scan.scan_id), scan)
    with pytest.raises(KeyRefused):
        History.open(other, master)
    assert open_keyring(other, recovery).expose() == open_keyring(folder, master).expose()


def test_after_a_rotation_the_device_still_opens_its_older_backups(
    folder: Path, master: MasterKey, backup: Path, tmp_path: Path
) -> None:
    with History.open(folder, master) as history:
        history.rotate_key(OTHER)
    assert verify_backup(backup, tmp_path, partial(history_key_of, key=OTHER, folder=folder), quiet) == 4
    with pytest.raises(KeyRefused):
        verify_backup(backup, tmp_path, partial(history_key_of, key=OTHER), quiet)


def test_a_backup_is_private_and_shows_nothing(backup: Path, master: MasterKey, folder: Path) -> None:
    content = backup.read_bytes()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    root = open_keyring(folder, master)
    for secret in (b"heron-7", b"spring", b"SQLite format 3", b"history.db", master.expose(), root.expose()):
        assert secret not in content
    assert [path.name for path in backup.parent.iterdir()] == [backup.name], "nothing else is left there"


def test_it_is_made_beside_the_writer_and_holds_a_whole_state(
    folder: Path, master: MasterKey, stick: Path, new_scan: NewScan, tmp_path: Path
) -> None:
    """Scans that are filed while the backup is written are in the next one."""
    with History.open(folder, master) as service:
        for seed in range(3):
            service.file_scan(new_scan(seed))
        more = iter(range(10, 100))
        with History.open(folder, master, read_only=True) as reader:

            def file_another(_done: int, _total: int) -> None:
                service.file_scan(new_scan(next(more)))

            path, _ = reader.back_up(stick, file_another)
        assert service.count() > 3
        assert service.verify_audit() == ()
    assert verify_backup(path, tmp_path, partial(history_key_of, key=master), quiet) == 3
    assert list(tmp_path.glob(".dermscan-verify-*")) == []


def test_damaged_pictures_are_left_out_and_counted(
    folder: Path, master: MasterKey, stick: Path, new_scan: NewScan, tmp_path: Path
) -> None:
    with History.open(folder, master) as history:
        for seed in range(3):
            history.file_scan(new_scan(seed))
        first, second, *_ = sorted((folder / "blobs").iterdir())
        first.unlink()
        second.write_bytes(second.read_bytes()[:-1] + b"x")
        path, left_out = history.back_up(stick, quiet)
        assert left_out == 2
    assert verify_backup(path, tmp_path, partial(history_key_of, key=master), quiet) == 3


@pytest.mark.parametrize("share", [0.0, 0.002, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99999])
@pytest.mark.parametrize("how", ["flip", "cut"])
def test_any_damage_is_noticed_and_nothing_is_restored(
    backup: Path, master: MasterKey, tmp_path: Path, share: float, how: str
) -> None:
    content = bytearray(backup.read_bytes())
    at = int(share * len(content))
    if how == "flip":
        content[at] ^= 1
    else:
        del content[at:]
    backup.write_bytes(bytes(content))
    target = tmp_path / "target"
    with pytest.raises((BackupCorrupt, InputError, HistoryNewer)) as caught:
        restore_backup(backup, target, partial(history_key_of, key=master), master, quiet)
    assert not str(caught.value).endswith(".")
    assert [path.name for path in target.rglob("*")] == ["lock"]


def test_every_byte_of_the_head_counts(backup: Path, master: MasterKey, tmp_path: Path) -> None:
    content = backup.read_bytes()
    for at in range(170):
        backup.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
        with pytest.raises(DermscanError):
            restore_backup(backup, tmp_path / "target", partial(history_key_of, key=master), master, quiet)


def test_content_that_was_added_or_is_of_another_backup_is_refused(
    folder: Path, backup: Path, master: MasterKey, stick: Path, tmp_path: Path
) -> None:
    with History.open(folder, master) as history:
        second, _ = history.back_up(stick, quiet)
    first, other = backup.read_bytes(), second.read_bytes()
    with backup.open("rb") as file:
        read_header(file, backup)
        head = file.tell()
    for content in (first + b"more", first[:head] + other[head:]):
        backup.write_bytes(content)
        with pytest.raises(BackupCorrupt):
            restore_backup(backup, tmp_path / "target", partial(history_key_of, key=master), master, quiet)


def test_a_restore_over_a_history_is_refused(folder: Path, backup: Path, master: MasterKey) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(HistoryNotEmpty):
        restore_backup(backup, folder, partial(history_key_of, key=master), master, quiet)
    (folder / "restoring").mkdir()
    (folder / "restoring" / "history.db").write_bytes(b"")
    with pytest.raises(HistoryNotEmpty):
        restore_backup(backup, folder, partial(history_key_of, key=master), master, quiet)
    shutil.rmtree(folder / "restoring")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_history_that_lost_its_keyring_is_not_written_over(folder: Path, backup: Path, master: MasterKey) -> None:
    for name in ("keyring", "keyring.copy"):
        (folder / name).unlink()
    with pytest.raises(HistoryNotEmpty):
        restore_backup(backup, folder, partial(history_key_of, key=master), master, quiet)
    assert (folder / "history.db").exists()


def test_a_restore_cut_off_anywhere_goes_on(
    folder: Path, backup: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace = Path.replace
    for allowed in range(12):
        target = tmp_path / f"target-{allowed}"
        moved: list[Path] = []

        def cut(source: Path, place: Path, target: Path = target, moved: list[Path] = moved) -> Path:
            if place.parent == target:
                if len(moved) == allowed:  # noqa: B023 - used within the round
                    raise KeyboardInterrupt
                moved.append(place)
            return replace(source, place)

        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", cut)
            try:
                restore_backup(backup, target, partial(history_key_of, key=master), master, quiet)
            except KeyboardInterrupt:
                with pytest.raises(HistoryUnavailable, match="was interrupted"):
                    History.open(target, master)
            else:
                break
        restore_backup(backup, target, partial(history_key_of, key=master), master, quiet)
        with History.open(target, master) as history:
            assert history.count() == 4
            history.prove()
            assert history.verify_audit() == ()
        shutil.rmtree(target)
    assert 3 < allowed < 12
    assert folder.exists()


def test_a_backup_that_cannot_be_written_leaves_nothing(
    history: History, stick: Path, new_scan: NewScan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    history.file_scan(new_scan(1))
    with pytest.raises(OutputError, match="cannot be written"):
        history.back_up(tmp_path / "missing", quiet)

    def fail(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as broken:
        broken.setattr("dermscan.history.backup_making.os.fsync", fail)
        with pytest.raises(OutputError, match=r"full|No space"):
            history.back_up(stick, quiet)
    assert list(stick.iterdir()) == []


def test_what_is_no_backup_is_said_to_be_none(stick: Path, master: MasterKey, tmp_path: Path) -> None:
    (stick / "x.backup").write_bytes(b"holiday pictures")
    for path in (stick / "x.backup", stick / "missing.backup"):
        with pytest.raises(InputError):
            restore_backup(path, tmp_path / "target", partial(history_key_of, key=master), master, quiet)


def test_a_backup_cut_off_in_its_head_is_damaged(stick: Path, master: MasterKey, tmp_path: Path) -> None:
    (stick / "x.backup").write_bytes(MAGIC + b"\x00")
    with pytest.raises(BackupCorrupt, match="it is cut off"):
        restore_backup(stick / "x.backup", tmp_path / "target", partial(history_key_of, key=master), master, quiet)


def resealed(backup: Path, master: MasterKey, change: Callable[[list[Member]], list[Member]]) -> None:
    """Seal a backup's content anew after a change, as only a holder of the key can."""
    with backup.open("rb") as file:
        header = read_header(file, backup)
        key = history_key_of(header, key=master)
        with tarfile.open(mode="r|", fileobj=cast("BinaryIO", header.opening(file, key))) as archive:
            members = [(one, part.read() if (part := archive.extractfile(one)) else b"") for one in archive]
    with backup.open("wb") as file:
        file.write(header.write())
        sealing = header.sealing(file, key)
        with tarfile.open(mode="w|", fileobj=cast("BinaryIO", sealing)) as archive:
            for member, content in change(members):
                archive.addfile(member, io.BytesIO(content))
        sealing.finish()


def without_a_picture(members: list[Member]) -> list[Member]:
    picture = next(one for one in members if one[0].name.startswith("blobs/"))
    return [one for one in members if one is not picture]


def with_a_folder(members: list[Member]) -> list[Member]:
    folder = tarfile.TarInfo("blobs/more")
    folder.type = tarfile.DIRTYPE
    return [(folder, b""), *members]


@pytest.mark.parametrize(
    ("change", "said"), [(without_a_picture, "picture"), (with_a_folder, "it holds what no backup holds")]
)
def test_a_rightly_sealed_backup_that_does_not_prove_itself_leaves_nothing(
    backup: Path, master: MasterKey, tmp_path: Path, change: Callable[[list[Member]], list[Member]], said: str
) -> None:
    resealed(backup, master, list)
    assert verify_backup(backup, tmp_path, partial(history_key_of, key=master), quiet) == 4
    resealed(backup, master, change)
    target = tmp_path / "target"
    with pytest.raises(BackupCorrupt, match=said):
        restore_backup(backup, target, partial(history_key_of, key=master), master, quiet)
    assert [path.name for path in target.rglob("*")] == ["lock"]


def test_backups_that_hold_erased_lesions_are_pruned(
    folder: Path, backup: Path, master: MasterKey, stick: Path, new_scan: NewScan
) -> None:
    (stick / "holiday.jpg").write_bytes(b"left alone")
    (stick / "other.backup").write_bytes(b"not readable, left alone")
    with History.open(folder, master) as history:
        assert history.has_clean_backup(stick)
        assert history.prune_backups(stick, 7) == ()
        (lesion,) = history.lesions_of("heron-7")
        history.file_scan(new_scan(9))
        history.erase_lesion(lesion.lesion_id)
        assert not history.has_clean_backup(stick)
        fresh, _ = history.back_up(stick, quiet)
        assert history.has_clean_backup(stick)
        assert history.prune_backups(stick, 7) == (backup,)
        assert history.audit_entries(1)[0].action == "backups_pruned"
        newer = [history.back_up(stick, quiet)[0] for _ in range(3)]
        assert [found.path for found in list_backups(stick) if found.header] == [*reversed(newer), fresh]
        assert set(history.prune_backups(stick, 2)) == {fresh, newer[0]}
    assert {path.name for path in stick.iterdir()} == {
        "holiday.jpg", "other.backup", newer[1].name, newer[2].name
    }  # fmt: skip


def test_backups_of_another_history_are_left_alone(
    backup: Path, master: MasterKey, stick: Path, tmp_path: Path
) -> None:
    with History.open(tmp_path / "other", master) as history:
        lesion = history.create_lesion()
        history.erase_lesion(lesion)
        assert not history.has_clean_backup(stick)
        assert history.prune_backups(stick, 1) == ()
    assert backup.exists()


@given(content=st.binary(max_size=200), reads=st.lists(st.integers(1, 50), max_size=20), piece=st.integers(1, 40))
def test_a_stream_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, reads: list[int], piece: int
) -> None:
    path, key = tmp_path_factory.mktemp("stream") / "s", SecretKey(bytes(32))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed_stream, "PIECE", piece)
        with path.open("wb") as file:
            writer = SealingWriter(file, key, b"head")
            for at in range(0, len(content), 7):
                writer.write(content[at : at + 7])
            writer.finish()
        with path.open("rb") as file:
            reader = OpeningReader(file, key, b"head")
            found = b"".join(reader.read(size) for size in reads) + reader.read(1000)
        assert found == content
        sealed = path.read_bytes()
        pieces = [sealed[at : at + piece + 16] for at in range(0, len(sealed), piece + 16)]
        for wrong in (pieces[:-1], pieces[1:], pieces[::-1] if len(pieces) > 1 else [], [*pieces, pieces[-1]]):
            path.write_bytes(b"".join(wrong))
            with path.open("rb") as file, pytest.raises(BackupCorrupt):
                OpeningReader(file, key, b"head").read(1000)


def test_memory_stays_bounded(folder: Path, master: MasterKey, stick: Path, new_scan: NewScan, tmp_path: Path) -> None:
    def peak_kib() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0])

    with History.open(folder, master) as history:
        for seed in range(24):
            history.file_scan(new_scan(seed, size=(1000, 1000)))
        before = peak_kib()
        path, _ = history.back_up(stick, quiet)
    assert path.stat().st_size > 60e6
    assert verify_backup(path, tmp_path, partial(history_key_of, key=master), quiet) == 24
    assert peak_kib() - before < 24 * 1024
