import base64
import copy
import hashlib
import hmac
import os
import pickle
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.errors import KeyUnavailable, OutputError
from dermscan.history import KeyPlace, KeyStrength, MasterKey, create_key_file, key_status, load_master_key
from dermscan.history.key_status import seal_of
from dermscan.history.keys import SecretKey
from dermscan.settings import HistorySettings

SECRET = bytes(range(32))
LINE = f"dermscan-master-key 1 {SECRET.hex()}\n"
NO_STORES: tuple[Path, ...] = ()


def settings(key_file: Path | None = None) -> HistorySettings:
    return HistorySettings(key_file=key_file)


def write_key(path: Path, content: str | bytes = LINE, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def credential(folder: Path, content: str = LINE) -> dict[str, str]:
    (folder / "dermscan-master-key").write_text(content, encoding="ascii")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_a_made_key_file_is_private_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"dermscan-master-key 1 [0-9a-f]{64}\n", path.read_text(encoding="ascii"))
    assert load_master_key(settings(path), {}).expose().hex() in path.read_text(encoding="ascii")


def test_a_key_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_key_file(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_two_key_files_hold_two_keys(tmp_path: Path) -> None:
    create_key_file(tmp_path / "one")
    create_key_file(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = write_key(tmp_path / "key")
    with pytest.raises(OutputError, match="never overwritten"):
        create_key_file(path)
    assert path.read_text(encoding="ascii") == LINE
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="never overwritten"):
        create_key_file(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()


def test_a_key_file_in_no_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        create_key_file(tmp_path / "missing" / "key")


def test_a_key_that_does_not_reach_the_disk_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left"):
        create_key_file(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_the_credential_goes_before_the_key_file(tmp_path: Path) -> None:
    other = write_key(tmp_path / "key", f"dermscan-master-key 1 {'ee' * 32}\n")
    assert load_master_key(settings(other), credential(tmp_path)).expose() == SECRET
    assert load_master_key(settings(other), {"CREDENTIALS_DIRECTORY": str(tmp_path / "empty")}).expose()[0] == 0xEE


def test_without_any_key_one_sentence_says_so() -> None:
    with pytest.raises(KeyUnavailable, match="no systemd credential `dermscan-master-key` was passed"):
        load_master_key(settings(), {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o700, 0o601, 0o4600])
def test_a_key_file_that_others_could_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path / "key", mode=mode)
    with pytest.raises(KeyUnavailable, match=f"mode {mode:04o} instead of 0600"):
        load_master_key(settings(path), {})


def test_a_key_file_may_be_read_only(tmp_path: Path) -> None:
    assert load_master_key(settings(write_key(tmp_path / "key", mode=0o400)), {}).expose() == SECRET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = write_key(tmp_path / "key")
    os.chown(path, 65534, 65534)
    with pytest.raises(KeyUnavailable, match="another user"):
        load_master_key(settings(path), {})


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="does not exist; `dermscan keys init`"):
        load_master_key(settings(tmp_path / "key"), {})
    with pytest.raises(KeyUnavailable, match="no regular file"):
        load_master_key(settings(tmp_path), {})
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyUnavailable, match="no regular file"):
        load_master_key(settings(tmp_path / "pipe"), {})
    (tmp_path / "link").symlink_to(write_key(tmp_path / "key"))
    with pytest.raises(KeyUnavailable, match="symbolic link"):
        load_master_key(settings(tmp_path / "link"), {})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        SECRET.hex(),
        LINE.upper(),
        LINE.replace(" 1 ", " 2 "),
        LINE[:-2] + "\n",
        LINE + LINE,
        LINE.strip() + "0\n",
        LINE.replace("00", "zz", 1),
        SECRET,
        b"\xff" * 4096,
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, content: str | bytes) -> None:
    path = write_key(tmp_path / "key", content)
    with pytest.raises(KeyUnavailable, match="holds no key") as caught:
        load_master_key(settings(path), {})
    assert SECRET.hex()[:8] not in str(caught.value)
    assert not str(caught.value).endswith(".")


def test_a_bad_credential_is_not_passed_over_for_the_key_file(tmp_path: Path) -> None:
    good = write_key(tmp_path / "key")
    with pytest.raises(KeyUnavailable, match="the systemd credential holds no key"):
        load_master_key(settings(good), credential(tmp_path, "nonsense"))
    (tmp_path / "dermscan-master-key").unlink()
    (tmp_path / "dermscan-master-key").mkdir()
    with pytest.raises(KeyUnavailable, match="the systemd credential cannot be read"):
        load_master_key(settings(good), {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@given(st.binary(min_size=32, max_size=32))
def test_no_representation_shows_the_key(secret: bytes) -> None:
    key = MasterKey(secret)
    for shown in (repr(key), str(key), f"{key}", f"{key!r}", f"{[key]}"):
        assert shown in {"MasterKey(hidden)", "[MasterKey(hidden)]"}


def test_a_key_cannot_be_pickled_or_copied_away() -> None:
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not leave"):
            take(MasterKey(SECRET))


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_has_thirty_two_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(bytes(length))


def reference_hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 in its own words: extract with a salt of zeros, then expand."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    block, out = b"", b""
    for number in range(1, 3):
        block = hmac.new(extracted, block + info + bytes([number]), hashlib.sha256).digest()
        out += block
    return out[:length]


def test_the_reference_is_rfc_5869s_test_case_3() -> None:
    out = reference_hkdf(b"\x0b" * 22, b"", 42)
    assert out.hex().startswith("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")


@pytest.mark.parametrize("purpose", ["database", "wrapping", "keyring"])
def test_keys_are_derived_as_documented(purpose: str) -> None:
    expected = reference_hkdf(SECRET, f"dermscan 1 {purpose}".encode(), 32)
    assert SecretKey(SECRET).derive(purpose) == expected


def test_the_key_id_is_derived_and_no_part_of_the_key() -> None:
    assert SecretKey(SECRET).key_id == reference_hkdf(SECRET, b"dermscan 1 key id", 16)
    assert SecretKey(SECRET).key_id not in SECRET


def test_status_of_a_key_file(tmp_path: Path) -> None:
    path = write_key(tmp_path / "key")
    status = key_status(settings(path), {}, sealed_stores=NO_STORES, open_stores=NO_STORES)
    assert (status.place, status.strength, status.path) == (KeyPlace.KEY_FILE, KeyStrength.OWNER_ONLY, path)
    assert status.problem is None
    path.chmod(0o644)
    status = key_status(settings(path), {}, sealed_stores=NO_STORES, open_stores=NO_STORES)
    assert status.strength is KeyStrength.EXPOSED
    assert "mode 0644" in (status.problem or "")
    assert SECRET.hex() not in repr(status)


def test_status_without_a_key(tmp_path: Path) -> None:
    status = key_status(settings(), {}, sealed_stores=NO_STORES, open_stores=NO_STORES)
    assert (status.place, status.strength, status.path) == (KeyPlace.NOWHERE, KeyStrength.NONE, None)
    assert "There is no master key" in (status.problem or "")
    status = key_status(settings(tmp_path / "key"), {}, sealed_stores=NO_STORES, open_stores=NO_STORES)
    assert (status.place, status.strength) == (KeyPlace.KEY_FILE, KeyStrength.NONE)
    assert "keys init" in (status.problem or "")


def test_status_inside_the_service(tmp_path: Path) -> None:
    status = key_status(settings(), credential(tmp_path), sealed_stores=NO_STORES, open_stores=NO_STORES)
    assert (status.place, status.strength, status.problem) == (
        KeyPlace.SERVICE_CREDENTIAL,
        KeyStrength.SEALED,
        None,
    )


@pytest.mark.parametrize(
    ("seal", "strength"),
    [
        ("5a1c6a86df9d4096b1d5a65e0862f19a", KeyStrength.HOST),
        ("0c7cc07b117645919c4b0bea08bc20fe", KeyStrength.TPM2),
        ("93a894094874449090caf2fc93cab553", KeyStrength.TPM2_AND_HOST),
        ("058469daf6f54324800549da0f8ea2fb", KeyStrength.EXPOSED),
        ("00" * 16, KeyStrength.SEALED),
    ],
)
def test_status_of_a_sealed_credential(tmp_path: Path, seal: str, strength: KeyStrength) -> None:
    text = base64.b64encode(bytes.fromhex(seal) + bytes(100))
    lines = b"\n".join(text[start : start + 11] for start in range(0, len(text), 11))
    (tmp_path / "dermscan-master-key").write_bytes(lines)
    status = key_status(settings(), {}, sealed_stores=[tmp_path], open_stores=NO_STORES)
    assert (status.place, status.strength) == (KeyPlace.CREDENTIAL_STORE, strength)


@pytest.mark.parametrize("content", [b"", b"?", b"abc", b"\xff\xfe" * 40])
def test_an_unreadable_seal_is_only_called_sealed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sealed").write_bytes(content)
    assert seal_of(tmp_path / "sealed") is KeyStrength.SEALED
    assert seal_of(tmp_path / "missing") is KeyStrength.SEALED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_one_may_not_look_into_is_said_and_not_passed_over() -> None:
    with tempfile.TemporaryDirectory() as name:
        store = Path(name)
        environment = credential(store)
        os.seteuid(65534)
        try:
            with pytest.raises(KeyUnavailable, match="Permission denied"):
                load_master_key(settings(), environment)
            status = key_status(settings(), {}, sealed_stores=[store], open_stores=NO_STORES)
        finally:
            os.seteuid(0)
    assert (status.place, status.problem) == (
        KeyPlace.NOWHERE,
        "Only root can look into systemd's credential stores",
    )


def test_a_credential_in_clear_is_exposed(tmp_path: Path) -> None:
    credential(tmp_path)
    status = key_status(settings(), {}, sealed_stores=NO_STORES, open_stores=[tmp_path])
    assert (status.place, status.strength) == (KeyPlace.CREDENTIAL_STORE, KeyStrength.EXPOSED)
