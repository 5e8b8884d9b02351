"""Brokers that are old, dumb, mad or silent: the link outlives them, and says what they are."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from dermscan.bus.endings import Ended, Ending, parted, unaccepted, unopened
from dermscan.bus.events import Status, WorkState
from dermscan.bus.link import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s
from dermscan.settings import BusSettings

if TYPE_CHECKING:
    from bus.conftest import MakePublisher, Patience

LEVEL_OFFSET = 8
"""Where a CONNECT that is shorter than 128 bytes names the protocol's level."""

Behaviour = Callable[[socket.socket, bytes], None]


class PeculiarBroker:
    """Answers each connection's first packet as it is told to."""

    def __init__(self, behave: Behaviour) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.levels: list[int] = []
        self._behave = behave
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            packet = connection.recv(1024)
            if packet:
                self.levels.append(packet[LEVEL_OFFSET])
                self._behave(connection, packet)

    def end(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)
        for connection in self._open:
            connection.close()

    def settings(self) -> BusSettings:
        return BusSettings(transport="tcp", port=self.port)


@pytest.fixture
def peculiar() -> Iterator[Callable[[Behaviour], PeculiarBroker]]:
    made: list[PeculiarBroker] = []

    def make(behave: Behaviour) -> PeculiarBroker:
        made.append(PeculiarBroker(behave))
        return made[-1]

    yield make
    for broker in made:
        broker.end()


Peculiar = Callable[[Behaviour], PeculiarBroker]


def speaks_older_only(connection: socket.socket, packet: bytes) -> None:
    if packet[LEVEL_OFFSET] == 5:
        connection.sendall(b"\x20\x02\x00\x01")
        connection.close()
    else:
        connection.sendall(b"\x20\x02\x00\x00")


def closes_on_newer(connection: socket.socket, packet: bytes) -> None:
    if packet[LEVEL_OFFSET] == 5:
        connection.close()
    else:
        connection.sendall(b"\x20\x02\x00\x00")


def silent_to_newer(connection: socket.socket, packet: bytes) -> None:
    if packet[LEVEL_OFFSET] != 5:
        connection.sendall(b"\x20\x02\x00\x00")


@pytest.mark.parametrize("behave", [speaks_older_only, closes_on_newer, silent_to_newer])
def test_an_older_broker_is_spoken_to_in_its_own_version(
    peculiar: Peculiar, publisher: MakePublisher, behave: Behaviour
) -> None:
    broker = peculiar(behave)
    bus = publisher(broker.settings())
    bus.start(10)
    assert bus.connected
    assert broker.levels == [5, 4]


def says_garbage(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"\x20\x7f" + b"\xff" * 127 + b"HTTP/1.1 400 Bad Request\r\n\r\n")


def accepts_and_says_garbage(connection: socket.socket, packet: bytes) -> None:
    connection.sendall(b"\x20\x03\x00\x00\x00" if packet[LEVEL_OFFSET] == 5 else b"\x20\x02\x00\x00")
    connection.sendall(b"\x30\x05\xff\xff\xff\xff\xff\x40\x01\x00\xf0\xff\xff\xff\xff\xff")


def says_unavailable(connection: socket.socket, packet: bytes) -> None:
    connection.sendall(b"\x20\x03\x00\x88\x00" if packet[LEVEL_OFFSET] == 5 else b"\x20\x02\x00\x03")


@pytest.mark.parametrize("behave", [says_garbage, accepts_and_says_garbage, says_unavailable])
def test_a_mad_broker_is_tried_again_and_again(
    peculiar: Peculiar, publisher: MakePublisher, patience: Patience, behave: Behaviour
) -> None:
    broker = peculiar(behave)
    bus = publisher(broker.settings())
    bus.start(10)
    patience(lambda: len(broker.levels) >= 4)
    bus.publish_status(Status(state=WorkState.READY))
    assert bus._link._thread.is_alive()


def test_a_silent_broker_delays_neither_start_nor_stop(peculiar: Peculiar, publisher: MakePublisher) -> None:
    bus = publisher(peculiar(lambda _connection, _packet: None).settings())
    began = time.monotonic()
    bus.start(0.2)
    assert not bus.connected
    bus.stop()
    assert time.monotonic() - began < 2.0


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.1, 60))
@settings(deadline=None)
def test_the_pause_is_within_its_bound(attempt: int, chance: float, longest_s: float) -> None:
    assert 0.0 <= pause_s(attempt, longest_s, chance) <= longest_s


def test_the_pause_doubles_up_to_its_bound() -> None:
    assert [pause_s(attempt, LONGEST_PAUSE_S, 1.0) for attempt in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.5, 1.5]
    assert pause_s(3, LONGEST_PAUSE_S, 0.5) == pytest.approx(4 * FIRST_PAUSE_S)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("Bad user name or password", Ending.REFUSED),
        ("Not authorized", Ending.REFUSED),
        ("Client identifier not valid", Ending.REFUSED),
        ("Banned", Ending.REFUSED),
        ("Unsupported protocol version", Ending.OLDER),
        ("Server unavailable", Ending.ABSENT),
        ("Server busy", Ending.ABSENT),
        ("Quota exceeded", Ending.ABSENT),
    ],
)
def test_an_answer_means_what_it_says(name: str, how: Ending) -> None:
    assert unaccepted(ReasonCode(PacketTypes.CONNACK, name)).how is how


def test_a_taken_session_is_told_from_a_lost_one() -> None:
    taken = ReasonCode(PacketTypes.DISCONNECT, "Session taken over")
    assert parted(taken) == Ended(Ending.TAKEN_OVER)
    assert parted(ReasonCode(PacketTypes.DISCONNECT, "Server shutting down")) == Ended(Ending.LOST)
    assert parted(None) == Ended(Ending.LOST)


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (ConnectionRefusedError(), Ending.ABSENT),
        (TimeoutError(), Ending.ABSENT),
        (socket.gaierror(), Ending.ABSENT),
        (FileNotFoundError(), Ending.ABSENT),
        (UnicodeError(), Ending.ABSENT),
        (ssl.SSLEOFError(), Ending.ABSENT),
        (ssl.SSLZeroReturnError(), Ending.ABSENT),
        (ssl.SSLError(), Ending.REFUSED),
        (PermissionError(), Ending.REFUSED),
    ],
)
def test_a_failure_to_connect_means_what_it_says(error: OSError | UnicodeError, how: Ending) -> None:
    assert unopened(error).how is how


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "no-such-host.invalid"])
def test_a_host_that_is_none_is_an_absent_broker(publisher: MakePublisher, host: str) -> None:
    bus = publisher(BusSettings(transport="tcp", host=host))
    bus.start(10)
    assert not bus.connected
    assert bus._link._thread.is_alive()
