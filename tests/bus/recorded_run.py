"""Runs the real service for many scans and lets a stranger judge every payload. Usage: recorded_run.py SCANS [FILE]

The stranger knows the AsyncAPI document alone; a second witness counts that it has heard everything. Writes a summary
as JSON to FILE, or to standard output.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from appliance import Appliance, wait_until
from broker import Mosquitto, free_port, own_name
from dermscan.bundle.loading import load_bundle
from dermscan.history.keys import create_key_file
from stranger import Stranger

GOOD = b'{"schema_version":1}'
COMMAND = "dermscan/room-1/command"
BETWEEN_S = 1.05
"""Seconds between two orders; the service takes one a second."""


def record(
    appliance: Appliance, broker: Mosquitto, scans: int, say: Callable[[int], object] = lambda _: None
) -> dict[str, object]:
    """Order scans one after the other, spoil every tenth order, and tell what was heard of it."""
    witness = broker.witness()
    stranger = Stranger.listening(broker.port, appliance.folder / "stranger.txt")
    try:
        running = appliance.start()
        witness.await_payload("status", "hold_still", 60)
        for number in range(scans):
            if number % 10 == 5:
                broker.send(f"{COMMAND}/scan", payload=b'{"schema_version":1,"ticket":"%s"}' % (b"A" * 64))
                broker.send(f"{COMMAND}/cancel", payload=GOOD)
                time.sleep(BETWEEN_S)  # refusals are told once a second; the next one shall be heard
            order(broker, stranger)
            say(number + 1)
        running.stop()
        witness.await_payload("availability", "stopped")
        out = [topic for topic, _, _ in witness.seen() if "/command/" not in topic]
        wait_until(lambda: len(stranger.heard) >= len(out))
        heard = stranger.heard
        return {
            "scans": stranger.channels["ScanFinished"],
            "messages": len(heard),
            "seen_by_the_witness": len(out),
            "not_understood": len(stranger.problems),
            "longest_bytes": max(message["bytes"] for message in heard),
            "by_channel": dict(sorted(stranger.channels.items())),
        }
    finally:
        stranger.end()
        witness.end()
        appliance.end()


def order(broker: Mosquitto, stranger: Stranger) -> None:
    """Order until a scan is filed; one that comes while the last is being put away is refused as busy."""

    def told(*channels: str) -> int:
        return sum(stranger.channels[channel] for channel in channels)

    filed = told("ScanFinished")
    while told("ScanFinished") == filed:
        ended, begun = told("ScanFinished", "ScanRefused", "CommandRefused"), time.monotonic()
        broker.send(f"{COMMAND}/scan", payload=GOOD)
        wait_until(lambda: told("ScanFinished", "ScanRefused", "CommandRefused") > ended)  # noqa: B023
        time.sleep(max(0.0, BETWEEN_S - (time.monotonic() - begun)))


def broker_in(folder: Path) -> Mosquitto:
    """A broker with a Unix socket for the service and a port for the stranger."""
    port, socket = free_port(), folder / "mqtt.sock"
    lines = [f"listener 0 {socket}", f"listener {port} 127.0.0.1", f"user {own_name()}"]
    return Mosquitto(folder, lines, port=port).start()


def device_in(folder: Path, bundle: Path | None = None) -> Appliance:
    """A device that scans on command only, before pictures of lesions and of bare skin that take turns."""
    pictures = load_bundle(bundle)
    (folder / "pictures").mkdir()
    for number, case in enumerate(pictures.manifest.golden):
        (folder / "pictures" / f"{number}.png").write_bytes(pictures.path(case.image).read_bytes())
    appliance = Appliance(folder)
    create_key_file(appliance.key_file)
    appliance.sections = {
        "camera": {"backend": "replay", "source": folder / "pictures", "rate_hz": 10, "dwell_s": 4},
        "scan": {"automatic": False, "hold_still_s": 0.5, "burst_frames": 1, "done_s": 0},
        "history": {"folder": appliance.history, "key_file": appliance.key_file},
        "bus": {"transport": "unix", "socket": folder / "mqtt.sock"},
    }
    if bundle is not None:
        appliance.sections["models"] = {"bundle": bundle, "unsigned": True}
    return appliance


def tell_progress(done: int, scans: int, begun: float) -> None:
    """A line now and then: the run takes long, and may be written into a file."""
    if done in {1, scans} or done % 10 == 0:
        spent = time.monotonic() - begun
        rest = spent / done * (scans - done)
        sys.stderr.write(f"{done} of {scans} scans, {spent / 60:.0f} min, {rest / 60:.0f} min to go\n")
        sys.stderr.flush()


def main() -> None:
    """Record as many scans as were asked for."""
    scans, target = int(sys.argv[1]), sys.argv[2:]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        broker = broker_in(Path(folder))
        try:
            named = os.environ.get("DERMSCAN_BUNDLE")
            device = device_in(Path(folder), Path(named) if named else None)
            told = record(device, broker, scans, lambda done: tell_progress(done, scans, begun))
        finally:
            broker.stop()
    text = json.dumps({**told, "minutes": round((time.monotonic() - begun) / 60, 1)}, indent=2) + "\n"
    if target:
        Path(target[0]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    if told["not_understood"] or told["messages"] != told["seen_by_the_witness"]:
        sys.exit("not every payload was understood")


if __name__ == "__main__":
    main()
