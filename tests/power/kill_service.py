"""Kills the real service at random instants while it files, and looks at the history after each.

Usage: kill_service.py KILLS FILE [filing]    (docs/measurements/power-cuts.json, in which the cuts stay as they are)

With `filing` the scans come without camera and models, so that many more kills meet a filing. Every other kill waits
for pictures in transit first, because a filing is short. The history is the same all along: what was once said to be
filed must be there after every later kill.

So that a kill of the whole service costs seconds, its camera replays small pictures of a lesion and of empty skin in
turn. The count of its starts is taken away before each, or the service would rightly stay in safe mode from the fifth.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
from sqlalchemy import select

from dermscan.capture.phantom.scene import PhantomScene, render_phantom
from dermscan.daemon.journal import configure_logging
from dermscan.daemon.service import Service
from dermscan.daemon.starts import NAME as STARTS
from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RiskBand, Scan
from dermscan.history.blobs import BLOBS
from dermscan.history.keys import create_key_file, load_master_key
from dermscan.history.schema import BlobRow
from dermscan.history.store import History
from dermscan.settings import HistorySettings, Settings

FILED = "Scan filed in"
PLAIN = (b"\x89PNG\r\n\x1a\n", b"JFIF", b"SQLite format 3\0")
LOOK_S, PATIENCE_S = 0.0005, 300.0
SIZE = 320, 240
DWELL_S = 0.6
"""Seconds for which a picture is shown: longer than a lesion must be away before the next one is scanned."""


@dataclass
class Device:
    """A service that is started again and again on one history.

    Attributes:
        folder: Where everything lies.
        filing_only: Whether the scans come without camera and models.
        seed: Of the instants.
        said: Scans that the service has said to be filed.
        there: Scans that were there after the last kill.
        kills: Kills so far.
        during_filing: Kills that have met pictures in transit.
        longest_s: Seconds within which it is killed at random: what two scans take here, as the machine's load is now.
    """

    folder: Path
    filing_only: bool = False
    seed: int = 0
    said: int = 0
    there: int = 0
    kills: int = 0
    during_filing: int = 0
    longest_s: float = 0.0
    known: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make the key, what the camera shows, and the settings."""
        create_key_file(self.folder / "key")
        shown = self.folder / "pictures"
        draw_pictures(shown)
        self.settings = Settings.model_validate(
            {
                "camera": {"backend": "replay", "source": shown, "rate_hz": 20, "dwell_s": DWELL_S},
                "scan": {"hold_still_s": 0.1, "burst_frames": 1, "done_s": 0},
                "history": {"folder": self.folder / "history", "key_file": self.folder / "key"},
                "bus": {"enabled": False},
            }
        )
        self._random = random.Random(self.seed)  # noqa: S311 - the instants must be the same again

    @property
    def transit(self) -> Path:
        """Where pictures are before the database has their scan."""
        return self.folder / "history" / "transit"

    def kill_once(self, *, aimed: bool) -> None:
        """Start the service, kill it, and see that the history is whole."""
        begun = time.monotonic()
        output = self.folder / "output"
        child = self._start(output)
        try:
            if aimed:
                _wait(lambda: self.transit.is_dir() and any(self.transit.iterdir()), PATIENCE_S)
                self.longest_s = 2 * (time.monotonic() - begun)
                time.sleep(self._random.uniform(0, 0.02))
            else:
                time.sleep(self._random.uniform(0, self.longest_s))
        finally:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), output.read_text(encoding="utf-8")
        self.during_filing += self.transit.is_dir() and any(self.transit.iterdir())
        self.said += output.read_text(encoding="utf-8").count(FILED)
        self._examine()
        self.kills += 1

    def file_twice(self) -> None:
        """Let two scans be filed before the first kill, which tells how long that takes."""
        output = self.folder / "output"
        begun = time.monotonic()
        child = self._start(output)
        _wait(lambda: output.read_text(encoding="utf-8").count(FILED) >= 2, PATIENCE_S)
        self.longest_s = time.monotonic() - begun
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.said += output.read_text(encoding="utf-8").count(FILED)
        self._examine()

    def _start(self, output: Path) -> int:
        """Start the service in a child that has imported everything already."""
        output.write_text("", encoding="utf-8")
        (self.settings.history.folder / STARTS).unlink(missing_ok=True)
        child = os.fork()
        if child:
            return child
        descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        configure_logging(verbose=False)
        if self.filing_only:
            file_without_end(self.settings.history)
        Service(lambda: self.settings).run()
        os._exit(0)

    def _examine(self) -> None:
        place = self.folder / "history"
        self._search(place)
        with History.open(place, load_master_key(self.settings.history)) as history:
            history.check()
            found = {summary.scan_id for summary in history.latest(100_000)}
            assert self.known <= found, "a scan is gone that was there"
            assert len(found) >= self.said, "a scan is gone that was said to be filed"
            for scan_id in sorted(found - self.known)[:20]:
                assert history.load(scan_id).assessment.mask is not None
            assert history.verify_audit() == (), "the audit log does not verify"
            with history._reading() as session:
                names = set(session.scalars(select(BlobRow.name)))
        assert {path.name for path in (place / "blobs").iterdir()} == names, "pictures and rows differ"
        assert not any(self.transit.iterdir()), "something stays in transit"
        assert not list(place.rglob("*.new")), "leftovers survive the start"
        self.known, self.there = found, len(found)

    def _search(self, place: Path) -> None:
        """See that no file holds anything in clear; a filed picture, which never changes, is searched once."""
        for path in place.rglob("*"):
            if not path.is_file() or path.name in self.searched:
                continue
            content = path.read_bytes()
            assert not any(secret in content for secret in PLAIN), f"{path.name} holds something in clear"
            if path.parent.name == BLOBS:
                self.searched.add(path.name)


def draw_pictures(folder: Path) -> None:
    """Draw two lesions, each before empty skin: every one that comes into view is scanned."""
    folder.mkdir()
    for number, lesion in enumerate((0, None, 1, None)):
        pixels, _ = render_phantom(PhantomScene(*SIZE, lesion=lesion))
        assert cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def file_without_end(settings: HistorySettings) -> None:
    """File as the service does, and say so as the service does."""
    pixels = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    mask = LesionMask(pixels[..., 0] > 100, 0.5)
    said = Assessment(Quality(1, 1, 0, 0, 0), None, mask, None, {}, None, None, RiskBand.INDETERMINATE, None)
    with History.open(settings.folder, load_master_key(settings)) as history:
        while True:
            frame = Frame(pixels, 0, 1.5, datetime.now(UTC))
            scan = Scan(str(uuid.uuid4()), frame, said, Provenance("b", "h", "v", "s"), "room-1")
            history.file_scan(scan)
            os.write(2, FILED.encode() + b"\n")


def _wait(condition: Callable[[], bool], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(LOOK_S)


def killed(kills: int, device: Device, tell: Callable[[Device], None]) -> dict[str, object]:
    """Kill so many times; an assertion fails where anything is lost."""
    device.file_twice()
    for number in range(kills):
        device.kill_once(aimed=bool(number % 2))
        tell(device)
    with History.open(device.settings.history.folder, load_master_key(device.settings.history)) as history:
        history.prove()
    return found(device)


def found(device: Device) -> dict[str, object]:
    """The figures so far."""
    return {
        "kills": device.kills,
        "with_pictures_in_transit": device.during_filing,
        "scans_said_to_be_filed": device.said,
        "scans_there": device.there,
        "lost": 0,
    }


def main(kills: int, out: Path, *, filing_only: bool) -> None:
    """Kill, and add to the file, now and then already on the way."""

    def tell(device: Device) -> None:
        if device.kills % 10 == 0:
            print(device.kills, "kills", device.during_filing, "in filing", device.there, "scans", flush=True)  # noqa: T201
            write(found(device))

    def write(figures: dict[str, object]) -> None:
        all_found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        all_found["filing" if filing_only else "service"] = figures
        out.write_text(json.dumps(all_found, indent=2) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as place:
        write(killed(kills, Device(Path(place), filing_only=filing_only), tell))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), filing_only=sys.argv[3:] == ["filing"])
