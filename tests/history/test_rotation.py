import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt, HistoryUnavailable, InputError, KeyRefused
from dermscan.history import History, MasterKey
from dermscan.history.key_status import SlotStatus, slot_status
from dermscan.history.keyring import COPY, KEYRING, open_keyring, read_slots, replace_master_key
from dermscan.history.recovery import RecoveryKey
from dermscan.settings import HistorySettings

NewScan = Callable[..., Scan]
NEW = MasterKey(b"\x77" * 32)
OTHER = MasterKey(b"\x33" * 32)


def kinds(folder: Path) -> list[tuple[int, bytes]]:
    return [(slot.kind, slot.key_id) for slot in read_slots(folder)]


def test_after_a_rotation_the_new_key_opens_everything_and_the_old_nothing(
    folder: Path, master: MasterKey, new_scan: NewScan, same_scan: Callable[[Scan, Scan], None]
) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan)
    blobs = {path: path.stat().st_mtime_ns for path in (folder / "blobs").iterdir()}
    with History.open(folder, master) as history:
        history.rotate_key(NEW)
        history.file_scan(new_scan(2))
    with pytest.raises(KeyRefused):
        History.open(folder, master)
    with History.open(folder, NEW) as history:
        same_scan(history.load(scan.scan_id), scan)
        assert history.count() == 2
        assert [entry.action for entry in history.audit_entries()].count("key_rotated") == 1
        assert history.verify_audit() == ()
    assert {path: path.stat().st_mtime_ns for path in blobs} == blobs, "no picture is written again"
    assert (folder / KEYRING).read_bytes() == (folder / COPY).read_bytes()


def test_the_old_slot_is_in_neither_copy(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        history.rotate_key(NEW)
    for name in (KEYRING, COPY):
        assert master.key_id not in (folder / name).read_bytes()


def test_rotating_again_changes_nothing_more(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        history.rotate_key(NEW)
        history.rotate_key(NEW)
    assert kinds(folder) == [(1, NEW.key_id)]
    with History.open(folder, NEW) as history:
        history.rotate_key(master)
    assert kinds(folder) == [(1, master.key_id)]


def test_the_root_of_the_keys_stays(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    root = open_keyring(folder, master)
    replace_master_key(folder, root, NEW)
    assert open_keyring(folder, NEW).expose() == root.expose()


def test_recovery_words_open_the_keyring_before_and_after_a_rotation(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        words = " ".join(history.make_recovery_key().words())
        root = open_keyring(folder, RecoveryKey.from_words(words)).expose()
        history.rotate_key(NEW)
        assert [entry.action for entry in history.audit_entries(2)] == ["key_rotated", "recovery_made"]
    assert open_keyring(folder, RecoveryKey.from_words(words)).expose() == open_keyring(folder, NEW).expose() == root
    assert [kind for kind, _ in kinds(folder)] == [2, 1]


def test_new_recovery_words_replace_the_old(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        first, second = history.make_recovery_key(), history.make_recovery_key()
    with pytest.raises(KeyRefused):
        open_keyring(folder, first)
    assert open_keyring(folder, second).expose() == open_keyring(folder, master).expose()
    assert [kind for kind, _ in kinds(folder)] == [1, 2]


def test_a_slot_passed_off_as_another_kind_does_not_open(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        recovery = history.make_recovery_key()
    content = bytearray((folder / KEYRING).read_bytes())
    content[6 + 77] = 1
    content[-32:] = hashlib.sha256(content[:-32]).digest()
    (folder / KEYRING).write_bytes(bytes(content))
    with pytest.raises(HistoryCorrupt, match="altered"):
        open_keyring(folder, recovery)
    open_keyring(folder, master)


def test_a_reader_changes_no_key(folder: Path, master: MasterKey, history: History) -> None:
    before = (folder / KEYRING).read_bytes()
    with History.open(folder, master, read_only=True) as reader:
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.rotate_key(NEW)
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.make_recovery_key()
    assert (folder / KEYRING).read_bytes() == before
    assert history.count() == 0


@given(secret=st.binary(min_size=32, max_size=32), seed=st.integers(0, 3))
def test_words_give_the_key_back_however_they_are_typed(secret: bytes, seed: int) -> None:
    words = RecoveryKey(secret).words()
    assert len(words) == 24
    typed = [
        " ".join(words),
        "\n".join(words).upper(),
        "  ".join(f"{number}. {word}" for number, word in enumerate(words, start=1)),
        "\t".join(f"{number:2} {word}" for number, word in enumerate(words, start=1)) + "\n",
    ][seed]
    assert RecoveryKey.from_words(typed).expose() == secret


def test_known_words() -> None:
    """The test vectors of BIP-39."""
    assert RecoveryKey(bytes(32)).words() == ["abandon"] * 23 + ["art"]
    assert RecoveryKey(b"\xff" * 32).words() == ["zoo"] * 23 + ["vote"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there are 0 and not 24"),
        ("abandon " * 23, "there are 23 and not 24"),
        ("abandon " * 23 + "artx", "number 24 is not in the list"),
        ("abandon " * 24, "one is wrong, or two are in the wrong order"),
        ("abandon " * 22 + "art abandon", "one is wrong, or two are in the wrong order"),
    ],
)
def test_wrong_words_are_told_apart_and_not_repeated(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        RecoveryKey.from_words(text)
    assert "abandon" not in str(caught.value)
    assert "artx" not in str(caught.value)


def test_the_status_names_the_slots(folder: Path, master: MasterKey, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"dermscan-master-key 1 {master.expose().hex()}\n", encoding="ascii")
    path.chmod(0o600)
    settings = HistorySettings(folder=folder, key_file=path)
    assert slot_status(settings, {}) == ()
    with History.open(folder, master) as history:
        recovery = history.make_recovery_key()
    assert slot_status(settings, {}) == (
        SlotStatus("master", master.key_id.hex(), is_here=True),
        SlotStatus("recovery", recovery.key_id.hex(), is_here=False),
    )
    path.unlink()
    assert [slot.is_here for slot in slot_status(settings, {})] == [False, False]
