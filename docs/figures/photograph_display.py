"""Photographs the bedside page in every state into docs/display/: Chromium before Mosquitto. Needs the test extra."""

import io
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "docs" / "display"
sys.path.insert(0, str(CHECKOUT / "tests"))

from bedside import ARGUMENTS, Room, shows  # noqa: E402 - the tests' folder is on the path only now
from broker import Mosquitto, own_name  # noqa: E402
from dermscan.bus.events import Availability  # noqa: E402
from dermscan.display.serving import FOLDER as PAGE  # noqa: E402

SCREEN = {"width": 800, "height": 480}
COLOURS = 64
STATES: dict[str, tuple[str, dict[str, Any]]] = {
    "ready": ("light", {"state": "ready"}),
    "framing": ("light", {"state": "framing"}),
    "hold-still": ("dark", {"state": "hold_still"}),
    "analysing": ("light", {"state": "analysing", "progress": 60}),
    "done": ("dark", {"state": "done"}),
    "fault": ("light", {"state": "fault"}),
    "paused": ("dark", {"state": "paused"}),
    "stopping": ("light", {"state": "stopping"}),
}
GUIDANCE = {
    "too_dark": ("dark", "en"),
    "too_bright": ("light", "de"),
    "motion": ("light", "en"),
    "out_of_focus": ("dark", "fr"),
    "no_lesion": ("light", "es"),
    "lesion_too_small": ("dark", "de"),
    "lesion_cut_off": ("light", "fr"),
    "glare": ("dark", "es"),
}


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        return int(one.getsockname()[1]), int(two.getsockname()[1])


def keep(name: str, photograph: bytes) -> None:
    """Write a picture with few colours, which these pages have: a tenth of the size."""
    picture = Image.open(io.BytesIO(photograph)).convert("RGB").quantize(COLOURS)
    picture.save(FOLDER / f"{name}.png", optimize=True)


def photograph(room: Room, name: str, scheme: str, language: str, view: str, then: Callable[[], None] | None) -> None:
    """Open the page, wait for the view, and keep its picture."""
    page = room.open(f"?lang={language}", viewport=SCREEN, color_scheme=scheme, reduced_motion="reduce")
    if then:
        shows(page, "ready")
        then()
    shows(page, view)
    keep(name, page.screenshot())
    room.contexts.pop().close()
    print(name)


def every_photograph(room: Room) -> None:
    """Walk through the states; the losses come last."""
    for name, (scheme, status) in STATES.items():
        room.says(Availability.ONLINE, **status)
        photograph(room, name, scheme, "en", status["state"], None)
    for reason, (scheme, language) in GUIDANCE.items():
        room.says(state="framing", guidance=reason)
        photograph(room, f"framing-{reason.replace('_', '-')}-{language}", scheme, language, "framing", None)
    room.says(Availability.OFFLINE)
    photograph(room, "scanner-offline", "light", "en", "offline", None)
    room.says(Availability.STOPPED)
    photograph(room, "scanner-off", "dark", "en", "stopped", None)
    room.says(Availability.ONLINE, state="ready")
    photograph(room, "display-offline", "light", "en", "disconnected", room.broker.stop)


def photograph_with(browser: Browser, folder: Path) -> None:
    """A room of its own for the pictures."""
    port, page_port = free_ports()
    lines = [f"listener {port} 127.0.0.1", f"user {own_name()}"]
    lines += [f"listener {page_port} 127.0.0.1", "protocol websockets", f"http_dir {PAGE}"]
    broker = Mosquitto(folder, lines, port=port).start()
    try:
        every_photograph(Room(broker, browser, page_port))
    finally:
        broker.stop()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        photograph_with(chromium, Path(made))
        chromium.close()
