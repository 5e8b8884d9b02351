"""Measures one Mosquitto under a growing number of simulated appliances. Usage: measure_fleet.py [SECONDS [FILE]]

Each appliance has its own connection and publishes one event a second, QoS 1; twenty displays follow one appliance
each, and an overview follows them all. Everything is on loopback, so the figures are the broker's and this program's,
not a network's. It writes, for each size, the delivery times at all subscribers and the broker's CPU and memory.
"""

import asyncio
import json
import os
import platform
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

SIZES = (10, 30, 100, 300, 1000)
DISPLAYS = 20
TICKS = os.sysconf("SC_CLK_TCK")
PUBLISH, PUBACK = 0x30, 0x40
Heard = Callable[[str, bytes], None]


class Connection:
    """The least of an MQTT 3.1.1 client that this needs (OASIS MQTT 3.1.1, chapters 2 and 3)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @classmethod
    async def opened(cls, port: int, name: str) -> "Connection":
        """Connect and wait for the broker's answer."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        connection._send(0x10, _text("MQTT") + bytes([4, 2, 0, 60]) + _text(name))
        await connection._packet()
        return connection

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1; the acknowledgement is read by `listen`."""
        self._number = self._number % 65_535 + 1
        self._send(PUBLISH | 2, _text(topic) + self._number.to_bytes(2, "big") + payload)

    async def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1 and wait for the broker's answer."""
        self._send(0x82, b"\0\1" + _text(topic) + b"\1")
        await self._packet()

    async def listen(self, heard: Heard) -> None:
        """Read until the connection ends; acknowledge and hand on what is published."""
        while True:
            try:
                kind, body = await self._packet()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if kind & 0xF0 == PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                self._send(PUBACK, body[end : end + 2])
                heard(body[2:end].decode(), body[end + 2 :])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def _send(self, kind: int, body: bytes) -> None:
        length, size = len(body), b""
        while length > 127:
            size, length = size + bytes([length % 128 | 128]), length // 128
        self._writer.write(bytes([kind]) + size + bytes([length]) + body)

    async def _packet(self) -> tuple[int, bytes]:
        kind = (await self._reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length, shift = length | (byte & 127) << shift, shift + 7
            if byte < 128:
                return kind, await self._reader.readexactly(length)


def _text(words: str) -> bytes:
    encoded = words.encode()
    return len(encoded).to_bytes(2, "big") + encoded


class Clock:
    """When each payload was sent, and how long it took to each subscriber."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, bytes], float] = {}
        self.took: list[float] = []

    def heard(self, topic: str, payload: bytes) -> None:
        """A payload has arrived at a subscriber."""
        begun = self.sent.get((topic, payload))
        if begun is not None:
            self.took.append(time.perf_counter() - begun)


async def appliance(connection: Connection, label: str, seconds: float, clock: Clock) -> None:
    """Publish one event a second, beginning at a random moment of the second."""
    topic = f"dermscan/{label}/event/scan_started"
    await asyncio.sleep(random.random())  # noqa: S311 - no secret
    for seq in range(int(seconds)):
        payload = b'{"schema_version":1,"seq":%d,"type":"scan_started"}' % seq
        clock.sent[topic, payload] = time.perf_counter()
        connection.publish(topic, payload)
        await asyncio.sleep(1)


async def measured(port: int, broker: int, size: int, seconds: float) -> dict[str, float]:
    """One size: connect everybody, let them work, and tell what it took."""
    clock = Clock()
    connections, tasks = [], set()

    async def joined(name: str, heard: Heard, topic: str = "") -> Connection:
        connection = await Connection.opened(port, name)
        if topic:
            await connection.subscribe(topic)
        connections.append(connection)
        tasks.add(asyncio.create_task(connection.listen(heard)))
        return connection

    await joined("overview", clock.heard, "dermscan/+/event/+")
    for number in range(DISPLAYS):
        await joined(f"display-{number}", clock.heard, f"dermscan/room-{number % size}/event/+")
    rooms = [await joined(f"room-{number}", lambda _topic, _payload: None) for number in range(size)]
    before, begun = cpu_s(broker), time.perf_counter()
    work: list[Awaitable[None]] = [
        appliance(room, f"room-{number}", seconds, clock) for number, room in enumerate(rooms)
    ]
    await asyncio.gather(*work)
    spent, lasted = cpu_s(broker) - before, time.perf_counter() - begun
    memory = memory_mb(broker)
    await asyncio.sleep(0.5)
    for connection in connections:
        connection.close()
    await asyncio.gather(*tasks)
    expected = len(clock.sent) + int(seconds) * DISPLAYS
    return {"appliances": size, "sent": len(clock.sent), "lost": expected - len(clock.took)} | {
        "broker_cpu_share": round(spent / lasted, 4),
        "broker_memory_mb": memory,
        **{f"p{share}_ms": round(1000 * percentile(clock.took, share), 2) for share in (50, 95, 99)},
    }


def percentile(values: list[float], share: int) -> float:
    """The value that `share` per cent do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def cpu_s(process: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(process: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def run(seconds: float) -> dict[str, object]:
    """All sizes, one after the other, on a broker of their own."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    if program is None:
        sys.exit("mosquitto is not installed: apt-get install mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
        config.flush()
        broker = subprocess.Popen([program, "-c", config.name], stderr=subprocess.DEVNULL)  # noqa: S603 - found above
        try:
            time.sleep(1)
            rows = [asyncio.run(measured(port, broker.pid, size, seconds)) for size in SIZES]
        finally:
            broker.terminate()
            broker.wait()
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 1),
        "seconds": seconds,
        "displays": DISPLAYS,
        "sizes": rows,
    }


if __name__ == "__main__":
    told = json.dumps(run(float(sys.argv[1]) if len(sys.argv) > 1 else 15), indent=2) + "\n"
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(told, encoding="utf-8")
    else:
        sys.stdout.write(told)
