"""The history's key at the first start: made once, sealed by the real systemd-creds, never over another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dermscan.errors import HistoryUnavailable, KeyRefused, KeyUnavailable, OutputError
from dermscan.history.key_status import KeyPlace, KeyStrength, slot_status
from dermscan.history.keys import CREDENTIAL, MasterKey, load_key_file
from dermscan.history.recovery import RecoveryKey
from dermscan.history.store import History
from dermscan.settings import HistorySettings
from dermscan.setup.keeping import (
    SEALER,
    fetch_key,
    has_recovery_words,
    make_recovery_words,
    provide_key,
    seal_key,
)


@pytest.fixture
def history(tmp_path: Path) -> HistorySettings:
    return HistorySettings(folder=tmp_path / "history", key_file=tmp_path / "key")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "credstore"


def test_a_key_file_is_made_once(history: HistorySettings, store: Path) -> None:
    first = provide_key("file", history, store)
    content = (history.key_file or Path()).read_bytes()
    again = provide_key("file", history, store)
    assert (first.place, first.strength) == (KeyPlace.KEY_FILE, KeyStrength.OWNER_ONLY)
    assert again == first
    assert (history.key_file or Path()).read_bytes() == content


def test_no_key_is_made_where_none_is_wanted(history: HistorySettings, store: Path) -> None:
    assert provide_key("later", history, store).strength is KeyStrength.NONE
    assert not history.folder.exists()


def test_a_history_without_its_key_gets_no_other_one(history: HistorySettings, store: Path) -> None:
    History.open(history.folder, MasterKey.generate()).close()
    with pytest.raises(KeyUnavailable, match="put the key back"):
        provide_key("file", history, store)
    assert not (history.key_file or Path()).exists()


def test_a_file_must_have_a_name(tmp_path: Path, store: Path) -> None:
    with pytest.raises(KeyUnavailable, match=r"history\.key_file"):
        provide_key("file", HistorySettings(folder=tmp_path / "history"), store)


def test_without_the_sealer_one_sentence(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KeyUnavailable, match="systemd-creds is not installed"):
        seal_key(MasterKey.generate(), "sealed", store)


def test_a_sealer_that_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """As where there is no TPM2, or the caller is not root."""
    refusing = tmp_path / SEALER
    refusing.write_text('#!/bin/sh\ncat >/dev/null\necho half >"$5"\nexit 1\n', encoding="ascii")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(KeyUnavailable, match="does not seal it here"):
        seal_key(MasterKey.generate(), "tpm2", store)
    assert list(store.iterdir()) == []


def test_where_the_tpm_does_not_take_it_systemd_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """The TPM is asked for by name first: systemd's own choice passes over one that no UEFI firmware speaks of."""
    choosing = tmp_path / SEALER
    choosing.write_text(
        f'#!/bin/sh\ncat >/dev/null\necho "$2" >>{tmp_path}/asked\necho "$2" >"$5"\n[ "$2" = --with-key=auto ]\n',
        encoding="ascii",
    )
    choosing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    seal_key(MasterKey.generate(), "sealed", store)
    assert (tmp_path / "asked").read_text(encoding="ascii").split() == ["--with-key=host+tpm2", "--with-key=auto"]
    assert [path.read_text(encoding="ascii") for path in store.iterdir()] == ["--with-key=auto\n"]


def test_a_store_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    if shutil.which(SEALER) is None:
        pytest.skip("systemd-creds is not installed")
    (tmp_path / "file").write_text("x", encoding="ascii")
    with pytest.raises(OutputError):
        seal_key(MasterKey.generate(), "host", tmp_path / "file" / "store")


SEALED = """
import sys
from pathlib import Path
from dermscan.errors import KeyUnavailable
from dermscan.history.key_status import KeyStrength
from dermscan.settings import HistorySettings
from dermscan.setup.keeping import fetch_key, has_recovery_words, make_recovery_words, provide_key
folder = Path(sys.argv[1])
history, store = HistorySettings(folder=folder / "history"), folder / "credstore"
made = provide_key("host", history, store)
assert made.strength is KeyStrength.HOST, made
assert provide_key("sealed", history, store) == made
key = fetch_key(made, history)
assert fetch_key(made, history).key_id == key.key_id
assert len(make_recovery_words(history, key)) == 24
assert has_recovery_words(history)
Path("/var/lib/systemd/credential.secret").unlink()  # as when a TPM was cleared
try:
    fetch_key(made, history)
except KeyUnavailable as error:
    assert "does not open here" in str(error)
else:
    sys.exit("it opened")
"""


def test_a_key_sealed_by_systemd_opens_again_and_is_nowhere_in_clear(tmp_path: Path) -> None:
    """With the host's own key, which lies in a name space of the test's own."""
    if os.geteuid() != 0 or shutil.which(SEALER) is None:
        pytest.skip("sealing needs root and systemd-creds")
    apart = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /var/lib/systemd; exec "$@"', "sh"]
    done = subprocess.run(
        [*apart, sys.executable, "-c", SEALED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sealed = tmp_path / "credstore" / CREDENTIAL
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert all(b"dermscan-master-key 1 " not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_recovery_words_open_the_history_and_a_wrong_key_does_not(history: HistorySettings, store: Path) -> None:
    status = provide_key("file", history, store)
    words = make_recovery_words(history, fetch_key(status, history))
    assert has_recovery_words(history)
    recovery = RecoveryKey.from_words(" ".join(words))
    assert recovery.key_id.hex() in {slot.key_id for slot in slot_status(history) if slot.kind == "recovery"}
    with pytest.raises(KeyRefused):
        make_recovery_words(history, MasterKey.generate())


def test_words_are_not_made_while_the_service_has_the_history(history: HistorySettings, store: Path) -> None:
    status = provide_key("file", history, store)
    key = load_key_file(history.key_file or Path())
    with History.open(history.folder, key), pytest.raises(HistoryUnavailable, match="stop the service first"):
        make_recovery_words(history, fetch_key(status, history))
