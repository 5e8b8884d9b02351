"""What the display says when something goes away, and that it is right again when it is back."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bedside import Room, becomes_true, shows
from dermscan.bus.events import Availability
from dermscan.display.serving import FOLDER, DisplayServer

WITHIN_5_S = 5000.0
LATER_MS = 15_000.0


def seconds(name: str) -> float:
    """A duration of the connection, from its source."""
    source = (FOLDER.parent / "source" / "connection.js").read_text(encoding="utf-8")
    found = re.search(rf"^const {name}_(M?S) = ([\d_]+);", source, re.MULTILINE)
    assert found is not None
    return float(found[2]) / (1000 if found[1] == "MS" else 1)


def test_the_durations_keep_the_promises() -> None:
    assert 1.5 * seconds("KEEPALIVE") + seconds("GRACE") < 5
    assert seconds("PAUSE") < 1
    assert seconds("ABSENCE") < 5


@pytest.fixture
def ready(room: Room) -> Page:
    room.says(Availability.ONLINE, state="ready")
    page = room.open()
    shows(page, "ready")
    return page


def test_a_lost_broker_is_told_and_its_return_is_noticed(room: Room, ready: Page) -> None:
    room.broker.stop()
    shows(ready, "disconnected", WITHIN_5_S)
    looks = "performance.getEntriesByType('resource').filter(each => each.name.endsWith('/mqtt')).length"
    becomes_true(ready, f"{looks} > 5")
    # Browsers delay WebSockets after failures: one that fails at each look would come back late
    assert sum(url.startswith("ws:") for url in room.requests) <= 2
    room.broker.start()
    room.says(Availability.ONLINE, state="done")
    shows(ready, "done", WITHIN_5_S)


def test_the_state_is_right_within_two_seconds_of_the_brokers_return(room: Room, ready: Page) -> None:
    """On a machine that is busy with other work one return of three must do; one that is slow by itself never does."""
    took = []
    for state in ("done", "framing", "ready"):
        room.broker.stop()
        shows(ready, "disconnected", LATER_MS)
        room.broker.start()
        back = time.monotonic()
        room.says(Availability.ONLINE, state=state)
        shows(ready, state, LATER_MS)
        took.append(time.monotonic() - back)
        if took[-1] <= 2:
            return
    pytest.fail(f"the display took {took} s")


def test_a_broker_that_falls_silent_is_lost_too(room: Room, ready: Page) -> None:
    room.broker.freeze()
    shows(ready, "disconnected", LATER_MS)
    room.broker.thaw()
    shows(ready, "ready", WITHIN_5_S)


def test_a_short_break_is_not_shown(room: Room, ready: Page) -> None:
    room.broker.freeze()
    ready.wait_for_timeout(700)
    room.broker.thaw()
    room.says(state="done")
    shows(ready, "done")
    assert "disconnected" not in ready.content()


def test_a_broker_that_comes_after_the_page(make_room: Callable[..., Room], tmp_path: Path) -> None:
    """The kiosk opens the page from the disk: it starts without a broker, and without any network."""
    room = make_room()
    folder = Path(shutil.copytree(FOLDER, tmp_path / "page"))
    for name in ("index.html", "display.js"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "127.0.0.1:8080" in text
        (folder / name).write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{room.port}"), encoding="utf-8")
    room.broker.stop()
    page = room.open(f"file://{folder}/index.html?lang=de")
    shows(page, "disconnected")
    expect(page.locator("#title")).to_have_text("Anzeige offline")
    room.broker.start()
    room.says(Availability.ONLINE, state="ready")
    shows(page, "ready", WITHIN_5_S)
    assert {url.split("?")[0].rpartition("/")[0] for url in room.requests} == {
        f"file://{folder}",
        f"http://127.0.0.1:{room.port}",
        f"ws://127.0.0.1:{room.port}",
    }


def test_a_device_that_dies_or_was_never_there_is_away(room: Room) -> None:
    page = room.open()
    shows(page, "connecting")
    shows(page, "offline", LATER_MS)
    room.says(Availability.ONLINE, state="ready")
    shows(page, "ready")
    room.says(Availability.OFFLINE)
    shows(page, "offline")
    room.says(Availability.ONLINE, state="ready")
    shows(page, "ready")


def test_the_service_worker_starts_the_page_without_the_network(room: Room) -> None:
    server = DisplayServer(f"ws://127.0.0.1:{room.port}/mqtt", "room-1", language="fr")
    server.start()
    room.says(Availability.ONLINE, state="ready")
    page = room.open(server.url)
    shows(page, "ready")
    becomes_true(page, "navigator.serviceWorker.controller !== null")
    server.stop()
    page.reload()
    shows(page, "ready")
    room.broker.stop()
    page.goto(f"{server.url}index.html?device=room-1")
    shows(page, "disconnected")
    expect(page.locator("#title")).to_have_text("Écran hors ligne")


def test_the_service_worker_takes_the_newer_page(room: Room) -> None:
    """An old copy must not outlive an update of the device."""
    first = DisplayServer(f"ws://127.0.0.1:{room.port}/mqtt", "room-1", language="fr")
    first.start()
    page = room.open(first.url)
    shows(page, "connecting")
    becomes_true(page, "navigator.serviceWorker.controller !== null")
    first.stop()
    second = DisplayServer(f"ws://127.0.0.1:{room.port}/mqtt", "room-1", first.port, language="es")
    second.start()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    second.stop()
