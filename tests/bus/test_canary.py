"""A canary in everything that a person could have written, and the whole service run over it: nobody hears it sing."""

import json
import os
import shlex
import signal
import socket
import struct
import tarfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

import cv2
import pytest

from appliance import Appliance, Running, wait_until
from broker import MakeBroker
from dermscan.bundle.loading import Bundle
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

CANARY = "canary-Wilhelmina"
COMMAND = "dermscan/room-1/command/scan"


def with_exif(jpeg: bytes, text: str) -> bytes:
    """The same picture with an Exif segment that describes it (EXIF 2.32: one IFD entry, ImageDescription)."""
    words = text.encode() + b"\0"
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x010E, 2, len(words), 26) + struct.pack("<I", 0)
    segment = b"Exif\0\0" + tiff + words
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def process_words(running: Running) -> bytes:
    """Arguments and environment of the service and of every process that it has started."""
    found = b""
    waiting = [running.process.pid]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        found += (
            (process / "cmdline").read_bytes() + (process / "environ").read_bytes() + (process / "comm").read_bytes()
        )
        for task in (process / "task").iterdir():
            found += (task / "comm").read_bytes()
            waiting += [int(child) for child in (task / "children").read_text(encoding="utf-8").split()]
    return found


@pytest.fixture
def personal(appliance: Appliance, bundle: Bundle, tmp_path: Path) -> str:
    """Puts the canary into pictures, settings and history; a ticket for the lesion that carries it."""
    pictures = tmp_path / f"{CANARY}-pictures"
    pictures.mkdir()
    pixels = cv2.imread(str(bundle.path(bundle.manifest.golden[0].image)))
    assert pixels is not None
    picture = with_exif(cv2.imencode(".jpg", pixels)[1].tobytes(), f"{CANARY}, born 1 May 1950")
    assert CANARY.encode() in picture
    (pictures / f"{CANARY}.jpg").write_bytes(picture)
    (pictures / f"{CANARY}-broken.jpg").write_bytes(CANARY.encode())
    appliance.sections["camera"] = {"backend": "replay", "source": pictures, "rate_hz": 10, "width": 640, "height": 480}
    appliance.sections["scan"]["automatic"] = False
    appliance.sections["history"]["folder"] = appliance.folder / f"{CANARY}-history"
    settings = HistorySettings(folder=appliance.folder / f"{CANARY}-history", key_file=appliance.key_file)
    with History.open(settings.folder, load_master_key(settings)) as history:
        lesion = history.create_lesion(
            subject_alias=CANARY, anatomic_site=CANARY, note=f"{CANARY} fears it is a melanoma"
        )
        return history.issue_ticket(lesion, timedelta(minutes=5))


@dataclass
class Ear:
    """A datagram socket that keeps what it is told; one that nobody reads would hold the service up."""

    path: Path
    heard: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def _listen(self) -> None:
        while told := self._socket.recv(200_000):
            self.heard.append(told)

    def __exit__(self, *_error: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._socket.close()


def apart(folder: Path) -> list[str]:
    """Words that run a command where the journal's socket is ours and the machine has the canary's name."""
    if os.geteuid() != 0:
        pytest.skip("a journal and a host name of one's own need root")
    own = f"hostname {CANARY}; mount -t tmpfs none /run; mkdir -p /run/systemd/journal"
    own += f'; mount --bind {shlex.quote(str(folder))} /run/systemd/journal; exec "$@"'
    return ["unshare", "--mount", "--uts", "sh", "-ec", own, "sh"]


def journalctl(folder: Path, told: list[bytes]) -> None:
    """A program that prints what the journal was told, as journalctl does, with the fields journald adds."""
    lines = []
    for datagram in told:
        said = [line.removeprefix(b"MESSAGE=") for line in datagram.split(b"\n") if line.startswith(b"MESSAGE=")]
        fields = {"__REALTIME_TIMESTAMP": "1780000000000000", "_HOSTNAME": CANARY, "_CMDLINE": CANARY}
        lines += [json.dumps({**fields, "MESSAGE": one.decode()}) for one in said]
    lines.append(json.dumps({**fields, "MESSAGE": f"Started {CANARY}."}))
    program = folder / "journalctl"
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n", encoding="utf-8")
    program.chmod(0o755)


def test_nobody_hears_the_canary(appliance: Appliance, personal: str, mosquitto: MakeBroker, tmp_path: Path) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness("#")
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    state, metrics = tmp_path / f"{CANARY}.json", tmp_path / f"{CANARY}.prom"
    appliance.sections["health"] = {"state_file": state, "metrics_file": metrics}
    with ExitStack() as ears:
        manager = ears.enter_context(Ear(tmp_path / "notify"))
        appliance.environment = {"NOTIFY_SOCKET": str(manager.path)}
        running = appliance.start("--verbose")
        witness.await_payload("status", "hold_still", 90)
        broker.send(COMMAND, payload=json.dumps({"schema_version": 1, "ticket": personal}).encode())
        witness.await_payload("event/scan_finished", "scan_finished", 90)
        for bad in (CANARY, json.dumps({"schema_version": 1, "ticket": CANARY}), json.dumps({CANARY: CANARY})):
            broker.send(COMMAND, payload=bad.encode())
        witness.await_payload("event/command_refused", "malformed")
        words = process_words(running)
        wait_until(lambda: metrics.exists() and "dermscan_scans_filed_total 1" in metrics.read_text(encoding="ascii"))
        numbers = metrics.read_bytes() + state.read_bytes()
        shown = appliance.call("status").stdout + appliance.call("status", "--json").stdout
        running.stop()
    assert any(b"STATUS=" in state for state in manager.heard)
    assert b"dermscan" in words
    told = "".join(topic + payload for topic, _, payload in witness.seen() if "/command/" not in topic)
    assert '"scan_finished"' in told
    assert "Scans filed" in shown
    for place, heard in {"bus": told, "journal": running.said, "status": shown}.items():
        assert CANARY.lower() not in heard.lower(), place
    for place, seen in {"systemd": b"".join(manager.heard), "processes": words, "metrics": numbers}.items():
        assert CANARY.lower().encode() not in seen.lower(), place
    filed = [path.read_bytes() for path in (appliance.folder / f"{CANARY}-history").rglob("*") if path.is_file()]
    assert len(filed) > 4
    assert not any(CANARY.encode() in content for content in filed)


def test_neither_the_journal_itself_nor_a_diagnosis_holds_the_canary(
    appliance: Appliance, personal: str, tmp_path: Path
) -> None:
    """Through systemd's own journal handler, with every field that it adds, on a machine that is called the canary."""
    assert personal
    appliance.sections["scan"]["automatic"] = True
    appliance.sections["health"] = {"state_file": tmp_path / f"{CANARY}.json"}
    (tmp_path / "journal").mkdir()
    appliance.prefix = apart(tmp_path / "journal")
    appliance.environment = {"JOURNAL_STREAM": "8:1"}
    with Ear(tmp_path / "journal" / "socket") as journal:
        running = appliance.start("--verbose")
        wait_until(lambda: any(b"Scan filed in" in line for line in journal.heard))
        os.kill(running.process.pid, signal.SIGHUP)
        wait_until(lambda: any(b"were read anew" in line for line in journal.heard))
        running.stop()
    everything = b"".join(journal.heard)
    assert b"LOGGER=dermscan" in everything
    assert CANARY.lower().encode() not in everything.lower()
    appliance.sections["camera"]["source"] = tmp_path / f"{CANARY}-nowhere"
    journalctl(tmp_path, [*journal.heard, f"MESSAGE=dermscan: {appliance.call('run').stderr}".encode()])
    appliance.environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = appliance.call("diagnose", "--out", str(tmp_path / "diagnosis.tar.gz"))
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / "diagnosis.tar.gz") as archive:
        members = [(member.name, archive.extractfile(member)) for member in archive]
        texts = {name: file.read().decode() for name, file in members if file is not None}
    assert len(texts) == 7
    assert "Scan filed in … ms (…)" in texts["dermscan-diagnosis/journal.txt"]
    for name, text in texts.items():
        assert CANARY.lower() not in (name + text).lower(), name
