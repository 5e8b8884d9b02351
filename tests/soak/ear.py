"""Hears everything on the bus and remembers the last word of each kind. It says nothing but commands."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ROOT = "dermscan/room-1"
WORKING = frozenset({"ready", "framing", "hold_still", "analysing", "done"})


class Ear:
    """A listener on the broker's socket; it comes back by itself when the broker does."""

    def __init__(self, socket: Path) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, Any] = {}
        self._filed: list[tuple[float, int]] = []
        self.events: Counter[str] = Counter()
        self.secrets: set[bytes] = set()
        self.leaks: list[str] = []
        """Topics on which something was said that nobody may hear."""
        self.watch: Callable[[str, Any], None] = lambda _topic, _said: None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, transport="unix")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(str(socket), keepalive=10)
        self._client.loop_start()

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def command(self, ticket: str) -> None:
        """Order a scan as the console does."""
        self._client.publish(f"{ROOT}/command/scan", json.dumps({"schema_version": 1, "ticket": ticket}), qos=1)

    @property
    def state(self) -> str:
        """How the work stands, empty when nobody has said."""
        with self._lock:
            return str(self._last.get("status", {}).get("state", ""))

    @property
    def guidance(self) -> str | None:
        with self._lock:
            said: str | None = self._last.get("status", {}).get("guidance")
            return said

    @property
    def codes(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._last.get("health", {}).get("codes", ()))

    @property
    def availability(self) -> str:
        with self._lock:
            return str(self._last.get("availability", ""))

    def filed(self, since: float, until: float = float("inf")) -> int:
        """The most scans that the device said to have filed between two moments (monotonic seconds)."""
        with self._lock:
            return max((count for at, count in self._filed if since <= at < until), default=0)

    def _subscribe(self, client: mqtt.Client, *_rest: object) -> None:
        client.subscribe("#", qos=1)

    def _hear(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        kind = message.topic.removeprefix(f"{ROOT}/")
        with self._lock:
            if any(secret in message.payload for secret in self.secrets):
                self.leaks.append(message.topic)
            said: Any = message.payload.decode() if kind == "availability" else json.loads(message.payload or b"{}")
            self._last[kind] = said
            if kind.startswith("event/"):
                self.events[" ".join([kind.removeprefix("event/"), *filter(None, [said.get("code")])])] += 1
            if kind == "health":
                self._note(said.get("scans_filed", 0))
        self.watch(kind, said)

    def _note(self, count: int) -> None:
        """Only what changes is kept, so that a long run stays small."""
        if not self._filed or self._filed[-1][1] != count:
            self._filed.append((time.monotonic(), count))
