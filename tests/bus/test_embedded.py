"""The demonstration's broker carries the same promises: birth, retained state, farewell, over tcp and websocket."""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from dermscan.bus.embedded import EmbeddedBroker
from dermscan.bus.events import CommandScan, Status, WorkState
from dermscan.errors import BusError
from dermscan.settings import BusSettings

if TYPE_CHECKING:
    from bus.conftest import MakePublisher, Patience


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker()
    made.start()
    yield made
    made.stop()


class Subscriber:
    def __init__(self, port: int, *, websocket: bool) -> None:
        self.seen: dict[str, tuple[bool, str]] = {}
        self._client = Client(CallbackAPIVersion.VERSION2, transport="websockets" if websocket else "tcp")
        self._client.on_connect = lambda client, *_: client.subscribe("dermscan/#", qos=1) and None
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.seen[message.topic] = (message.retain, message.payload.decode())

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.parametrize("websocket", [False, True], ids=["tcp", "websocket"])
def test_a_newcomer_sees_the_retained_state(
    broker: EmbeddedBroker, publisher: MakePublisher, patience: Patience, *, websocket: bool
) -> None:
    bus = publisher(BusSettings(transport="tcp", port=broker.port))
    bus.start(10)
    assert bus.connected
    bus.publish_status(Status(state=WorkState.READY))
    first = Subscriber(broker.port, websocket=False)
    patience(lambda: "dermscan/room-1/status" in first.seen)
    subscriber = Subscriber(broker.websocket_port if websocket else broker.port, websocket=websocket)
    patience(lambda: len(subscriber.seen) == 2)
    assert subscriber.seen["dermscan/room-1/availability"] == (True, "online")
    retained, status = subscriber.seen["dermscan/room-1/status"]
    assert retained
    assert json.loads(status)["state"] == "ready"
    bus.stop()
    patience(lambda: subscriber.seen["dermscan/room-1/availability"][1] == "stopped")
    first.end()
    subscriber.end()


def test_a_command_passes_through(broker: EmbeddedBroker, publisher: MakePublisher, patience: Patience) -> None:
    taken: list[CommandScan] = []
    bus = publisher(BusSettings(transport="tcp", port=broker.port), on_command=taken.append)
    bus.start(10)
    subscriber = Subscriber(broker.port, websocket=False)
    patience(lambda: bool(subscriber.seen))
    subscriber._client.publish("dermscan/room-1/command/scan", b'{"schema_version":1}', qos=1)
    patience(lambda: len(taken) == 1)
    subscriber.end()


def test_it_starts_and_stops_again_and_again_and_says_nothing(
    publisher: MakePublisher, patience: Patience, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        broker = EmbeddedBroker()
        broker.start()
        bus = publisher(BusSettings(transport="tcp", port=broker.port), f"room-{number}")
        bus.start(10)
        patience(lambda: bus.connected)  # noqa: B023 - called at once
        bus.stop()
        broker.stop()
        assert not broker._thread.is_alive()
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if not record.name.startswith("dermscan")]


def test_a_publisher_outlives_the_broker(publisher: MakePublisher, patience: Patience) -> None:
    broker = EmbeddedBroker()
    broker.start()
    bus = publisher(BusSettings(transport="tcp", port=broker.port))
    bus.start(10)
    broker.stop()
    patience(lambda: not bus.connected)
    again = EmbeddedBroker(broker.port, broker.websocket_port)
    again.start()
    patience(lambda: bus.connected)
    bus.stop()
    again.stop()


def test_stopping_while_clients_tear_off_is_clean(capfd: pytest.CaptureFixture[str]) -> None:
    connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01"
    for _ in range(10):
        broker = EmbeddedBroker()
        broker.start()
        for name in b"abcdef":
            client = socket.create_connection(("127.0.0.1", broker.port))
            client.sendall(connect + bytes([name]))
            assert client.recv(4) == b"\x20\x02\x00\x00"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        broker.stop()
        assert not broker._thread.is_alive()
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_one_clear_sentence(broker: EmbeddedBroker) -> None:
    with pytest.raises(BusError, match=f"cannot listen on 127.0.0.1, ports {broker.port}"):
        EmbeddedBroker(broker.port).start()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(BusError, match=r"dermscan\[demo\]"):
        EmbeddedBroker().start()


def test_stopping_what_never_started_is_harmless() -> None:
    EmbeddedBroker().stop()


def test_it_listens_on_loopback_only(broker: EmbeddedBroker) -> None:
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    listening = [line.split()[1] for line in lines if " 0A " in line]
    for port in (broker.port, broker.websocket_port):
        assert [place for place in listening if place.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
