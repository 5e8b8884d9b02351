"""Times whole scans: from the frame that the watcher hands on to `done`, heard on a real broker's socket."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from dermscan.analysis.pipeline import Stopwatch, assess
from dermscan.analysis.runtime import Models
from dermscan.bus.publisher import BusPublisher
from dermscan.daemon.analyst import Analyst
from dermscan.daemon.board import Board
from dermscan.daemon.orders import Order
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Assessment, Frame, Provenance
from dermscan.history import History, MasterKey
from dermscan.settings import BusSettings, QualitySettings

PATIENCE_S = 60.0
PER_CENTS = {"p50": 50, "p95": 95, "p99": 99}
BEGINNING = 20
"""Scans before those that count."""


@contextmanager
def _broker(folder: Path) -> Iterator[Path]:
    """A Mosquitto on a socket of its own."""
    place = folder / "mqtt.sock"
    (folder / "mosquitto.conf").write_text(f"listener 0 {place}\nallow_anonymous true\nuser root\n", encoding="utf-8")
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/bin")
    if found is None:
        message = "Mosquitto is not installed"
        raise SystemExit(message)
    command = [found, "-c", str(folder / "mosquitto.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - Mosquitto
    try:
        until = time.monotonic() + PATIENCE_S
        while not place.exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield place
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


class Listener:
    """Hears when a scan is done."""

    def __init__(self, socket: Path) -> None:
        """Subscribe, and wait until that holds."""
        self.done = threading.Event()
        self.at = 0.0
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, transport="unix")
        self._client.on_subscribe = lambda *_rest: ready.set()
        self._client.on_message = self._hear
        self._client.connect(str(socket))
        self._client.subscribe("dermscan/+/status", qos=1)
        self._client.loop_start()
        ready.wait(PATIENCE_S)

    def end(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if b'"state":"done"' in message.payload:
            self.at = time.perf_counter()
            self.done.set()


def time_whole_scans(models: Models, frames: list[Frame], scans: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Scan so many frames by analyst, history, board and bus as the daemon wires them.

    Args:
        models: The networks.
        frames: What is scanned, in turn.
        scans: How many count.
        say: Is told how far it is.

    Returns:
        Milliseconds by stage, `filing` and `bus` and `total` among them; CPU seconds a scan, of all threads.
    """
    spent: dict[str, list[float]] = {}
    watches: list[Stopwatch] = []

    def run(frame: Frame, watch: Stopwatch) -> Assessment:
        watches.append(watch)
        return assess(frame, models, QualitySettings(), stopwatch=watch)

    with tempfile.TemporaryDirectory() as name, _broker(Path(name)) as socket:
        publisher = BusPublisher(BusSettings(socket=socket), "room-1", on_command=lambda _command: None)
        publisher.start()
        board, listener, stop = Board(publisher, lambda _state: None), Listener(socket), threading.Event()
        with History.open(Path(name) / "history", MasterKey(os.urandom(32))) as history:
            made = Provenance("bench", "0" * 64, "0", "0" * 64)
            analyst = Analyst(run, history, made, "room-1", board, Pulse(PATIENCE_S))
            thread = threading.Thread(target=analyst.run, args=(stop,))
            thread.start()
            try:
                cpu_s = _scan_all((analyst, listener, watches), frames, spent, scans, say)
            finally:
                stop.set()
                thread.join(PATIENCE_S)
        publisher.stop()
        listener.end()
    return {"scans": scans, "ms": {stage: _shares(times) for stage, times in spent.items()}, "cpu_s": cpu_s} | _grown(
        spent
    )


def _scan_all(
    device: tuple[Analyst, Listener, list[Stopwatch]],
    frames: list[Frame],
    spent: dict[str, list[float]],
    scans: int,
    say: Callable[[str], None],
) -> float:
    """Scan; CPU seconds of one."""
    analyst, listener, watches = device
    cpu_s = time.process_time()
    for number in range(-BEGINNING, scans):
        if number == 0:
            cpu_s = time.process_time()
        listener.done.clear()
        begun = time.perf_counter()
        analyst.submit(Order(), frames[number % len(frames)])
        if not listener.done.wait(PATIENCE_S) or not analyst.finish(PATIENCE_S):
            message = "a scan did not come to its end"
            raise SystemExit(message)
        if number >= 0:
            _note(spent, watches[-1].stages, analyst.seconds[0] or 0.0, 1000 * (listener.at - begun))
        if number > 0 and number % 100 == 0:
            say(f"{number} scans")
    return round((time.process_time() - cpu_s) / scans, 4)


def _note(spent: dict[str, list[float]], stages: dict[str, float], filed_s: float, total_ms: float) -> None:
    """Filing is what the analyst took beyond the stages; the bus, what lay between it and the listener."""
    analysed = sum(stages.values())
    filing = 1000 * filed_s - analysed
    rest = {"filing": filing, "bus": max(total_ms - 1000 * filed_s, 0.0), "total": total_ms}
    for stage, value in (stages | rest).items():
        spent.setdefault(stage, []).append(value)


def _shares(times: list[float]) -> dict[str, float]:
    return {name: round(float(np.percentile(times, share)), 2) for name, share in PER_CENTS.items()}


def _grown(spent: dict[str, list[float]]) -> dict[str, Any]:
    """Filing at the beginning and at the end of the run."""
    tenth = max(len(spent["filing"]) // 10, 1)
    first, last = (float(np.median(part)) for part in (spent["filing"][:tenth], spent["filing"][-tenth:]))
    return {"filing_first_ms": round(first, 1), "filing_last_ms": round(last, 1)}
