"""The test bed: the real daemon, Mosquitto, Chromium before the display, and the console, in one folder.

It only sets up, asks and takes down; what goes wrong, and what must then be so, is elsewhere.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from appliance import Appliance, Running
from bedside import ARGUMENTS, Room
from broker import Mosquitto, free_port, own_name, program
from console.visiting import CLINICIAN, PIN, Visitor
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import load_bundle
from dermscan.bundle.signing import trusted_keys
from dermscan.bundle.store import BundleStore
from dermscan.console.desk import Desk
from dermscan.console.role import Role
from dermscan.display.serving import FOLDER
from dermscan.history import History
from dermscan.history.keys import create_key_file, load_master_key
from dermscan.settings import HistorySettings, load_settings
from signed_bundles import signed_copy, trust_maker
from soak.ear import WORKING, Ear
from soak.gauges import Gauges
from soak.keeper import Keeper, Life
from soak.wall_clock import WallClock

HURRIED = Path(__file__).parent / "hurried.py"
PEOPLE = ("quillon-zebedee", "ottoline-vark")
LESIONS_EACH = 3
LOOK_S = 0.03
STARTING_S = 600.0
"""Seconds that a busy machine may need to start everything; nothing is judged before."""
STALL_S = 1.0
TICKET = timedelta(minutes=5)


@dataclass
class Hurried(Appliance):
    """A device whose phantom has a quick hand."""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(HURRIED), "--settings", str(self.write_settings()), *arguments]


class Bed:
    """Everything that stands in the room.

    Attributes:
        appliance: The device's folder and settings.
        broker: The broker that all share.
        keeper: Keeps the service alive.
        ear: Hears the bus.
        page: The bedside display.
        history: The device's history, read beside the service.
        lesions: Known lesions that scans are ordered for.
        clock: The service's wall clock.
        gauges: What service and console hold.
        disk: The history's own small disk, None where none could be mounted.
    """

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.disk = _disk(folder, closing)
        self.appliance = Hurried(folder)
        self.broker = _broker(folder)
        closing.callback(self.broker.stop)
        self.clock = WallClock(folder)
        self._set_up()
        closing.callback(self.appliance.end)
        self.lesions = self._people_and_lesions()
        self.history = self._open(read_only=True)
        closing.callback(self.history.close)
        self.ear = Ear(self._socket)
        closing.callback(self.ear.end)
        self.ear.secrets = {secret.encode() for secret in (*PEOPLE, *self.lesions)}
        self.keeper = Keeper(folder, self._start, self.history.count)
        self.page = self._display(closing)
        self.console = self._start_console()
        self.gauges = Gauges(self._pids)

    def begin(self, closing: ExitStack) -> None:
        """Start the service and wait for its first scan."""
        self.appliance.environment = {**self.keeper.environment, **self.clock.environment}
        self.keeper.begin()
        closing.callback(self.keeper.end)
        self.gauges.begin()
        closing.callback(self.gauges.end)
        assert self.wait(lambda: self.history.count() > 0, STARTING_S) is not None, self.said

    @property
    def said(self) -> str:
        """What the service wrote in its last life."""
        return self.appliance.started[-1].said

    @property
    def view(self) -> str:
        """What the display shows."""
        return str(self.page.evaluate("document.body.dataset.view"))

    def wait(self, condition: Callable[[], bool], patience_s: float) -> float | None:
        """Wait for something; the seconds it took, None where it did not come."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > patience_s:
                return None
            time.sleep(LOOK_S)
        return time.monotonic() - begun

    def well(self) -> bool:
        """Whether service, bus and display all say that a lesion can be scanned."""
        return self.keeper.ready and self.ear.availability == "online" and self.ear.state in WORKING

    def shown_well(self) -> bool:
        return self.view in WORKING

    def reload(self, **camera_faults: float) -> None:
        """Have the service read its settings anew, with these faults of the camera."""
        self.appliance.sections["camera.faults"] = camera_faults
        self.appliance.write_settings()
        os.kill(self.keeper.life.process.pid, 1)

    def clear_safe_mode(self) -> None:
        """Let the service count its starts anew, as a technician does who has mended what ended it.

        A run meets in half an hour more deaths than the service takes for a crash loop (docs/operations.md).
        """
        said = self.appliance.call("safe-mode", "clear")
        assert said.returncode == 0, said.stderr

    def order(self, number: int) -> None:
        """Order a scan of a known lesion, as the console does."""
        lesion = self.lesions[number % len(self.lesions)]
        self.ear.command(self.history.issue_ticket(lesion, TICKET))

    def said_in(self, life: Life) -> int:
        """How many scans the bus was told of in one life."""
        return self.ear.filed(life.started, life.ended or float("inf"))

    def console_answers(self) -> bool:
        """Whether a clinician who signs in sees the lesions, all pictures being behind it."""
        visitor = Visitor(self._console_port)
        return visitor.sign_in(CLINICIAN, PIN).status == 303 and visitor.get("/lesions").status == 200

    def bundle_file(self) -> Path:
        """A network of the installed bundle."""
        return next((self.folder / "bundles").glob("dermscan-*/classifier.onnx"))

    @property
    def _socket(self) -> Path:
        return self.folder / "mqtt.sock"

    def _set_up(self) -> None:
        create_key_file(self.appliance.key_file)
        keys = trust_maker(self.folder / "keys")
        source = signed_copy(load_bundle(), self.folder / "dermscan-9.1.0")
        Installation(BundleStore(self.folder / "bundles"), trusted_keys(keys), lambda _bundle: None).install(
            source, None, lambda _done, _total: None
        )
        bus = {"transport": "unix", "socket": self._socket}
        self.appliance.sections = {
            "device": {"label": "room-1"},
            "camera": {"backend": "phantom", "width": 320, "height": 240, "rate_hz": 20, "stall_s": STALL_S},
            "camera.faults": {},
            "scan": {"hold_still_s": 0.15, "burst_frames": 2, "done_s": 0},
            "models": {"store": self.folder / "bundles", "keys": keys},
            "history": {"folder": self.appliance.history, "key_file": self.appliance.key_file},
            "health": {"state_file": self.folder / "state.json", "trust_clock": True, "min_free_mb": 1},
            "bus": bus,
            "console": {"folder": self.folder / "console", "port": 0},
            "console.bus": bus,
        }
        self.broker.start()

    def _people_and_lesions(self) -> list[str]:
        with self._open(read_only=False) as history:
            return [history.create_lesion(subject_alias=alias) for alias in PEOPLE for _ in range(LESIONS_EACH)]

    def _open(self, *, read_only: bool) -> History:
        settings = HistorySettings(folder=self.appliance.history, key_file=self.appliance.key_file)
        return History.open(settings.folder, load_master_key(settings), read_only=read_only)

    def _start(self) -> "subprocess.Popen[bytes]":
        return self.appliance.start().process

    def _display(self, closing: ExitStack) -> Page:
        playwright = closing.enter_context(sync_playwright())
        found = program("chromium", "chromium")
        browser = closing.enter_context(playwright.chromium.launch(executable_path=found, args=ARGUMENTS))
        return Room(self.broker, browser, self.broker.port).open()

    def _start_console(self) -> Running:
        desk = Desk.of(load_settings(self.appliance.write_settings()))
        desk.people.add(CLINICIAN, Role.CLINICIAN, PIN)
        desk.door.close()
        running = self.appliance.start_command("console", "run")
        running.await_line("The console is at ", STARTING_S)
        self._console_port = int(running.said.split("The console is at ")[1].split()[0].rstrip("/").rpartition(":")[2])
        return running

    def _pids(self) -> list[int]:
        return [self.keeper.life.process.pid, self.console.process.pid]


def _disk(folder: Path, closing: ExitStack) -> Path | None:
    """A disk of its own for the history, that can be made full; only root can mount one."""
    place = folder / "history"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=16g,mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        return None
    closing.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)
    return place


def _broker(folder: Path) -> Mosquitto:
    """A broker on a Unix socket, that serves the display too."""
    port = free_port()
    lines = [f"listener 0 {folder / 'mqtt.sock'}", f"user {own_name()}", f"listener {port} 127.0.0.1"]
    lines += ["protocol websockets", f"http_dir {FOLDER}"]
    return Mosquitto(folder, lines, port=port, socket_path=folder / "mqtt.sock")


@contextmanager
def made_bed(folder: Path) -> Iterator[Bed]:
    """Make a bed, start it, and take it down at the end."""
    with ExitStack() as closing:
        bed = Bed(folder, closing)
        bed.begin(closing)
        yield bed


def missing() -> str | None:
    """What a bed needs and this machine has not; None where all is there."""
    place = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin"
    absent = [name for name in ("mosquitto", "chromium") if shutil.which(name, path=place) is None]
    return f"not installed: {', '.join(absent)}" if absent else None
