"""The console on a clinic's network: TLS with the clinic's own authority, and what else a browser is told then."""

import base64
import hashlib
import http.client
import ipaddress
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser

from appliance import Appliance
from authority import Authority
from bedside import ARGUMENTS, becomes_true
from broker import MakeBroker, program
from clinic import Clinic
from console.exam_room import exam_room
from console.visiting import PIN, Visitor
from dermscan.console.desk import Desk
from dermscan.console.serving import configured
from dermscan.errors import SettingsError
from dermscan.settings import ConsoleSettings, Settings

NAME = "scanner-1.clinic.example"
ADDRESS = "127.0.0.2"
"""Stands for the clinic's interface: loopback for the machine, but none of the three addresses that need no TLS."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "clinic")


@pytest.fixture
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("console", more=[x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address(ADDRESS))])


@pytest.fixture
def settings(settings: Settings, certificate: tuple[Path, Path]) -> Settings:
    return with_certificate(settings, certificate)


def with_certificate(settings: Settings, certificate: tuple[Path, Path]) -> Settings:
    named = {"host": ADDRESS, "name": NAME, "certificate_file": certificate[0], "certificate_key_file": certificate[1]}
    console = ConsoleSettings.model_validate({**settings.console.model_dump(), **named})
    return settings.model_copy(update={"console": console})


class Named(http.client.HTTPConnection):
    """A way to the clinic's address by the name that the certificate has to have."""

    def __init__(self, name: str, port: int, trusted: ssl.SSLContext) -> None:
        super().__init__(name, port, timeout=60)
        self._trusted = trusted

    def connect(self) -> None:
        plain = socket.create_connection((ADDRESS, self.port), 60)
        try:
            self.sock = self._trusted.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise


@dataclass
class SecureVisitor(Visitor):
    """A visitor by TLS who trusts the clinic's authority."""

    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    name: str = NAME

    @property
    def host(self) -> str:
        return f"{self.name}:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        return Named(self.name, self.port, self.trusted)


@pytest.fixture
def secure(clinic: Clinic, port: int, authority: Authority) -> SecureVisitor:
    del clinic
    return SecureVisitor(port, trusted=ssl.create_default_context(cafile=str(authority.file)))


def test_it_is_found_by_its_name_and_the_session_is_bound_to_it(secure: SecureVisitor) -> None:
    answer = secure.get("/sign-in")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    answer = secure.post("/sign-in", name="a.wren", passphrase=PIN)
    assert (answer.status, answer.location) == (303, "/lesions")
    (cookie,) = answer.headers.get_all("Set-Cookie") or []
    assert re.fullmatch(r"__Host-dermscan-session=[\w-]+; HttpOnly; Path=/; SameSite=strict; Secure", cookie)
    assert secure.get("/lesions").status == 200
    plain = {name.removeprefix("__Host-"): value for name, value in secure.cookies.items()}
    secure.cookies = plain
    assert secure.get("/lesions").location == "/sign-in"


def test_a_form_must_come_from_its_own_address_by_tls(secure: SecureVisitor) -> None:
    secure.sign_in()
    body = urlencode({"language": "de", "token": secure.token}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert secure.ask("POST", "/prefer", body, **kind, Origin=f"https://{secure.host}").status == 303
    assert secure.ask("POST", "/prefer", body, **kind, Origin=f"http://{secure.host}").status == 403


def test_nobody_is_taken_for_it(secure: SecureVisitor, port: int, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    for name, authority in ((NAME, stranger.file), ("scanner-2.clinic.example", tmp_path / "clinic.pem")):
        other = SecureVisitor(port, trusted=ssl.create_default_context(cafile=str(authority)), name=name)
        with pytest.raises(ssl.SSLCertVerificationError):
            other.get("/sign-in")
    assert secure.get("/sign-in").status == 200
    secure.name = ADDRESS
    assert secure.get("/sign-in").status == 200


def test_it_says_nothing_in_clear_and_nothing_by_an_older_tls(secure: SecureVisitor, port: int) -> None:
    with socket.create_connection((ADDRESS, port), 60) as plain:
        plain.sendall(b"GET /sign-in HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"HTTP/" not in plain.recv(1024)
    assert secure.get("/sign-in").status == 200
    secure.trusted.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        secure.get("/sign-in")


def test_a_key_of_another_certificate_and_a_missing_one_are_told(
    settings: Settings, authority: Authority, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    for key in (authority.issue("other")[1], tmp_path / "nothing.key"):
        with pytest.raises(SettingsError, match=r"console\.certificate_file and its key"):
            configured(Desk.of(with_certificate(settings, (certificate[0], key))))


def test_chromium_signs_in_by_tls_and_sees_a_picture(
    appliance: Appliance,
    drawn: tuple[Path, Clinic],
    mosquitto: MakeBroker,
    chromium: Browser,
    certificate: tuple[Path, Path],
) -> None:
    folder, _ = drawn
    known = f"--ignore-certificate-errors-spki-list={pin_of(certificate[0])}"
    arguments = [*ARGUMENTS, known, f"--host-resolver-rules=MAP {NAME} {ADDRESS}"]
    browser = chromium.browser_type.launch(executable_path=program("chromium", "chromium"), args=arguments)
    with exam_room(appliance, folder / "history", folder / "key", mosquitto(unix=True), browser) as room:
        room.appliance.sections["console"] |= {
            "host": ADDRESS,
            "name": NAME,
            "certificate_file": certificate[0],
            "certificate_key_file": certificate[1],
        }
        room.start_console()
        assert room.address.startswith(f"https://{ADDRESS}:")
        room.address = room.address.replace(ADDRESS, NAME)
        page = room.sign_in()
        page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
        page.wait_for_url("**/lesion/*")
        becomes_true(page, "document.querySelector('.timeline img')?.naturalWidth > 0")
        assert page.evaluate("[isSecureContext, document.cookie]") == [True, ""]
        kept = {cookie.get("name"): cookie for cookie in page.context.cookies()}
        assert set(kept) == {"__Host-dermscan-session", "__Host-dermscan-visitor"}
        assert all(cookie.get("secure") and cookie.get("httpOnly") for cookie in kept.values())
        assert room.complaints == []
    browser.close()


def pin_of(certificate: Path) -> str:
    """The hash of a certificate's key, by which Chromium is told to trust it and no other."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(hashlib.sha256(key.public_bytes(*form)).digest()).decode()
