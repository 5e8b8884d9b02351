"""Who may do what on the broker as it is shipped: every cell of the table, tried with right and wrong identities."""

import json
import runpy
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from appliance import wait_until
from broker import Mosquitto, free_port, own_name
from node import CHECKOUT

DOCS = CHECKOUT / "docs"
TABLE = json.loads((DOCS / "bus" / "who-may-do-what.json").read_text(encoding="utf-8"))
PAGE = CHECKOUT / "service" / "dermscan" / "display" / "page"
OWN, OTHER = "dermscan/room-1", "dermscan/room-2"
SEEN = {
    "see availability": f"{OWN}/availability",
    "see status": f"{OWN}/status",
    "see health": f"{OWN}/health",
    "see events": f"{OWN}/event/scan_started",
    "see commands": f"{OWN}/command/scan",
    "see another device": f"{OTHER}/status",
    "see the broker's own figures": "$SYS/broker/version",
}
SENT = {
    "tell availability": f"{OWN}/availability",
    "tell status": f"{OWN}/status",
    "tell health": f"{OWN}/health",
    "tell events": f"{OWN}/event/scan_started",
    "send scan": f"{OWN}/command/scan",
    "send cancel": f"{OWN}/command/cancel",
    "tell for another device": f"{OTHER}/status",
    "send to another device": f"{OTHER}/command/scan",
    "send anything else": "dermscan",
}


@dataclass
class Person:
    """A client of the broker, and everything it has received."""

    client: Client
    received: list[tuple[str, bytes]] = field(default_factory=list)
    answer: str = ""
    subscribed: int = 0

    def subscribe(self, *topics: str) -> None:
        """Subscribe and wait for the answer; what was sent before it has arrived before it."""
        wanted = self.subscribed + 1
        self.client.subscribe([(topic, 1) for topic in topics])
        wait_until(lambda: self.subscribed >= wanted, 20)


Enter = Callable[[Client], None]


@contextmanager
def person(
    enter: Enter, transport: Any = "tcp", username: str | None = None, password: str | None = None
) -> Iterator[Person]:
    """Somebody at the broker's door; `answer` tells whether it was opened."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        transport=transport,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    me = Person(client)
    done = threading.Event()
    client.username_pw_set(username, password)

    def on_connect(_client: Client, _data: object, _flags: object, answer: object, _properties: object) -> None:
        me.answer = str(answer)
        done.set()

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        me.received.append((message.topic, bytes(message.payload)))

    def on_subscribe(*_: object) -> None:
        me.subscribed += 1

    def on_disconnect(*_: object) -> None:
        done.set()

    client.on_connect, client.on_message = on_connect, on_message
    client.on_subscribe, client.on_disconnect = on_subscribe, on_disconnect
    try:
        enter(client)
    except OSError as error:
        me.answer = type(error).__name__
        yield me
        return
    client.loop_start()
    assert done.wait(20)
    yield me
    client.disconnect()
    client.loop_stop()


@dataclass
class Shipped:
    """The broker as `deploy/broker-identities` sets it up, on free ports, with an observer's door of the test's own."""

    folder: Path
    ports: dict[int, int]
    socket: Path
    observer: Path

    @property
    def identities(self) -> Path:
        return self.folder / "dermscan"

    def secret(self, name: str) -> str:
        return (self.identities / "secrets" / name).read_text(encoding="utf-8")

    def door(self, port: int, tls: ssl.SSLContext | None = None) -> Enter:
        def enter(client: Client) -> None:
            if tls is not None:
                client.tls_set_context(tls)
            client.connect("127.0.0.1", self.ports[port])

        return enter

    def socket_door(self, path: Path) -> Enter:
        def enter(client: Client) -> None:
            client.connect(str(path), 1)

        return enter

    def tls(self, certificate: Path | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.identities / "authority.pem")
        if certificate is not None:
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return context


def identities(root: Path, **options: str) -> "subprocess.CompletedProcess[str]":
    root.mkdir(exist_ok=True)
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [str(CHECKOUT / "deploy" / "broker-identities"), "--page", str(PAGE), "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    folder = tmp_path_factory.mktemp("shipped")
    socket, observer = folder / "s.sock", folder / "o.sock"
    made = identities(folder, device="room-1", clinic="127.0.0.1", socket=str(socket))
    assert made.returncode == 0, made.stderr
    ports = {port: free_port() for port in (1883, 8080, 8883)}
    config = (folder / "conf.d" / "dermscan.conf").read_text(encoding="utf-8")
    for port, free in ports.items():
        config = config.replace(f"listener {port} ", f"listener {free} ")
    lines = [*config.splitlines(), f"persistence_location {folder}/", f"user {own_name()}"]
    extra = [f"listener 0 {observer}", "allow_anonymous true"]
    broker = Mosquitto(
        folder, [line for line in lines if line != "persistence true"], extra, socket_path=observer
    ).start()
    yield Shipped(folder, ports, socket, observer)
    broker.stop()


def issue(shipped: Shipped, name: str, *, days: str = "2", authority: Path | None = None) -> Path:
    """A client certificate that `broker-identities` does not make."""
    certificate, folder = shipped.folder / f"{name}-{days}.pem", shipped.identities
    key = certificate.with_suffix(".key")
    new = [
        "openssl",
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        f"/CN={name}",
    ]
    if authority is not None:
        subprocess.run([*new, "-x509", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return certificate
    request = certificate.with_suffix(".csr")
    subprocess.run([*new, "-keyout", key, "-out", request], check=True, capture_output=True)
    signing: list[str | Path] = [
        "-CA",
        folder / "authority.pem",
        "-CAkey",
        folder / "secrets" / "authority.key",
        "-days",
        days,
    ]
    subprocess.run(
        ["openssl", "x509", "-req", "-in", request, *signing, "-out", certificate], check=True, capture_output=True
    )
    return certificate


@contextmanager
def entering(shipped: Shipped, who: str) -> Iterator[Person]:
    secrets, name = shipped.identities / "secrets", who.split(",", maxsplit=1)[0]
    doors: dict[str, Callable[[], Any]] = {
        "service, Unix socket": lambda: person(shipped.socket_door(shipped.socket), "unix"),
        "display, its own listener": lambda: person(shipped.door(8080), "websockets"),
        "console, wrong password": lambda: person(shipped.door(1883), username="console", password="wrong"),
        "somebody, made-up name": lambda: person(shipped.door(1883), username="root", password="x"),
        "nobody, without a name": lambda: person(shipped.door(1883)),
        "nobody, TLS without a certificate": lambda: person(shipped.door(8883, shipped.tls(None))),
        "somebody, certificate of this authority": lambda: person(
            shipped.door(8883, shipped.tls(issue(shipped, "somebody")))
        ),
        "console, certificate of another authority": lambda: person(
            shipped.door(8883, shipped.tls(issue(shipped, "console", authority=shipped.folder)))
        ),
        "console, expired certificate": lambda: person(
            shipped.door(8883, shipped.tls(issue(shipped, "console", days="-1")))
        ),
    }
    if who in doors:
        door = doors[who]
    elif who.endswith("certificate"):
        door = lambda: person(shipped.door(8883, shipped.tls(secrets / f"{name}.pem")))  # noqa: E731 - one of many doors
    else:
        door = lambda: person(shipped.door(1883), username=name, password=shipped.secret(name))  # noqa: E731
    with door() as me:
        yield me


@pytest.mark.parametrize("who", [who for who, may in TABLE["may"].items() if may is not None])
def test_each_may_do_what_the_table_says_and_nothing_else(shipped: Shipped, who: str) -> None:
    with person(shipped.socket_door(shipped.observer), "unix") as observer, entering(shipped, who) as me:
        assert me.answer == "Success"
        observer.subscribe("dermscan/#")
        me.subscribe("#", "$SYS/#")
        for topic in set(SEEN.values()):
            if not topic.startswith("$"):
                observer.client.publish(topic, b"look", 1).wait_for_publish(20)
        me.subscribe("end")
        seen = {topic for topic, _ in me.received}
        for topic in SENT.values():
            me.client.publish(topic, b"sent", 1).wait_for_publish(20)
        observer.subscribe("end")
        arrived = {topic for topic, payload in observer.received if payload == b"sent"}
    did = {act for act, topic in SEEN.items() if topic in seen} | {
        act for act, topic in SENT.items() if topic in arrived
    }
    assert did == set(TABLE["may"][who])


@pytest.mark.parametrize("who", [who for who, may in TABLE["may"].items() if may is None])
def test_who_is_not_in_the_table_is_not_let_in(shipped: Shipped, who: str) -> None:
    with entering(shipped, who) as me:
        assert me.answer != "Success"


def test_the_table_has_a_column_for_every_act() -> None:
    assert set(TABLE["acts"]) == set(SEEN) | set(SENT)
    made = runpy.run_path(str(DOCS / "figures" / "permissions.py"))["page"]()
    assert (DOCS / "bus" / "who-may-do-what.md").read_text(encoding="utf-8") == made, "run docs/figures/permissions.py"


def test_the_broker_serves_the_display_s_page(shipped: Shipped) -> None:
    fetched = subprocess.run(
        [
            "python3",
            "-c",
            f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{shipped.ports[8080]}/index.html').read(9))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "<!doctype" in fetched.stdout.lower()


def test_without_a_clinic_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    assert identities(tmp_path / "b", device="room-1").returncode == 0
    config = (tmp_path / "b" / "conf.d" / "dermscan.conf").read_text(encoding="utf-8")
    listeners = [line.split()[1:] for line in config.splitlines() if line.startswith("listener ")]
    assert [where for _, where in listeners] == ["/run/dermscan-broker/mqtt.sock", "127.0.0.1", "127.0.0.1"]
    assert "@" not in config


@pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
@pytest.mark.parametrize("port", [1883, 8080, 8883])
def test_no_door_is_open_at_an_address_that_it_was_not_given(shipped: Shipped, port: int, address: str) -> None:
    with pytest.raises(OSError, match=r"."):
        socket.create_connection((address, shipped.ports[port]), timeout=5)
    socket.create_connection(("127.0.0.1", shipped.ports[port]), timeout=5).close()


def test_identities_stay_when_it_is_run_again_and_are_nobody_else_s_to_read(tmp_path: Path) -> None:
    def secrets() -> dict[str, bytes]:
        folder = tmp_path / "b" / "dermscan" / "secrets"
        assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert identities(tmp_path / "b", device="room-1").returncode == 0
    first = secrets()
    assert identities(tmp_path / "b", device="room-1", clinic="192.0.2.1").returncode == 0
    assert secrets().items() >= first.items()
    passwords = (tmp_path / "b" / "dermscan" / "passwords").read_text(encoding="utf-8")
    assert passwords.count("\n") == 2
    assert not any(secret.decode() in passwords for secret in first.values())


def test_home_assistant_s_topic_is_open_only_where_it_was_asked_for(tmp_path: Path) -> None:
    config = "topic write homeassistant/device/dermscan-room-1/config"
    for wanted, count in (("no", 0), ("yes", 1)):
        assert identities(tmp_path / wanted, device="room-1", **{"home-assistant": wanted}).returncode == 0
        for name in ("service.acl", "users.acl"):
            lines = (tmp_path / wanted / "dermscan" / name).read_text(encoding="utf-8").splitlines()
            assert lines.count(config) == count
        assert (tmp_path / wanted / "dermscan" / "secrets" / "home-assistant").exists() == (wanted == "yes")


@pytest.mark.parametrize(
    "options", [{"device": "a/#"}, {"device": "Room"}, {}, {"device": "a", "clinic": "a|b"}, {"surprise": "1"}]
)
def test_a_mistake_is_one_sentence(tmp_path: Path, options: dict[str, str]) -> None:
    refused = identities(tmp_path / "b", **options)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
