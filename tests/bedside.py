"""What stands at the bedside: a real Chromium before a real Mosquitto, and a device that says what a test wants."""

import socket
import time
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from broker import Mosquitto
from dermscan.bus.events import Availability, Status

PATIENCE_MS = 30_000.0
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Room:
    """A room with a broker that serves the page, a display that shows it, and a device that speaks to it."""

    broker: Mosquitto
    browser: Browser
    port: int
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def serves(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def says(self, availability: Availability | None = None, **status: Any) -> None:
        """Publish as the device does: retained, QoS 1."""
        if status:
            payload = Status.model_validate(status).model_dump_json().encode()
            self.broker.send("dermscan/room-1/status", "-r", payload=payload)
        if availability:
            self.broker.send("dermscan/room-1/availability", "-r", payload=availability.encode())

    def open(self, address: str = "", **context: Any) -> Page:
        """Open the page as a new browser; every request it makes and everything it complains of is written down."""
        made = self.browser.new_context(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-GB"} | context)
        self.contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(PATIENCE_MS)
        made.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address if "://" in address else self.url + address)
        return page


def shows(page: Page, view: str, patience_ms: float = PATIENCE_MS) -> None:
    """Wait until the page shows this view."""
    expect(page.locator("body")).to_have_attribute("data-view", view, timeout=patience_ms)


def views_from_now(page: Page) -> None:
    """Have the page write down every view that it shows; `views_so_far` reads them."""
    page.evaluate(
        """() => {
            const body = document.body;
            window.viewsShown = [body.dataset.view];
            const note = () => {
                if (window.viewsShown.at(-1) !== body.dataset.view) window.viewsShown.push(body.dataset.view);
            };
            new MutationObserver(note).observe(body, { attributeFilter: ["data-view"] });
        }"""
    )


def views_so_far(page: Page) -> list[str]:
    return list(page.evaluate("window.viewsShown"))


def await_view(page: Page, wanted: str) -> None:
    """Wait until the page has shown this view, however briefly, since `views_from_now`."""
    becomes_true(page, f"window.viewsShown.includes('{wanted}')", 60)


def becomes_true(page: Page, expression: str, patience_s: float = 30) -> None:
    """Wait for something in the page; Playwright's own way is forbidden by the page's Content-Security-Policy."""
    until = time.monotonic() + patience_s
    while not page.evaluate(expression):
        assert time.monotonic() < until, f"waited in vain for {expression}"
        page.wait_for_timeout(50)
