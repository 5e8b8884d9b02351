"""An exam room: a real device with its broker and its console as processes, and a real Chromium before it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from appliance import Appliance, Running, wait_until
from broker import Mosquitto
from console.visiting import CLINICIAN, PIN, TECHNICIAN

HERE = Path(__file__).parents[2]
AXE = HERE / "service" / "dermscan" / "display" / "source" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 120_000.0
"""Loading and running the models on a busy machine takes its time."""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class ExamRoom:
    """What stands in the room.

    Attributes:
        appliance: The device's folder and settings.
        browser: The browser.
        broker: The broker that scanner and console share.
        address: Where the console is.
        complaints: What the browser complained of.
        requests: What the browser asked for.
    """

    appliance: Appliance
    browser: Browser
    broker: Mosquitto
    address: str = ""
    console: Running | None = None
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def start_console(self) -> Running:
        """Start the console as a process of its own, and wait until it serves."""
        running = self.appliance.start_command("console", "run")
        running.await_line("The console is at ")
        self.address = running.said.split("The console is at ")[1].split()[0].rstrip("/")
        self.console = running
        return running

    def start_scanner(self) -> Running:
        """Start the daemon, and wait until it is ready to scan."""
        running = self.appliance.start()

        def ready() -> bool:
            assert running.process.poll() is None, f"ended: {running.said}"
            online = self.broker.retained("dermscan/room-1/availability") == "online"
            return online and "starting" not in self.broker.retained("dermscan/room-1/status")

        wait_until(ready)
        return running

    def open(self, path: str = "/", **context: Any) -> Page:
        """Open a page as a new browser."""
        made = self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | context)
        self.contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(PATIENCE_MS)
        made.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.address + path)
        return page

    def sign_in(self, name: str = CLINICIAN, **context: Any) -> Page:
        """Sign in by the form."""
        page = self.open("/sign-in", **context)
        page.locator("[name=name]").fill(name)
        page.locator("[name=passphrase]").fill(PIN)
        page.locator("button.primary").click()
        page.wait_for_url("**/lesions" if name == CLINICIAN else "**/device")
        return page


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, as rule and element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run({ runOnly: tags })", RULES)
    assert len(found["passes"]) > 10
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


@contextmanager
def exam_room(
    appliance: Appliance, history: Path, key: Path, broker: Mosquitto, browser: Browser
) -> Iterator[ExamRoom]:
    """Set a room up around a copy of a history, with a clinician and a technician who may sign in."""
    shutil.copytree(history, appliance.history, dirs_exist_ok=True)
    shutil.copy(key, appliance.key_file)
    bus = {"transport": "unix", "socket": broker.socket_path}
    appliance.sections["bus"] = bus
    appliance.sections["scan"] |= {"automatic": False}
    appliance.sections["console"] = {"folder": appliance.folder / "console", "port": 0}
    appliance.sections["console.bus"] = bus
    for name, role in ((CLINICIAN, "clinician"), (TECHNICIAN, "technician")):
        done = appliance.call("console", "user", "add", name, "--role", role, typed=f"{PIN}\n")
        assert done.returncode == 0, done.stderr
    room = ExamRoom(appliance, browser, broker.start())
    try:
        yield room
    finally:
        for context in room.contexts:
            context.close()
        # As its unit ends it; killed, it would leave no measurement of coverage behind
        if room.console is not None and room.console.process.poll() is None:
            room.console.stop()
