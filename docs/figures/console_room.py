"""A console before a filled history, for whoever photographs or measures it: tests/clinic.py's, in Chromium."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT / "tests"))

from appliance import Appliance  # noqa: E402 - the tests' folder is on the path only now
from bedside import ARGUMENTS  # noqa: E402
from broker import Mosquitto, own_name  # noqa: E402
from clinic import fill, many  # noqa: E402
from console.exam_room import ExamRoom, exam_room  # noqa: E402
from dermscan.bundle.loading import load_bundle  # noqa: E402
from dermscan.history import History  # noqa: E402
from dermscan.history.keys import create_key_file, load_master_key  # noqa: E402
from dermscan.settings import HistorySettings  # noqa: E402

DATA = CHECKOUT.parent / "shared" / "data"
MANY = 46
"""Scans that the last lesion has beside its four: fifty in all."""


@contextmanager
def filled_room() -> Iterator[ExamRoom]:
    """A room with a scanner that can be started, a console, four phantom lesions and fifty scans of one of them."""
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        create_key_file(folder / "made.key")
        key = load_master_key(HistorySettings(folder=folder / "made", key_file=folder / "made.key"))
        bundle = load_bundle()
        with History.open(folder / "made", key) as history:
            many(history, fill(history, None, bundle).followed[3], MANY)
        socket = folder / "mqtt.sock"
        broker = Mosquitto(folder, [f"listener 0 {socket}", f"user {own_name()}"], socket_path=socket)
        appliance = _appliance(folder, bundle.folder)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            with exam_room(appliance, folder / "made", folder / "made.key", broker, browser) as room:
                appliance.sections["console"]["export_folder"] = folder
                room.start_console()
                yield room
        finally:
            appliance.end()
            broker.stop()


def _appliance(folder: Path, bundle: Path) -> Appliance:
    made = Appliance(folder)
    made.sections = {
        "device": {"label": "room-1"},
        "camera": {"backend": "phantom", "width": 640, "height": 480, "rate_hz": 20},
        "scan": {"hold_still_s": 0.5, "burst_frames": 2, "done_s": 0.2},
        "models": {"bundle": bundle},
        "history": {"folder": made.history, "key_file": made.key_file},
    }
    return made
