"""By what the broker knows this device, and this device the broker: read once at start, never logged."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from dermscan.errors import SettingsError
from dermscan.settings import BusSettings

PASSWORD_CREDENTIAL = "dermscan-bus-password"  # noqa: S105 - the name of the systemd credential, no secret


@dataclass(frozen=True, slots=True)
class Identity:
    """What is shown to the broker and what the broker is checked against.

    Attributes:
        username: Name by which the broker knows this device, None for an anonymous one.
        password: Its password; never in a `repr`.
        tls: How the connection is protected, None over a Unix socket or loopback.
    """

    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None


def read_identity(settings: BusSettings) -> Identity:
    """Read the password and the certificates that the settings name.

    Raises:
        SettingsError: A file cannot be read or is not what it should be, or the settings contradict each other.
    """
    if settings.password_file is not None and settings.username is None:
        raise SettingsError(problem="bus.password_file needs bus.username")
    return Identity(settings.username, _password(settings), _tls(settings))


def _password(settings: BusSettings) -> str | None:
    if settings.username is None:
        return None
    if settings.password_file is not None:
        return _secret(settings.password_file)
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / PASSWORD_CREDENTIAL
    return _secret(credential) if "CREDENTIALS_DIRECTORY" in os.environ and credential.exists() else None


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError(problem=f"the bus password in {path} is not UTF-8 text") from None
    except OSError as error:
        raise SettingsError(problem=f"the bus password in {path} cannot be read: {error.strerror}") from None


def _tls(settings: BusSettings) -> ssl.SSLContext | None:
    if settings.ca_file is None:
        if settings.certificate_file is not None:
            raise SettingsError(problem="bus.certificate_file needs bus.ca_file")
        return None
    if settings.transport == "unix":
        raise SettingsError(problem="bus.ca_file is for the tcp transport only")
    context = _trusting(settings.ca_file)
    if settings.certificate_file is not None:
        _load_certificate(context, settings.certificate_file, settings.certificate_key_file)
    return context


def _trusting(ca_file: Path) -> ssl.SSLContext:
    """A context that trusts this authority and no other: not the system's, which would let any web site in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise SettingsError(problem=f"bus.ca_file {ca_file} holds no certificate") from None
    except OSError as error:
        raise SettingsError(problem=f"bus.ca_file {ca_file} cannot be read: {error.strerror}") from None
    return context


def _refuse_to_ask() -> str:
    """OpenSSL would ask on the terminal for an encrypted key's passphrase; a service has nobody to answer."""
    return ""


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_refuse_to_ask)
    except ssl.SSLError:
        problem = f"bus.certificate_file {certificate} and its key are damaged, encrypted or do not belong together"
        raise SettingsError(problem=problem) from None
    except OSError as error:
        problem = f"bus.certificate_file {certificate} or its key cannot be read: {error.strerror}"
        raise SettingsError(problem=problem) from None
