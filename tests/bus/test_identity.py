"""Who may be who: passwords, access lists, certificates and sockets against a real Mosquitto."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from authority import DAY, NOW, Authority, tls_broker
from dermscan.bus.events import CommandScan, Health, HealthCode, Status, WorkState
from dermscan.bus.identity import PASSWORD_CREDENTIAL, read_identity
from dermscan.errors import BusRefused, SettingsError
from dermscan.settings import BusSettings

if TYPE_CHECKING:
    from broker import MakeBroker, Mosquitto
    from bus.conftest import MakePublisher, Patience


def password_broker(mosquitto: MakeBroker, folder: Path) -> Mosquitto:
    """The device `scanner` may write its own subtree and read its commands; `anyone` may do nothing."""
    passwords, access = folder / "passwords", folder / "access"
    for name, word in (("scanner", "right"), ("anyone", "right"), ("witness", "right")):
        flags = ["-b"] if passwords.exists() else ["-c", "-b"]
        subprocess.run(["mosquitto_passwd", *flags, str(passwords), name, word], check=True)
    access.write_text(
        "user scanner\ntopic write dermscan/room-1/#\ntopic read dermscan/room-1/command/#\n"
        "user anyone\ntopic read nothing\nuser witness\ntopic readwrite dermscan/#\n"
    )
    passwords.chmod(0o600)
    access.chmod(0o600)
    made = mosquitto(extra=["allow_anonymous false", f"password_file {passwords}", f"acl_file {access}"])
    made.client = ["-u", "witness", "-P", "right"]
    return made.start()


def secret(folder: Path, word: str) -> Path:
    path = folder / f"password-{word}"
    path.write_text(word + "\n")
    return path


def test_the_right_password_is_let_in_and_commands_arrive(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience, tmp_path: Path
) -> None:
    broker = password_broker(mosquitto, tmp_path)
    taken: list[CommandScan] = []
    settings = broker.settings(username="scanner", password_file=secret(tmp_path, "right"))
    bus = publisher(settings, on_command=taken.append)
    bus.start(10)
    assert bus.connected
    bus.publish_status(Status(state=WorkState.READY))
    patience(lambda: '"ready"' in broker.retained("dermscan/room-1/status"))
    broker.send("dermscan/room-1/command/scan", payload=b'{"schema_version":1}')
    patience(lambda: len(taken) == 1)


@pytest.mark.parametrize(("user", "word"), [("scanner", "wrong"), ("nobody", "right"), (None, None)])
def test_a_wrong_password_ends_the_start_with_one_sentence(
    mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path, user: str | None, word: str | None
) -> None:
    broker = password_broker(mosquitto, tmp_path)
    settings = broker.settings(username=user, password_file=secret(tmp_path, word) if word else None)
    bus = publisher(settings)
    with pytest.raises(BusRefused, match=r"^The broker refuses this device: not authorized$") as refusal:
        bus.start(10)
    assert refusal.value.exit_code == 51
    assert not bus.connected


def test_a_password_changed_while_running_is_said_once_and_goes_on(
    mosquitto: MakeBroker,
    publisher: MakePublisher,
    patience: Patience,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = password_broker(mosquitto, tmp_path)
    bus = publisher(broker.settings(username="scanner", password_file=secret(tmp_path, "right")))
    bus.start(10)
    broker.stop()
    subprocess.run(["mosquitto_passwd", "-b", str(tmp_path / "passwords"), "scanner", "other"], check=True)
    broker.start()
    patience(lambda: any("refuses this device" in record.message for record in caplog.records))
    bus.publish_status(Status(state=WorkState.READY))
    assert not bus.connected
    assert "right" not in caplog.text


def test_an_access_list_that_is_too_narrow_becomes_a_health_code(
    mosquitto: MakeBroker,
    publisher: MakePublisher,
    patience: Patience,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = password_broker(mosquitto, tmp_path)
    bus = publisher(broker.settings(username="anyone", password_file=secret(tmp_path, "right")))
    bus.start(10)
    bus.publish_health(Health())
    patience(lambda: HealthCode.BROKER_RESTRICTS in bus._troubles)
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1


def test_the_password_comes_from_the_systemd_credential(
    mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = password_broker(mosquitto, tmp_path)
    (tmp_path / PASSWORD_CREDENTIAL).write_text("right")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    bus = publisher(broker.settings(username="scanner"))
    bus.start(10)
    assert bus.connected


def test_a_socket_that_this_user_may_not_open_is_a_refusal(
    mosquitto: MakeBroker, publisher: MakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = mosquitto(unix=True).start()
    assert broker.socket_path is not None
    bus = publisher(broker.settings())
    if os.geteuid() == 0:
        # Nothing is forbidden to root: the kernel's answer is put underneath
        def forbidden(connection: socket.socket, _step: object) -> None:
            connection.close()
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("dermscan.bus.client._closed_on_failure", forbidden)
    else:
        broker.socket_path.chmod(0)
    with pytest.raises(BusRefused, match="may not open its socket"):
        bus.start(10)


def test_tls_with_the_right_authority(mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker"))
    broker.client = ["--cafile", str(authority.file)]
    bus = publisher(broker.settings(ca_file=authority.file))
    bus.start(10)
    assert bus.connected
    witness = broker.witness()
    for progress in range(101):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=progress))
    witness.await_payload("/status", '"progress":100')
    bus.stop()
    assert broker.retained("dermscan/room-1/availability") == "stopped"


def test_a_broker_of_another_authority_is_refused(
    mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path
) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    broker = tls_broker(mosquitto, theirs, theirs.issue("broker"))
    with pytest.raises(BusRefused, match="certificate is not to be trusted"):
        publisher(broker.settings(ca_file=ours.file)).start(10)


def test_an_expired_certificate_is_refused(mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker", until=NOW - DAY))
    with pytest.raises(BusRefused, match="certificate has expired"):
        publisher(broker.settings(ca_file=authority.file)).start(10)


def test_a_certificate_for_another_host_is_refused(
    mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker"))
    with pytest.raises(BusRefused, match="mismatch"):
        publisher(broker.settings(ca_file=authority.file, host="localhost")).start(10)


def test_a_broker_without_tls_is_refused_when_tls_is_asked_for(
    mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "clinic")
    bus = publisher(mosquitto().start().settings(ca_file=authority.file))
    bus.start(10)
    assert not bus.connected


def test_a_client_certificate_is_shown(mosquitto: MakeBroker, publisher: MakePublisher, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker"), "require_certificate true")
    certificate, key = authority.issue("scanner")
    bus = publisher(broker.settings(ca_file=authority.file, certificate_file=certificate, certificate_key_file=key))
    bus.start(10)
    assert bus.connected


def refused(**settings: object) -> str:
    with pytest.raises(SettingsError) as refusal:
        read_identity(BusSettings.model_validate({"transport": "tcp", **settings}))
    assert "\n" not in str(refusal.value)
    assert not str(refusal.value).endswith(".")
    return str(refusal.value)


def test_unusable_files_and_contradictions_are_one_clear_sentence(tmp_path: Path) -> None:
    absent, noise = tmp_path / "absent", tmp_path / "noise"
    noise.write_bytes(b"\xff\xfenoise")
    authority = Authority(tmp_path, "clinic")
    certificate, key = authority.issue("scanner")
    _, other_key = authority.issue("other")
    assert "needs bus.username" in refused(password_file=absent)
    assert "No such file" in refused(username="scanner", password_file=absent)
    assert "not UTF-8" in refused(username="scanner", password_file=noise)
    assert "No such file" in refused(ca_file=absent)
    assert "holds no certificate" in refused(ca_file=noise)
    assert "needs bus.ca_file" in refused(certificate_file=certificate)
    assert "tcp transport only" in refused(transport="unix", ca_file=authority.file)
    shown = {"ca_file": authority.file, "certificate_file": certificate}
    assert "No such file" in refused(**shown, certificate_key_file=absent)
    assert "belong together" in refused(**shown, certificate_key_file=other_key)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    assert "encrypted" in refused(**shown, certificate_key_file=locked)


def test_the_password_is_in_no_repr(tmp_path: Path) -> None:
    identity = read_identity(BusSettings(username="scanner", password_file=secret(tmp_path, "canary")))
    assert identity.password == "canary"
    assert "canary" not in repr(identity)


def test_without_a_credential_there_is_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_identity(BusSettings(username="scanner")).password is None
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert read_identity(BusSettings(username="scanner")).password is None
