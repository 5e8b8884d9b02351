"""A seeded fuzz of what a broker can hand over: topic, payload, properties, QoS, retain, DUP and order.

The broker is the test's own, because a real one passes on only what is in order.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dermscan.bus.events import Command, CommandScan, Health, Status, WorkState
from dermscan.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bus.conftest import MakePublisher, Patience

CASES = 420
GOOD = b'{"schema_version":1}'
SCAN = b"dermscan/room-1/command/scan"
CANCEL = b"dermscan/room-1/command/cancel"
TOPICS = [
    b"",
    b"dermscan/room-1/command/other",
    b"dermscan/room-1/command",
    b"dermscan/room-1/command/scan/",
    b"dermscan/room-2/command/scan",
    b"dermscan/+/command/scan",
    b"dermscan/room-1/#",
    b"dermscan/room-1/status",
    b"$SYS/broker/uptime",
    b"dermscan/room-1/command/scan\x00",
    b"dermscan/room-1/command/\xff\xfe",
    b"a" * 400,
]
PAYLOADS = [
    b"",
    b"\x00" * 40,
    b"null",
    b"[]",
    b"{}",
    GOOD[:-1],
    GOOD + b"}",
    b'{"schema_version":2}',
    b'{"schema_version":true}',
    b'{"schema_version":1,"lesion":"x"}',
    b'{"schema_version":1,"ticket":"short"}',
    b'{"schema_version":1,"ticket":null,"note":"x"}',
    GOOD.ljust(257),
    b"[" * 250,
    b"\xff" * 200,
]
PROPERTIES = [
    b"\x03\x00\x00\x01",  # a property of an unknown kind
    b"\x05\x26\x00\x01a\x00",  # a user property that is cut off
    b"\x7f",  # longer than the packet
    b"\xff\xff\xff\xff\x7f",  # a length of five bytes
    b"\x04\x01\x01\x01\x01",  # the same property twice
    b"\x02\x01\x07",  # a format indicator that is none
    b"\x03\x23\xff\xff",  # a topic alias that was never made
    b"\x02\x0b\x00",  # a subscription identifier of nothing
]
ODD = [
    b"\x40\x02\x99\x99",  # PUBACK of what was never sent
    b"\x40\x00",  # PUBACK of nothing
    b"\x50\x02\x00\x01",  # PUBREC out of order
    b"\x62\x02\x00\x01",  # PUBREL before its PUBLISH
    b"\x70\x02\x00\x07",  # PUBCOMP out of order
    b"\x90\x04\x00\x09\x00\x01",  # SUBACK of what was never asked
    b"\x20\x03\x00\x00\x00",  # a second CONNACK
    b"\xd0\x00",  # PINGRESP unasked
    b"\xd0\x03\x00\x00\x00",  # PINGRESP with something in it
    b"\xe0\x00",  # DISCONNECT
    b"\xf0\x00",  # AUTH
    b"\x00\x00",  # a kind that does not exist
    b"\x10\x02\x00\x04",  # CONNECT from a broker
    b"\x30\xff\xff\xff\xff\x7f",  # a length of five bytes
    b"\x32\x05\x00\xffabc",  # a topic longer than its packet
    b"\x30\x00",  # PUBLISH of nothing
]


def length(number: int) -> bytes:
    """A remaining length (MQTT 5, 1.5.5)."""
    out = bytearray()
    while True:
        number, part = divmod(number, 128)
        out.append(part | (0x80 if number else 0))
        if not number:
            return bytes(out)


def publish(
    topic: bytes, payload: bytes, properties: bytes = b"\0", *, qos: int = 0, flags: int = 0, number: int = 0x1234
) -> bytes:
    """A PUBLISH of MQTT 5 with whatever is asked for."""
    body = len(topic).to_bytes(2, "big") + topic + (number.to_bytes(2, "big") if qos else b"") + properties + payload
    return bytes([0x30 | qos << 1 | flags]) + length(len(body)) + body


def mutated(chance: random.Random) -> bytes:
    """A payload that is no command."""
    payload = bytearray(chance.choice(PAYLOADS))
    for _ in range(chance.randint(0, 4)):
        place = chance.randint(0, len(payload))
        payload[place:place] = chance.randbytes(chance.randint(1, 30))
    return bytes(payload)


def cases() -> Iterator[tuple[str, bytes]]:
    """What is spoilt, and the packet; in each, one thing at least is out of order."""
    chance = random.Random(20_261_123)  # noqa: S311 - the same every time is what is wanted
    retain, duplicate = 1, 8
    for number in range(CASES):
        topic, qos = chance.choice([SCAN, CANCEL]), chance.choice([0, 1, 2])
        match number % 7:
            case 0:
                yield "topic", publish(chance.choice(TOPICS), GOOD, qos=qos)
            case 1:
                yield "payload", publish(topic, mutated(chance), qos=qos)
            case 2:
                yield "properties", publish(topic, mutated(chance), chance.choice(PROPERTIES), qos=qos)
            case 3:
                yield "qos", publish(topic, GOOD, qos=3, flags=chance.choice([0, retain]))
            case 4:
                yield "retain", publish(topic, GOOD, qos=qos, flags=retain | chance.choice([0, duplicate]))
            case 5:
                yield "duplicate", publish(topic, GOOD, qos=chance.choice([1, 2]), flags=duplicate)
            case _:
                odd = chance.choice(ODD)
                yield "order", odd if chance.random() < 0.7 else odd + mutated(chance)


@dataclass
class RawBroker:
    """Accepts every connection, acknowledges, and lets a test write what it likes."""

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self.heard = bytearray()
        self._current: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._speak(connection)

    def _speak(self, connection: socket.socket) -> None:
        self.heard.clear()
        with contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"\x20\x03\x00\x00\x00")
            self._current = connection
            self.connections += 1
            while told := connection.recv(4096):
                self.heard += told
                connection.sendall(self._answers(told))
        self._current = None

    def _answers(self, told: bytes) -> bytes:
        """An acknowledgement of each PUBLISH and SUBSCRIBE; what else there is needs none."""
        out = bytearray()
        while len(told) >= 2:
            size, shift, place = 0, 0, 1
            while True:
                size |= (told[place] & 127) << shift
                place, shift = place + 1, shift + 7
                if not told[place - 1] & 128:
                    break
            kind, body, told = told[0], told[place : place + size], told[place + size :]
            if kind >> 4 == 3 and kind & 6:
                topic = int.from_bytes(body[:2], "big")
                out += b"\x40\x02" + body[2 + topic : 4 + topic]
            elif kind >> 4 == 8:
                out += b"\x90\x04" + body[:2] + b"\x00\x01"
        return bytes(out)

    def hang_up(self) -> None:
        """Cut the connection."""
        if self._current is not None:
            with contextlib.suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)

    def write(self, packet: bytes) -> bool:
        """Send a packet; whether there was anybody to take it."""
        connection = self._current
        if connection is None:
            return False
        try:
            connection.sendall(packet)
        except OSError:
            return False
        return True

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        self._thread.join(20)


@pytest.fixture
def raw_broker() -> Iterator[RawBroker]:
    broker = RawBroker()
    yield broker
    broker.end()


SWALLOWED_S = 0.3
"""A packet that announces more than it brings swallows what follows; after so long the broker hangs up."""


def handed_over(broker: RawBroker, number: int, packet: bytes, patience: Patience) -> None:
    """Hand a packet over and wait until the device has dealt with it: it takes the next one, or has hung up."""
    patience(lambda: broker.write(b""))
    connection = broker.connections
    broker.write(packet)
    broker.write(publish(b"dermscan/room-1/command/other", b"", qos=1, number=number))
    acknowledged = b"\x40\x02" + number.to_bytes(2, "big")
    until = time.monotonic() + SWALLOWED_S

    def dealt_with() -> bool:
        if time.monotonic() > until:
            broker.hang_up()
        return acknowledged in broker.heard or broker.connections > connection

    patience(dealt_with)


def test_hundreds_of_malformed_cases_harm_nothing(
    raw_broker: RawBroker, publisher: MakePublisher, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermscan.bus.link.pause_s", lambda *_: 0.0)
    taken: list[Command] = []
    bus = publisher(BusSettings(transport="tcp", host="127.0.0.1", port=raw_broker.port), on_command=taken.append)
    bus.start(10)
    spoilt: Counter[str] = Counter()
    for number, (what, packet) in enumerate(cases(), start=1):
        handed_over(raw_broker, number, packet, patience)
        spoilt[what] += 1
        assert taken == [], (what, packet)
    assert spoilt.total() >= 300
    assert set(spoilt) == {"topic", "payload", "properties", "qos", "retain", "duplicate", "order"}
    assert bus._intake.refused > CASES / 2, "what was whole was counted"
    bus.publish_status(Status(state=WorkState.READY))
    bus.publish_health(Health())
    patience(lambda: raw_broker.write(publish(SCAN, GOOD)))
    patience(lambda: taken == [CommandScan(schema_version=1)])
    patience(lambda: b'"state":"ready"' in raw_broker.heard)
    assert b"online" in raw_broker.heard, "every connection begins with the birth"
