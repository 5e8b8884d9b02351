"""A subscriber written from the AsyncAPI document alone understands everything that a real service says."""

import json
from pathlib import Path

from bus.recorded_run import broker_in, device_in, record
from dermscan.bundle.loading import Bundle
from stranger import Stranger


def test_a_stranger_understands_every_message_of_a_run(tmp_path: Path, bundle: Bundle) -> None:
    broker = broker_in(tmp_path)
    try:
        told = record(device_in(tmp_path, bundle.folder), broker, 6)
    finally:
        broker.stop()
    assert told["not_understood"] == 0
    assert told["messages"] == told["seen_by_the_witness"]
    channels = told["by_channel"]
    assert isinstance(channels, dict)
    assert set(channels) >= {"Availability", "Status", "Health", "ScanStarted", "ScanFinished", "CommandRefused"}
    assert channels["ScanFinished"] == channels["ScanStarted"]


def test_a_stranger_would_notice(tmp_path: Path) -> None:
    broker = broker_in(tmp_path)
    stranger = Stranger.listening(broker.port, tmp_path / "stranger.txt")
    good = {"schema_version": 1, "seq": 0, "type": "scan_started"}
    try:
        for payload in (good, good | {"risk": 12}, good | {"type": "melanoma_found"}):
            broker.send("dermscan/room-1/event/scan_started", payload=json.dumps(payload).encode())
        broker.send("dermscan/room-1/availability", payload=b"gone")
        stranger.await_messages(4)
    finally:
        stranger.end()
        broker.stop()
    assert [bool(message["problems"]) for message in stranger.heard] == [False, True, True, True]
