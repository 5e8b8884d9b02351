"""Fixtures of the bedside: one Chromium a module, and rooms with a broker each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from appliance import wait_until
from bedside import ARGUMENTS, PATIENCE_MS, Room
from broker import MakeBroker, free_port, program
from dermscan.display.serving import FOLDER


@pytest.fixture(scope="module")  # not longer: Playwright has one loop in a thread, and others want it too
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def make_room(chromium: Browser, mosquitto: MakeBroker) -> Iterator[Callable[..., Room]]:
    made: list[Room] = []

    def make(*, unix: bool = False, folder: Path = FOLDER) -> Room:
        port = free_port()
        listener = [f"listener {port} 127.0.0.1", "protocol websockets", f"http_dir {folder}"]
        made.append(Room(mosquitto(unix=unix, listener=listener).start(), chromium, port))
        wait_until(made[-1].serves)
        return made[-1]

    yield make
    for room in made:
        for context in room.contexts:
            context.close()


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room()
