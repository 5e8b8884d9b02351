"""The bridge to a clinic's broker, with two real Mosquittos: status only, one way, under the device's own name."""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance import wait_until
from broker import Mosquitto, Witness, free_port, own_name
from node import CHECKOUT

FLEET = CHECKOUT / "deploy" / "fleet"
OWN = "dermscan/room-1"


def authority(folder: Path, name: str) -> None:
    """A certificate authority."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files: list[str | Path] = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    subprocess.run([*new, "-subj", f"/CN={name}", *files, *usage], check=True, capture_output=True)


def certificate(folder: Path, name: str, common_name: str, signer: str = "clinic-authority") -> None:
    """A key and a certificate for 127.0.0.1."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request, key = folder / f"{name}.csr", folder / f"{name}.key"
    subject = ["-subj", f"/CN={common_name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*new, *subject, "-keyout", key, "-out", request], check=True, capture_output=True)
    signing: list[str | Path] = [
        "-CA",
        folder / f"{signer}.pem",
        "-CAkey",
        folder / f"{signer}.key",
        "-copy_extensions",
        "copy",
    ]
    command = ["openssl", "x509", "-req", "-in", request, *signing, "-days", "2", "-out", folder / f"{name}.pem"]
    subprocess.run(command, check=True, capture_output=True)


def filled(name: str, **names: str) -> list[str]:
    text = (FLEET / name).read_text(encoding="utf-8")
    for key, value in names.items():
        text = text.replace(f"@{key}@", value)
    assert "@" not in "".join(line for line in text.splitlines() if not line.startswith("#"))
    return [line for line in text.splitlines() if not line.startswith("persistence")]


@dataclass
class Fleet:
    """An appliance's broker, the clinic's, and the clinic's overview."""

    folder: Path
    appliance: Mosquitto
    clinic: Mosquitto

    def overview(self, name: str = "overview") -> Witness:
        """Somebody who reads everything that the clinic's broker gives away to that certificate."""
        files = [self.folder / "clinic-authority.pem", self.folder / f"{name}.pem", self.folder / f"{name}.key"]
        self.clinic.client = [
            word for pair in zip(("--cafile", "--cert", "--key"), files, strict=True) for word in map(str, pair)
        ]
        return self.clinic.witness("#")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    authority(tmp_path, "clinic-authority")
    for name, common_name in (
        ("clinic", "clinic"),
        ("bridge", "room-1"),
        ("overview", "overview"),
        ("room-2", "room-2"),
    ):
        certificate(tmp_path, name, common_name)
    port = free_port()
    text = "\n".join(filled("clinic-broker.conf", ADDRESS="127.0.0.1", FOLDER=str(tmp_path)))
    (tmp_path / "clinic.acl").write_text((FLEET / "clinic.acl").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "clinic").mkdir()
    (tmp_path / "appliance").mkdir()
    lines = [*text.replace("listener 8883", f"listener {port}").splitlines(), f"user {own_name()}"]
    clinic = Mosquitto(tmp_path / "clinic", lines, [], port=port)
    socket = tmp_path / "appliance" / "mqtt.sock"
    bridge = filled("bridge.conf", DEVICE="room-1", CLINIC=f"127.0.0.1:{port}", FOLDER=str(tmp_path))
    own = [f"listener 0 {socket}", "allow_anonymous true", f"user {own_name()}"]
    appliance = Mosquitto(tmp_path / "appliance", own, bridge, socket_path=socket)
    made = Fleet(tmp_path, appliance, clinic)
    yield made
    for broker in (appliance, clinic):
        for witness in broker.witnesses:
            witness.end()
        broker.stop()


def test_the_clinic_sees_the_state_and_nothing_else(fleet: Fleet) -> None:
    fleet.clinic.start()
    seen = fleet.overview()
    fleet.appliance.start()
    for topic in ("event/scan_finished", "command/scan", "surprise"):
        fleet.appliance.send(f"{OWN}/{topic}", payload=b"private")
    fleet.appliance.send("dermscan/room-2/status", "-r", payload=b"forged")
    for topic in ("availability", "status", "health"):
        fleet.appliance.send(f"{OWN}/{topic}", "-r", payload=topic.encode())
        seen.await_payload(topic, topic)
    seen.await_payload("bridge", "1")
    assert {topic for topic, _, _ in seen.seen()} == {
        f"{OWN}/{name}" for name in ("availability", "status", "health", "bridge")
    }


def test_nothing_comes_back_from_the_clinic(fleet: Fleet) -> None:
    lines = [*fleet.clinic.listener, f"listener {(free := free_port())} 127.0.0.1", "allow_anonymous true"]
    fleet.clinic.listener = lines
    fleet.clinic.start()
    fleet.appliance.start()
    heard = fleet.appliance.witness("#")
    seen = fleet.overview()
    seen.await_payload("bridge", "1")
    for topic in ("command/scan", "command/cancel", "status"):
        Mosquitto(fleet.folder, [], port=free).send(f"{OWN}/{topic}", payload=b"from outside")
    fleet.appliance.send(f"{OWN}/health", payload=b"the end")
    heard.await_payload("health", "the end")
    seen.await_payload("health", "the end")
    assert "from outside" not in {payload for _, _, payload in heard.seen()}


def test_after_an_absence_the_clinic_is_right_again_and_knew_of_it(fleet: Fleet) -> None:
    fleet.appliance.start()
    fleet.appliance.send(f"{OWN}/status", "-r", payload=b"told while the clinic was away")
    fleet.clinic.start()
    seen = fleet.overview()
    seen.await_payload("status", "told while the clinic was away")
    seen.await_payload("bridge", "1")
    fleet.appliance.stop()
    seen.await_payload("bridge", "0")


def test_an_appliance_cannot_speak_for_another(fleet: Fleet) -> None:
    fleet.clinic.start()
    seen = fleet.overview()
    fleet.overview("room-2")
    for name in ("availability", "status", "health"):
        fleet.clinic.send(f"{OWN}/{name}", payload=b"forged")
        fleet.clinic.send(f"dermscan/room-2/{name}", payload=b"own")
    seen.await_payload("room-2/health", "own")
    assert "forged" not in {payload for _, _, payload in seen.seen()}


def test_an_appliance_of_another_authority_stays_out(fleet: Fleet) -> None:
    authority(fleet.folder, "other-authority")
    certificate(fleet.folder, "bridge", "room-1", "other-authority")
    fleet.clinic.start()
    seen = fleet.overview()
    fleet.appliance.start()
    fleet.appliance.send(f"{OWN}/status", "-r", payload=b"ready")
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() > begun + 2)  # the bridge tries again every second
    assert seen.seen() == []


def test_a_ward_hands_on_what_its_appliances_say(fleet: Fleet) -> None:
    certificate(fleet.folder, "ward", "ward-3")
    with (fleet.folder / "clinic.acl").open("a", encoding="utf-8") as rules:
        rules.write("\nuser ward-3\ntopic write dermscan/room-1/#\n")
    clinic = f"127.0.0.1:{fleet.clinic.port}"
    fleet.appliance.extra = filled("ward.conf", WARD="ward-3", CLINIC=clinic, FOLDER=str(fleet.folder))
    fleet.clinic.start()
    fleet.appliance.start()
    seen = fleet.overview()
    for topic in ("room-1/event/scan_finished", "room-1/command/scan", "room-9/status"):
        fleet.appliance.send(f"dermscan/{topic}", payload=b"private")
    for name in ("availability", "status", "health", "bridge"):
        fleet.appliance.send(f"{OWN}/{name}", "-r", payload=name.encode())
        seen.await_payload(name, name)
    assert "private" not in {payload for _, _, payload in seen.seen()}


def test_the_rules_for_a_cluster_are_those_for_one_broker() -> None:
    """Mosquitto's `%u` is EMQX's `${username}`; what neither list names is denied by both."""
    plain = (FLEET / "clinic.acl").read_text(encoding="utf-8")
    written = {
        topic.replace("%u", "${username}") for topic in re.findall(r"^pattern write (\S+)$", plain, re.MULTILINE)
    }
    read = set(re.findall(r"^topic read (\S+)$", plain, re.MULTILINE))
    rules = re.sub(r"%%.*", "", (FLEET / "emqx-acl.conf").read_text(encoding="utf-8")).split("}.")
    terms = [(rule, set(re.findall(r'"(dermscan/[^"]+)"', rule))) for rule in rules if rule.strip()]
    assert [topics for _, topics in terms] == [written, read, set()]
    assert [rule.strip()[: len(start)] for (rule, _), start in zip(terms, RULES, strict=True)] == RULES


RULES = ["{allow, all, publish, ", '{allow, {username, "overview"}, subscribe, ', "{deny, all"]


def test_the_cluster_lets_nobody_in_but_by_a_certificate() -> None:
    text = (FLEET / "emqx.conf").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    for kind in ("tcp", "ws", "wss"):
        assert f"listeners.{kind}.default.enable = false" in lines
    assert {"verify = verify_peer", "fail_if_no_peer_cert = true", "mqtt.peer_cert_as_username = cn"} <= set(lines)
    assert {"no_match = deny", "dashboard.listeners.http.bind = 0"} <= set(lines)
    assert text.count("{") == text.count("}")
