"""One connection to the broker, from CONNECT to its end. It never connects a second time: `link` makes a new one."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from dermscan.bus.client import CONNECT_S, BrokerClient
from dermscan.bus.endings import Ended, Ending, parted, unaccepted, unopened
from dermscan.bus.events import Availability
from dermscan.bus.identity import Identity
from dermscan.bus.outbox import Outbox
from dermscan.bus.topics import Topics
from dermscan.settings import BusSettings

NEWER_S = 1.5
"""Seconds for which the broker may take to answer in MQTT 5 before 3.1.1 is tried."""

FAREWELL_S = 0.6
"""Seconds for which the broker may take to acknowledge that the device stops."""

WINDOW = 16
"""Messages under way without acknowledgement; the library holds back what exceeds 20."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the session tells its owner, on the network thread.

    Attributes:
        connected: The broker has accepted this device; retained state is about to be sent.
        restricted: The broker does not let this device publish or subscribe as it must.
        command: A message on a command topic: topic, payload, whether it was retained, whether it is sent again.
    """

    connected: Callable[[], None]
    restricted: Callable[[], None]
    command: Callable[[str, bytes, bool, bool], None]


class Session:
    """One connection to the broker."""

    def __init__(
        self,
        settings: BusSettings,
        identity: Identity,
        topics: Topics,
        outbox: Outbox,
        hooks: Hooks,
        waker: socket.socket,
        protocol: MQTTProtocolVersion,
    ) -> None:
        self._topics = topics
        self._outbox = outbox
        self._hooks = hooks
        self._waker = waker
        self._protocol = protocol
        self._answer: ReasonCode | None = None
        self._parting: ReasonCode | None = None
        self._unacknowledged: dict[int, bool] = {}
        self._client = BrokerClient(settings, identity, topics, protocol)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe

    def run(self, stopping: threading.Event) -> Ended:
        """Connect, send what waits and take what comes, until the connection ends or `stopping` is set."""
        try:
            self._client.open()
        except (OSError, UnicodeError) as error:
            return unopened(error)
        return self._served(stopping)

    def _served(self, stopping: threading.Event) -> Ended:
        try:
            self._serve(stopping)
        except MQTTException:
            self._client.disconnect()
        finally:
            self._outbox.close(sum(self._unacknowledged.values()))
            self._hang_up()
        return self._ending(stopping)

    def _serve(self, stopping: threading.Event) -> None:
        answer_by = time.monotonic() + (NEWER_S if self._newer else CONNECT_S)
        while self._client.socket() is not None and not stopping.is_set():
            if self._answer is None and time.monotonic() > answer_by:
                return  # a broker that waits for the rest of what it takes for an older CONNECT is silent
            self._send_waiting()
            self._turn(timeout_s=0.5)
        if self._accepted and self._client.socket() is not None:
            self._say_farewell()

    @property
    def _newer(self) -> bool:
        return self._protocol == MQTTProtocolVersion.MQTTv5

    @property
    def _accepted(self) -> bool:
        return self._answer is not None and not self._answer.is_failure

    def _turn(self, timeout_s: float) -> None:
        """One turn of the network loop: wait for the socket or a wake-up, then read and write what is due."""
        connection = self._client.socket()
        if connection is None:
            return
        buffered = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        writers = [connection] if self._client.want_write() else []
        ready, writable, _ = select.select([connection, self._waker], writers, [], 0 if buffered else timeout_s)
        if self._waker in ready:
            self._waker.recv(4096)
        if buffered or connection in ready:
            self._client.loop_read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()

    def _send_waiting(self) -> None:
        if not self._accepted:
            return
        while len(self._unacknowledged) < WINDOW and (parcel := self._outbox.take()) is not None:
            sent = self._client.publish(parcel.topic, parcel.payload, qos=1, retain=parcel.retain)
            self._unacknowledged[sent.mid] = not parcel.retain

    def _say_farewell(self) -> None:
        """Tell the last state and that the device stops on purpose; the broker then forgets the will."""
        self._outbox.put_state(self._topics.availability, Availability.STOPPED.encode())
        until = time.monotonic() + FAREWELL_S
        self._send_waiting()
        while self._unacknowledged and self._client.socket() is not None and time.monotonic() < until:
            self._turn(timeout_s=0.05)
            self._send_waiting()
        if not self._unacknowledged:
            self._client.disconnect()

    def _hang_up(self) -> None:
        """Close the socket whatever state the library is in; without a DISCONNECT the broker publishes the will."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            connection.close()

    def _ending(self, stopping: threading.Event) -> Ended:
        if stopping.is_set():
            return Ended(Ending.STOPPED)
        if self._answer is None:
            return Ended(Ending.OLDER if self._newer else Ending.ABSENT)
        return unaccepted(self._answer) if self._answer.is_failure else parted(self._parting)

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, answer: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answer = answer
        if answer.is_failure:
            return
        # As published: a command that was sent as retained is told apart even when it comes live
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        for topic in self._topics.commands:
            client.subscribe((topic, options) if self._newer else (topic, 1))
        self._hooks.connected()
        self._outbox.open()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if self._parting is None:
            self._parting = reason

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # a broker that sends what nobody asked for; it is refused like any other
        self._hooks.command(topic, bytes(message.payload), message.retain, message.dup)

    def _on_publish(
        self, _client: Client, _data: object, number: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._unacknowledged.pop(number, None)
        if reason.is_failure:
            self._hooks.restricted()

    def _on_subscribe(
        self, _client: Client, _data: object, _number: int, reasons: list[ReasonCode], _properties: Properties
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._hooks.restricted()
