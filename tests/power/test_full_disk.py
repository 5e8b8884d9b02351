import json
import os
import random
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import Appliance, wait_until
from broker import MakeBroker
from dermscan.errors import StorageFull
from dermscan.history import History, MasterKey
from dermscan.history.keys import load_master_key
from dermscan.settings import HistorySettings
from power.history_operations import scan

KEY = MasterKey(b"\x11" * 32)
BLOCK = 4096
ROUNDS = 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let root mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """Fill the disk up to `leave` bytes."""
    ballast = place / "ballast"
    disk = os.statvfs(place)
    with ballast.open("wb", buffering=0) as file:
        file.write(bytes(max(disk.f_bavail * disk.f_frsize - leave, 0)))
    return ballast


def filed(history: History) -> bool:
    """Whether one more scan found room."""
    try:
        history.file_scan(replace(scan(0), scan_id=str(uuid.uuid4())))
    except StorageFull:
        return False
    return True


def lying(folder: Path) -> tuple[int, int]:
    """How many pictures lie in their place and in transit."""
    blobs, transit = (len(list((folder / name).iterdir())) for name in ("blobs", "transit"))
    return blobs, transit


def test_the_disk_full_at_every_block_of_a_filing(small_disk: Path) -> None:
    folder = small_disk / "history"
    refused = taken = 0
    with History.open(folder, KEY) as history:
        for leave in range(0, 50 * BLOCK, BLOCK):
            ballast = fill(small_disk, leave)
            found_room = filed(history)
            taken += found_room
            refused += not found_room
            assert lying(folder) == (2 * taken, 0), leave
            ballast.unlink()
            assert history.count() == taken
    assert refused >= 3
    assert taken >= 3
    with History.open(folder, KEY) as history:
        history.check()
        history.prove()
        assert history.verify_audit() == ()
        assert history.count() == taken


def test_ten_rounds_of_a_disk_that_fills_up_and_gets_room_again(small_disk: Path) -> None:
    folder = small_disk / "history"
    chance = random.Random(4)  # noqa: S311 - the rounds must be the same again
    there = 0
    for round_ in range(1, ROUNDS + 1):
        with History.open(folder, KEY) as history:
            ballast = fill(small_disk, chance.randrange(200_000))
            while filed(history):
                there += 1
            assert not filed(history), "it stays refused while there is no room"
            assert history.count() == there
            for summary in history.latest(3):
                assert history.find(summary.scan_id) == summary, "what is filed can be looked up all the same"
            ballast.unlink()
            subprocess.run(["mount", "-o", f"remount,size={4 + round_}m", str(small_disk)], check=True)
            assert filed(history), "there is room again"
            there += 1
        with History.open(folder, KEY) as history:
            history.check()
            history.prove()
            assert history.verify_audit() == ()
            assert (history.count(), lying(folder)) == (there, (2 * there, 0))


def test_the_service_says_so_on_the_bus_loses_nothing_and_goes_on_when_there_is_room(
    appliance: Appliance, mosquitto: MakeBroker, small_disk: Path
) -> None:
    appliance.sections["history"]["folder"] = small_disk / "history"
    broker = mosquitto(unix=True).start()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    witness = broker.witness()
    running = appliance.start()
    running.await_line("Scan filed", 240)
    ballast = fill(small_disk, 0)
    witness.await_payload("event/scan_failed", "storage_full", 240)
    witness.await_payload("health", "storage_full")
    witness.await_payload("status", "fault")
    assert "A scan was not filed: The disk that holds the history is full" in running.said
    before = running.said.count("Scan filed")
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    wait_until(lambda: running.said.count("Scan filed") > before, 240)

    def last_health() -> list[str]:
        health = [payload for topic, _, payload in witness.seen() if topic.endswith("/health") and payload]
        codes: list[str] = json.loads(health[-1])["codes"]
        return codes

    wait_until(lambda: "storage_full" not in last_health())
    assert running.stop() < 10
    settings = HistorySettings(folder=small_disk / "history", key_file=appliance.key_file)
    with History.open(settings.folder, load_master_key(settings), create=False) as history:
        history.check()
        history.prove()
        assert history.count() == running.said.count("Scan filed")
        assert history.verify_audit() == ()
