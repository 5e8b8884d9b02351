"""The line to the scanner: hears how its work stands, and orders scans. It tells nothing but what the bus may carry."""

import json
import logging
import secrets
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from dermscan.bus.client import ClosingClient
from dermscan.bus.events import (
    EVENT,
    SCHEMA_VERSION,
    Availability,
    Event,
    Health,
    Status,
    WorkState,
)
from dermscan.bus.identity import read_identity
from dermscan.bus.topics import ROOT, Topics
from dermscan.settings import BusSettings

KEEPALIVE_S = 10
LONGEST_PAUSE_S = 5
REMEMBERED_EVENTS = 64
CONFIRMED_S = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the scanner said last.

    Attributes:
        connected: Whether the broker is there.
        availability: Whether the scanner is there; None before it was heard of.
        status: How its work stands; None before it was heard.
        health: What a technician should know; None before it was heard.
        events: How many events were heard since the line was opened.
    """

    connected: bool = False
    availability: Availability | None = None
    status: Status | None = None
    health: Health | None = None
    events: int = 0

    @property
    def reachable(self) -> bool:
        """Whether an order would be heard and taken; a scanner that is still starting refuses it."""
        starting = self.status is None or self.status.state is WorkState.STARTING
        return self.connected and self.availability is Availability.ONLINE and not starting


class ScannerLine:
    """One connection to the broker that comes back by itself."""

    def __init__(self, settings: BusSettings, device: str) -> None:
        """Prepare the connection.

        Raises:
            SettingsError: The broker's password or certificates cannot be read.
        """
        self._settings = settings
        self._topics = Topics(device)
        self._lock = threading.Lock()
        self._heard = Heard()
        self._events: deque[tuple[int, Event]] = deque(maxlen=REMEMBERED_EVENTS)
        self._client = self._made()

    def _made(self) -> ClosingClient:
        identity = read_identity(self._settings)
        name = f"dermscan-console-{secrets.token_hex(6)}"
        client = ClosingClient(self._settings, identity, name, protocol=MQTTProtocolVersion.MQTTv5)
        client.reconnect_delay_set(1, LONGEST_PAUSE_S)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._lost, self._message
        return client

    def start(self) -> None:
        """Begin; an absent broker is waited for in the background."""
        self._client.connect_async(*self._client.address, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """End."""
        self._client.disconnect()
        self._client.loop_stop()

    def heard(self) -> Heard:
        """What the scanner said last."""
        with self._lock:
            return self._heard

    def events_since(self, count: int) -> list[Event]:
        """The events after the first `count`, as far as they are remembered."""
        with self._lock:
            return [event for number, event in self._events if number > count]

    def order_scan(self, ticket: str) -> bool:
        """Ask for a scan; whether the broker has taken the order."""
        return self._sent("scan", {"schema_version": SCHEMA_VERSION, "ticket": ticket})

    def cancel_scan(self) -> bool:
        """Ask to break off the scan that waits for a good picture; whether the broker has taken the order."""
        return self._sent("cancel", {"schema_version": SCHEMA_VERSION})

    def _sent(self, command: str, payload: dict[str, Any]) -> bool:
        if not self.heard().connected:
            return False
        topic = f"{ROOT}/{self._topics.device}/command/{command}"
        sent = self._client.publish(topic, json.dumps(payload), qos=1)
        try:
            sent.wait_for_publish(CONFIRMED_S)
        except (RuntimeError, ValueError):
            return False
        return sent.is_published()

    def _connected(
        self, client: Client, _data: object, _flags: ConnectFlags, answer: ReasonCode, _more: Properties | None
    ) -> None:
        if answer.is_failure:
            _log.warning("The broker refuses the console")
            return
        names = (self._topics.availability, self._topics.status, self._topics.health)
        client.subscribe([(name, 1) for name in names])
        client.subscribe(f"{ROOT}/{self._topics.device}/event/+", 1)
        self._note(connected=True)
        _log.info("The console hears the scanner's broker")

    def _lost(
        self, _client: Client, _data: object, _flags: DisconnectFlags, _answer: ReasonCode, _more: Properties | None
    ) -> None:
        if self.heard().connected:
            _log.warning("The broker is away; it is tried again")
        with self._lock:
            self._heard = Heard(events=self._heard.events)

    def _message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            self._understood(message.topic, bytes(message.payload))
        except (ValidationError, ValueError):
            # A newer scanner may say what this console does not know yet; the display says so, and so does the page
            _log.debug("A message of the scanner was not understood")

    def _understood(self, topic: str, payload: bytes) -> None:
        if topic == self._topics.availability:
            self._note(availability=Availability(payload.decode()))
        elif topic == self._topics.status:
            self._note(status=Status.model_validate_json(payload))
        elif topic == self._topics.health:
            self._note(health=Health.model_validate_json(payload))
        else:
            self._happened(EVENT.validate_json(payload))

    def _note(self, **what: Any) -> None:
        with self._lock:
            self._heard = replace(self._heard, **what)

    def _happened(self, event: Event) -> None:
        with self._lock:
            self._heard = replace(self._heard, events=self._heard.events + 1)
            self._events.append((self._heard.events, event))
