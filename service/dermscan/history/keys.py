"""The master key: where it comes from and what follows from it. It is never shown, logged or written elsewhere."""

import errno
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dermscan.errors import KeyUnavailable
from dermscan.private_files import new_private_file
from dermscan.settings import HistorySettings

CREDENTIAL = "dermscan-master-key"
"""Name of the systemd credential, and first word of a key file."""

KEY_BYTES = 32
KEY_ID_BYTES = 16

_FORM = re.compile(rb"dermscan-master-key 1 ([0-9a-f]{64})\n?")
_LONGEST = 128


class SecretKey:
    """32 secret bytes that no representation, log or pickle of theirs shows."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take over exactly 32 bytes."""
        if len(secret) != KEY_BYTES:
            message = f"a key has {KEY_BYTES} bytes"
            raise ValueError(message)
        self._secret = bytes(secret)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the system's random source."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def expose(self) -> bytes:
        """The 32 bytes themselves, for a cipher only."""
        return self._secret

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """Derive `length` bytes for one purpose by HKDF-SHA256 (RFC 5869), without salt, purpose as info."""
        return HKDF(SHA256(), length, salt=None, info=f"dermscan 1 {purpose}".encode()).derive(self._secret)

    @property
    def key_id(self) -> bytes:
        """16 bytes that name the key and tell nothing about it."""
        return self.derive("key id", KEY_ID_BYTES)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __reduce__(self) -> NoReturn:
        message = "a key does not leave its process"
        raise TypeError(message)


class MasterKey(SecretKey):
    """The key that the device holds outside the history; it opens the keyring and nothing else."""

    __slots__ = ()


def load_master_key(settings: HistorySettings, environment: Mapping[str, str] = os.environ) -> MasterKey:
    """Fetch the master key from the systemd credential, or else from the key file of the settings.

    Raises:
        KeyUnavailable: There is none, it is no key, or others could have read the key file.
    """
    credential = credential_path(environment)
    if credential is not None:
        return _parse(_read(credential), "the systemd credential")
    if settings.key_file is not None:
        return load_key_file(settings.key_file)
    raise KeyUnavailable(problem=f"no systemd credential `{CREDENTIAL}` was passed and the settings name no key file")


def load_key_file(path: Path) -> MasterKey:
    """Read a key file.

    Raises:
        KeyUnavailable: There is none, it is no key, or others could have read it.
    """
    return _parse(_read_private(path), f"the key file {path}")


def credential_path(environment: Mapping[str, str]) -> Path | None:
    """Where systemd has put the credential for this process, None when it has not."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(folder, CREDENTIAL) if folder else None
    return path if path is not None and _is_there(path) else None


def key_line(key: MasterKey) -> bytes:
    """The form in which a key is sealed or kept in a file; see docs/history.md."""
    return b"%s 1 %s\n" % (CREDENTIAL.encode(), key.expose().hex().encode())


def parse_key_line(content: bytes, place: str) -> MasterKey:
    """Read a key of that form.

    Args:
        content: The line.
        place: Where it comes from, for the error.

    Raises:
        KeyUnavailable: It is no key.
    """
    return _parse(content, place)


def create_key_file(path: Path) -> None:
    """Write a new master key, readable by its owner only from the first byte on; see docs/history.md for the form.

    Raises:
        OutputError: Something is there already (it is left as it is), or the file cannot be written.
    """
    line = key_line(MasterKey.generate())
    with new_private_file(path, "there is a file already, and a key is never overwritten") as file:
        file.write(line)


def _is_there(path: Path) -> bool:
    """Whether it is not certain that there is no such file: one that cannot be looked at must not be passed over."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError as error:
        raise KeyUnavailable(problem=f"the systemd credential cannot be read: {error.strerror}") from None


def _read_private(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _refuse_shared(path, os.fstat(descriptor))
            return os.read(descriptor, _LONGEST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyUnavailable(problem=f"the key file {path} {_why(error)}") from None


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "does not exist; `dermscan keys init` makes one"
    if error.errno == errno.ELOOP:
        return "is a symbolic link"
    return f"cannot be read: {error.strerror}"


def _refuse_shared(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnavailable(problem=f"the key file {path} is no regular file")
    if status.st_uid != os.geteuid():
        raise KeyUnavailable(problem=f"the key file {path} belongs to another user")
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~0o600:
        raise KeyUnavailable(problem=f"the key file {path} has mode {mode:04o} instead of 0600")


def _parse(content: bytes, place: str) -> MasterKey:
    form = _FORM.fullmatch(content)
    if form is None:
        raise KeyUnavailable(problem=f"{place} holds no key of the form this software knows")
    return MasterKey(bytes.fromhex(form[1].decode()))
