"""Where the master key lies and how well it is kept there, for the technician. The key itself is never looked at."""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dermscan.errors import HistoryUnavailable, KeyUnavailable
from dermscan.history.keyring import SlotKind, has_keyring, read_slots
from dermscan.history.keys import CREDENTIAL, credential_path, load_master_key
from dermscan.settings import HistorySettings

SEALED_STORES = (
    Path("/etc/credstore.encrypted"),
    Path("/run/credstore.encrypted"),
    Path("/usr/lib/credstore.encrypted"),
)
OPEN_STORES = (Path("/etc/credstore"), Path("/run/credstore"), Path("/usr/lib/credstore"))
"""Where systemd looks for credentials by name (systemd.exec(5), LoadCredentialEncrypted=)."""


class KeyPlace(StrEnum):
    """Where the master key lies."""

    CREDENTIAL_STORE = "credential_store"
    SERVICE_CREDENTIAL = "service_credential"
    KEY_FILE = "key_file"
    NOWHERE = "nowhere"


class KeyStrength(StrEnum):
    """What keeps the master key from someone who takes the disk away, best first.

    `TPM2` and `TPM2_AND_HOST`: it opens on this very device only. `HOST`: the key that opens it lies on the same disk,
    readable by root. `SEALED`: encrypted, in a way that cannot be told from here. `OWNER_ONLY`: in clear, only
    file permissions guard it. `EXPOSED`: in clear or as good as that. `NONE`: there is no key.
    """

    TPM2_AND_HOST = "tpm2_and_host"
    TPM2 = "tpm2"
    HOST = "host"
    SEALED = "sealed"
    OWNER_ONLY = "owner_only"
    EXPOSED = "exposed"
    NONE = "none"


_SEALS = {
    "5a1c6a86df9d4096b1d5a65e0862f19a": KeyStrength.HOST,
    "55b9ed1d38594d43a8319d2ebb332ac6": KeyStrength.HOST,
    "0c7cc07b117645919c4b0bea08bc20fe": KeyStrength.TPM2,
    "faf7eb9341e3412ca1a436f95a29362f": KeyStrength.TPM2,
    "93a894094874449090caf2fc93cab553": KeyStrength.TPM2_AND_HOST,
    "ef4ac13679a9480ea7db68897f9f165d": KeyStrength.TPM2_AND_HOST,
    "af4950a849134eb1a73846304ff30c05": KeyStrength.TPM2_AND_HOST,
    "adbc4ca3efb64201ba881b6f2e4095ea": KeyStrength.TPM2_AND_HOST,
    "058469daf6f54324800549da0f8ea2fb": KeyStrength.EXPOSED,
}
"""The first 16 bytes of an encrypted credential name its seal (systemd's src/shared/creds-util.h)."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """Where the master key lies and how strong that is.

    Attributes:
        place: The kind of place.
        strength: What keeps the key there.
        path: The file that holds it, None when there is none.
        problem: Why the key cannot be used from there, one sentence; None when nothing is known to be wrong.
    """

    place: KeyPlace
    strength: KeyStrength
    path: Path | None
    problem: str | None = None


def key_status(
    settings: HistorySettings,
    environment: Mapping[str, str] = os.environ,
    *,
    sealed_stores: Sequence[Path] = SEALED_STORES,
    open_stores: Sequence[Path] = OPEN_STORES,
) -> KeyStatus:
    """Tell where the master key lies, in the order in which the service would look for it.

    Outside the service the credential itself is not to be seen, so systemd's credential stores are looked at instead.
    """
    sealed = _first(sealed_stores)
    if sealed is not None:
        return KeyStatus(KeyPlace.CREDENTIAL_STORE, seal_of(sealed), sealed)
    clear = _first(open_stores)
    if clear is not None:
        return KeyStatus(KeyPlace.CREDENTIAL_STORE, KeyStrength.EXPOSED, clear)
    passed = credential_path(environment)
    if passed is not None:
        return _tried(settings, environment, KeyStatus(KeyPlace.SERVICE_CREDENTIAL, KeyStrength.SEALED, passed))
    if settings.key_file is not None:
        status = KeyStatus(KeyPlace.KEY_FILE, _file_strength(settings.key_file), settings.key_file)
        return _tried(settings, environment, status)
    if any(_is_closed(store) for store in (*sealed_stores, *open_stores)):
        problem = "Only root can look into systemd's credential stores"
        return KeyStatus(KeyPlace.NOWHERE, KeyStrength.NONE, None, problem)
    return _tried(settings, environment, KeyStatus(KeyPlace.NOWHERE, KeyStrength.NONE, None))


@dataclass(frozen=True, slots=True)
class SlotStatus:
    """A key that opens the history.

    Attributes:
        kind: `master` or `recovery`; `unknown` where a later version of this software made it.
        key_id: Its public name, 32 hexadecimal digits.
        is_here: Whether it is the master key that can be had here.
    """

    kind: str
    key_id: str
    is_here: bool


def slot_status(settings: HistorySettings, environment: Mapping[str, str] = os.environ) -> tuple[SlotStatus, ...]:
    """Tell which keys open the history; nothing where there is no history or it may not be looked into.

    Raises:
        HistoryCorrupt: Neither the keyring nor its copy is sound.
    """
    try:
        slots = read_slots(settings.folder) if has_keyring(settings.folder) else []
    except HistoryUnavailable:
        return ()
    try:
        here = load_master_key(settings, environment).key_id
    except KeyUnavailable:
        here = b""
    return tuple(SlotStatus(_kind(slot.kind), slot.key_id.hex(), slot.key_id == here) for slot in slots)


def _kind(kind: int) -> str:
    return SlotKind(kind).name.lower() if kind in set(SlotKind) else "unknown"


def seal_of(path: Path) -> KeyStrength:
    """Tell by its first bytes how an encrypted credential is sealed; `SEALED` where they are unknown or unreadable."""
    try:
        with path.open("rb") as file:
            first = b"".join(file.read(64).split())[:24]
        return _SEALS.get(base64.b64decode(first)[:16].hex(), KeyStrength.SEALED)
    except (OSError, binascii.Error):
        return KeyStrength.SEALED


def _first(stores: Sequence[Path]) -> Path | None:
    return next(
        (store / CREDENTIAL for store in stores if os.access(store / CREDENTIAL, os.F_OK, effective_ids=True)), None
    )


def _is_closed(store: Path) -> bool:
    return store.is_dir() and not os.access(store, os.X_OK, effective_ids=True)


def _file_strength(path: Path) -> KeyStrength:
    try:
        shared = path.stat().st_mode & 0o077
    except OSError:
        return KeyStrength.NONE
    return KeyStrength.EXPOSED if shared else KeyStrength.OWNER_ONLY


def _tried(settings: HistorySettings, environment: Mapping[str, str], status: KeyStatus) -> KeyStatus:
    try:
        load_master_key(settings, environment)
    except KeyUnavailable as error:
        return KeyStatus(status.place, status.strength, status.path, str(error))
    return status
