import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermscan.errors import HistoryCorrupt, HistoryNewer, KeyRefused
from dermscan.history import History, MasterKey
from dermscan.history.keyring import COPY, KEYRING, create_keyring, has_keyring, mend_keyring, open_keyring

OTHER = MasterKey(b"\x55" * 32)
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
