import hashlib
import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermscan.errors import HistoryCorrupt, HistoryNewer, HistoryUnavailable, KeyRefused
from dermscan.history import History, MasterKey
from dermscan.history.durable import replace_file
from dermscan.history.keyring import (
    COPY,
    KEYRING,
    HistoryKey,
    SlotKind,
    create_keyring,
    has_keyring,
    mend_keyring,
    open_keyring,
    read_slots,
    replace_master_key,
    replace_recovery_key,
    unpacked,
    write_keyring,
)
from dermscan.history.keys import SecretKey

OTHER = MasterKey(b"\x55" * 32)
RECOVERY = SecretKey(b"\x66" * 32)
LENGTH = 6 + 1 + 16 + 12 + 48 + 32


@pytest.fixture
def made(tmp_path: Path, master: MasterKey) -> bytes:
    return create_keyring(tmp_path, master).expose()


def spoil(folder: Path, content: bytes) -> None:
    for name in (KEYRING, COPY):
        (folder / name).write_bytes(content)


def sealed_again(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_the_history_key_comes_back(tmp_path: Path, master: MasterKey, made: bytes) -> None:
    assert has_keyring(tmp_path)
    assert open_keyring(tmp_path, master).expose() == made


def test_the_keyring_has_the_documented_form(tmp_path: Path, master: MasterKey, made: bytes) -> None:
    content = (tmp_path / KEYRING).read_bytes()
    assert len(content) == LENGTH
    assert content[:7] == b"DSKR\x01\x01\x01"
    assert content[7:23] == master.key_id
    assert content[-32:] == hashlib.sha256(content[:-32]).digest()
    bound = b"DSKR\x01\x01" + master.key_id
    assert AESGCM(master.derive("keyring")).decrypt(content[23:35], content[35:83], bound) == made
    assert (tmp_path / COPY).read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {KEYRING, COPY}


def test_no_key_is_in_it_in_clear(tmp_path: Path, master: MasterKey, made: bytes) -> None:
    content = (tmp_path / KEYRING).read_bytes()
    for secret in (made, master.expose()):
        assert secret not in content


def test_another_master_key_is_refused(tmp_path: Path, made: bytes) -> None:
    assert made
    with pytest.raises(KeyRefused):
        open_keyring(tmp_path, OTHER)


@pytest.mark.parametrize("at", range(LENGTH))
def test_any_flipped_byte_in_both_copies_is_damage_and_no_wrong_key(
    tmp_path: Path, master: MasterKey, made: bytes, at: int
) -> None:
    content = bytearray((tmp_path / KEYRING).read_bytes())
    content[at] ^= 0x40
    spoil(tmp_path, bytes(content))
    with pytest.raises(HistoryCorrupt):
        open_keyring(tmp_path, master)
    assert made


@pytest.mark.parametrize("at", range(LENGTH - 32))
def test_any_flipped_byte_with_a_mended_checksum_gives_no_key(
    tmp_path: Path, master: MasterKey, made: bytes, at: int
) -> None:
    body = bytearray((tmp_path / KEYRING).read_bytes()[:-32])
    body[at] ^= 0x40
    spoil(tmp_path, sealed_again(bytes(body)))
    with pytest.raises((HistoryCorrupt, KeyRefused, HistoryNewer)):
        open_keyring(tmp_path, master)
    assert made


@pytest.mark.parametrize("length", [0, 1, 31, 32, 40, LENGTH - 1])
def test_a_cut_off_keyring_is_damage(tmp_path: Path, master: MasterKey, made: bytes, length: int) -> None:
    spoil(tmp_path, (tmp_path / KEYRING).read_bytes()[:length])
    with pytest.raises(HistoryCorrupt, match="damaged"):
        open_keyring(tmp_path, master)
    assert made


@pytest.mark.parametrize("body", [b"", b"DSKR", b"DSKR\x01\x02" + bytes(77)])
def test_nonsense_with_a_good_checksum_is_no_keyring(tmp_path: Path, master: MasterKey, body: bytes) -> None:
    spoil(tmp_path, sealed_again(body))
    with pytest.raises(HistoryCorrupt, match="no keyring"):
        open_keyring(tmp_path, master)


def test_a_newer_keyring_is_left_alone(tmp_path: Path, master: MasterKey) -> None:
    spoil(tmp_path, sealed_again(b"DSKR\x02\x01" + bytes(200)))
    with pytest.raises(HistoryNewer, match="of keyring 2"):
        open_keyring(tmp_path, master)


@pytest.mark.parametrize("lost", [KEYRING, COPY])
@pytest.mark.parametrize("how", ["missing", "empty", "flipped"])
def test_one_damaged_copy_costs_nothing_and_is_mended(folder: Path, master: MasterKey, lost: str, how: str) -> None:
    History.open(folder, master).close()
    sound = (folder / lost).read_bytes()
    if how == "missing":
        (folder / lost).unlink()
    else:
        (folder / lost).write_bytes(b"" if how == "empty" else sound[:40] + bytes([sound[40] ^ 1]) + sound[41:])
    History.open(folder, master).close()
    assert (folder / KEYRING).read_bytes() == (folder / COPY).read_bytes() == sound


def test_mending_a_sound_keyring_writes_nothing(tmp_path: Path, made: bytes) -> None:
    before = [(tmp_path / name).stat().st_ino for name in (KEYRING, COPY)]
    mend_keyring(tmp_path)
    assert [(tmp_path / name).stat().st_ino for name in (KEYRING, COPY)] == before
    assert made


def test_a_lost_keyring_is_not_made_anew(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    (folder / KEYRING).unlink()
    (folder / COPY).unlink()
    with pytest.raises(HistoryCorrupt, match="the keyring is missing"):
        History.open(folder, master)
    assert not has_keyring(folder)


def test_a_wrong_key_leaves_the_history_as_it_is(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for read_only in (False, True):
        with pytest.raises(KeyRefused):
            History.open(folder, OTHER, read_only=read_only)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    History.open(folder, master).close()


@pytest.mark.parametrize(
    ("name", "purpose"), [("database_key", b"database"), ("wrapping_key", b"wrapping"), ("audit_key", b"audit")]
)
def test_the_keys_of_a_history_are_derived_as_documented(name: str, purpose: bytes) -> None:
    extracted = hmac.digest(bytes(32), OTHER.expose(), "sha256")
    expected = hmac.digest(extracted, b"dermscan 1 " + purpose + b"\x01", "sha256")
    assert getattr(HistoryKey(OTHER.expose()), name).expose() == expected


@pytest.mark.parametrize("left", [KEYRING, COPY])
def test_one_of_the_two_files_is_a_keyring(tmp_path: Path, master: MasterKey, made: bytes, left: str) -> None:
    for name in {KEYRING, COPY} - {left}:
        (tmp_path / name).unlink()
    assert has_keyring(tmp_path)
    assert open_keyring(tmp_path, master).expose() == made


def test_what_was_begun_is_cleared(tmp_path: Path, made: bytes) -> None:
    for name in (KEYRING, COPY):
        (tmp_path / f"{name}.new").write_bytes(made)
    mend_keyring(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {KEYRING, COPY}


def test_a_keyring_that_cannot_be_read_is_no_damage(tmp_path: Path, master: MasterKey) -> None:
    (tmp_path / KEYRING).mkdir()
    with pytest.raises(HistoryUnavailable, match="Is a directory"):
        open_keyring(tmp_path, master)


def test_a_keyring_of_no_slots_opens_for_nobody(tmp_path: Path, master: MasterKey) -> None:
    spoil(tmp_path, sealed_again(b"DSKR\x01\x00"))
    assert read_slots(tmp_path) == []
    with pytest.raises(KeyRefused):
        open_keyring(tmp_path, master)


def test_a_keyring_made_for_another_device_keeps_the_recovery_key(
    tmp_path: Path, master: MasterKey, made: bytes
) -> None:
    root = HistoryKey(made)
    replace_recovery_key(tmp_path, root, RECOVERY)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_keyring(elsewhere, root, OTHER, read_slots(tmp_path)[1:])
    found = [(slot.kind, slot.key_id) for slot in read_slots(elsewhere)]
    assert found == [(SlotKind.MASTER, OTHER.key_id), (SlotKind.RECOVERY, RECOVERY.key_id)]
    assert open_keyring(elsewhere, OTHER).expose() == open_keyring(elsewhere, RECOVERY).expose() == made
    with pytest.raises(KeyRefused):
        open_keyring(elsewhere, master)


def test_both_master_keys_open_while_one_takes_the_place_of_the_other(
    tmp_path: Path, master: MasterKey, made: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, list[bytes]]] = []

    def note(path: Path, content: bytes) -> None:
        written.append((path.name, [slot.key_id for slot in unpacked(content)]))
        replace_file(path, content)

    monkeypatch.setattr("dermscan.history.keyring.replace_file", note)
    replace_master_key(tmp_path, HistoryKey(made), OTHER)
    both, new = [master.key_id, OTHER.key_id], [OTHER.key_id]
    assert written == [(COPY, both), (KEYRING, both), (COPY, new), (KEYRING, new)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the keyring and its copy are damaged"),
        (sealed_again(b"DSKR"), "the keyring is no keyring"),
        (sealed_again(b"DSKS\x01\x00"), "the keyring is no keyring"),
        (sealed_again(b"DSKR\x01\x01"), "the keyring is no keyring"),
    ],
)
def test_what_is_wrong_with_a_keyring_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    spoil(tmp_path, content)
    with pytest.raises(HistoryCorrupt) as caught:
        read_slots(tmp_path)
    assert caught.value.details == {"problem": problem}


def test_an_altered_slot_is_said(tmp_path: Path, master: MasterKey, made: bytes) -> None:
    assert made
    body = (tmp_path / KEYRING).read_bytes()[:-32]
    spoil(tmp_path, sealed_again(body[:-1] + bytes([body[-1] ^ 1])))
    with pytest.raises(HistoryCorrupt) as caught:
        open_keyring(tmp_path, master)
    assert caught.value.details == {"problem": "the keyring was altered"}
