"""A broker that refuses the device or is the wrong one: one sentence, or a code, and scanning goes on."""

import json
from pathlib import Path

import pytest

from appliance import Appliance, wait_until
from authority import DAY, NOW, Authority, tls_broker
from broker import MakeBroker


def refused(appliance: Appliance) -> tuple[int, str]:
    done = appliance.call("run")
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("dermscan: ")]
    assert len(sentences) == 1, done.stderr
    return done.returncode, sentences[0]


def over_tls(appliance: Appliance, port: int, authority: Authority, shown: tuple[Path, Path] | None) -> Appliance:
    bus = {"transport": "tcp", "host": "127.0.0.1", "port": port, "ca_file": authority.file}
    if shown is not None:
        bus |= {"certificate_file": shown[0], "certificate_key_file": shown[1]}
    appliance.sections["bus"] = bus
    return appliance


def test_a_client_certificate_that_has_expired(appliance: Appliance, mosquitto: MakeBroker, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker"), "require_certificate true")
    shown = authority.issue("room-1", until=NOW - DAY)
    code, sentence = refused(over_tls(appliance, broker.port, authority, shown))
    assert code == 51
    assert "certificate" in sentence


def test_a_client_certificate_that_is_missing(appliance: Appliance, mosquitto: MakeBroker, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clinic")
    broker = tls_broker(mosquitto, authority, authority.issue("broker"), "require_certificate true")
    code, sentence = refused(over_tls(appliance, broker.port, authority, None))
    assert code == 51
    assert "certificate" in sentence


def test_a_broker_of_another_authority(appliance: Appliance, mosquitto: MakeBroker, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "clinic"), Authority(tmp_path, "other")
    broker = tls_broker(mosquitto, other, other.issue("broker"))
    code, sentence = refused(over_tls(appliance, broker.port, authority, None))
    assert code == 51
    assert "certificate" in sentence


@pytest.mark.parametrize("label", ["+", "ward/#"])
def test_a_label_that_would_reach_beyond_its_subtree(appliance: Appliance, label: str) -> None:
    appliance.sections["device"]["label"] = label
    code, sentence = refused(appliance)
    assert code == 10
    assert "line 2: device.label" in sentence


def test_an_access_list_that_is_too_narrow_is_a_code_and_scanning_goes_on(
    appliance: Appliance, mosquitto: MakeBroker, tmp_path: Path
) -> None:
    access = tmp_path / "access"
    access.write_text("topic read nothing\n", encoding="ascii")
    access.chmod(0o600)
    broker = mosquitto(unix=True, extra=["allow_anonymous true", f"acl_file {access}"]).start()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    state = tmp_path / "state.json"
    appliance.sections["health"] = {"state_file": state}
    running = appliance.start()
    running.await_line("Scan filed")
    wait_until(lambda: state.exists() and "broker_restricts" in json.loads(state.read_bytes())["codes"])
    assert running.said.count("does not let this device use its own topics") == 1
    running.stop()
    assert running.process.returncode == 0
