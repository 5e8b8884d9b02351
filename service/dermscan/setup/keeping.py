"""Gives the history its key, sealed to this machine where that can be done. The key is never shown or logged.

What is there already stays: a key is never made where one is, nor where a history is that it would not open.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from dermscan.errors import KeyUnavailable, OutputError
from dermscan.history.key_status import SEALED_STORES, KeyPlace, KeyStatus, KeyStrength, key_status, slot_status
from dermscan.history.keyring import has_keyring
from dermscan.history.keys import (
    CREDENTIAL,
    MasterKey,
    create_key_file,
    key_line,
    load_key_file,
    load_master_key,
    parse_key_line,
)
from dermscan.history.store import History
from dermscan.settings import HistorySettings
from dermscan.setup.answers import KeyPlace as WantedPlace

SEALER = "systemd-creds"
SEALS = {"sealed": ("host+tpm2", "auto"), "tpm2": ("tpm2",), "host": ("host",)}
"""What systemd-creds is asked for, one after the other, by the answer (systemd-creds(1), --with-key=).

`auto` alone would take a TPM2 only where UEFI firmware speaks of it, which is not so on most boards.
"""

SERVICE_USER = "dermscan"
PATIENCE_S = 60


def provide_key(place: WantedPlace, history: HistorySettings, store: Path = SEALED_STORES[0]) -> KeyStatus:
    """See to it that there is a key, and tell where it lies.

    Args:
        place: Where it shall lie if it must be made.
        history: The history that it opens.
        store: Folder of systemd's encrypted credentials.

    Raises:
        KeyUnavailable: It cannot be made, or there is a history without its key.
        OutputError: It cannot be written.
    """
    found = _status(history, store)
    if found.strength is not KeyStrength.NONE or place == "later":
        return found
    if has_keyring(history.folder):
        raise KeyUnavailable(problem="there is a history without its key; put the key back, or move the history away")
    if place == "file":
        if history.key_file is None:
            raise KeyUnavailable(problem="history.key_file must name the file that is to be made")
        create_key_file(history.key_file)
    else:
        seal_key(MasterKey.generate(), place, store)
    return _status(history, store)


def _status(history: HistorySettings, store: Path) -> KeyStatus:
    return key_status(history, sealed_stores=(store, *SEALED_STORES[1:]))


def seal_key(key: MasterKey, place: WantedPlace, store: Path) -> None:
    """Seal a key as an encrypted credential; in clear it is in a pipe only.

    Raises:
        KeyUnavailable: systemd-creds is missing or refuses.
        OutputError: The store cannot be written.
    """
    program = shutil.which(SEALER)
    if program is None:
        raise KeyUnavailable(problem=f"{SEALER} is not installed, and no key can be sealed without it")
    target, waiting = store / CREDENTIAL, store / f".{CREDENTIAL}.new"
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(_sealed(program, how, key, waiting) for how in SEALS[place]):
            raise KeyUnavailable(problem=f"{SEALER} does not seal it here; is there a TPM2, and is this root")
        waiting.chmod(0o600)
        waiting.replace(target)
    except OSError as error:
        raise OutputError(target=target, problem=error.strerror) from None
    except subprocess.TimeoutExpired:
        raise KeyUnavailable(problem=f"{SEALER} does not answer") from None


def _sealed(program: str, how: str, key: MasterKey, target: Path) -> bool:
    target.unlink(missing_ok=True)
    words = [program, "encrypt", f"--with-key={how}", f"--name={CREDENTIAL}", "-", str(target)]
    done = subprocess.run(  # noqa: S603 - fixed words only
        words, input=key_line(key), capture_output=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode:
        target.unlink(missing_ok=True)
    return done.returncode == 0


def fetch_key(status: KeyStatus, history: HistorySettings) -> MasterKey:
    """The key itself, for making recovery words; a sealed one is opened by root only, and through a pipe.

    Raises:
        KeyUnavailable: It cannot be had here.
    """
    if status.place is KeyPlace.KEY_FILE and status.path is not None:
        return load_key_file(status.path)
    if status.place is not KeyPlace.CREDENTIAL_STORE or status.path is None:
        return load_master_key(history)
    words = [SEALER, "decrypt", f"--name={CREDENTIAL}", str(status.path), "-"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words only
            words, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise KeyUnavailable(problem=f"{SEALER} does not answer") from None
    if done.returncode:
        raise KeyUnavailable(problem="the sealed credential does not open here; it may be another machine's")
    return parse_key_line(done.stdout, "the sealed credential")


def has_recovery_words(history: HistorySettings) -> bool:
    """Whether recovery words open the history already."""
    return any(slot.kind == "recovery" for slot in slot_status(history))


def make_recovery_words(history: HistorySettings, key: MasterKey) -> list[str]:
    """Make recovery words, and the history where there is none yet; both belong to the service afterwards.

    Raises:
        HistoryError: The history cannot be opened, or the service runs.
    """
    with History.open(history.folder, key) as opened:
        words = opened.make_recovery_key().words()
    _hand_over(history.folder)
    return words


def _hand_over(folder: Path) -> None:
    """Let the service's user own what root has made."""
    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
