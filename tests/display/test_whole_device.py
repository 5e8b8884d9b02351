"""The display before the real service: a scan from its start to its end, a fault, a death, and the demonstration."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from appliance import Appliance, Running
from bedside import Room, await_view, shows, views_from_now, views_so_far

WITHIN_MS = 5000.0  # 2 s where nothing else keeps the machine busy


def test_a_scan_is_shown_from_its_start_to_its_end(appliance: Appliance, make_room: Callable[..., Room]) -> None:
    room = make_room(unix=True)
    appliance.sections["bus"] = {"transport": "unix", "socket": room.broker.socket_path}
    page = room.open()
    shows(page, "offline")
    views_from_now(page)
    running = appliance.start()
    for view in ("hold_still", "analysing", "done"):
        await_view(page, view)
    shown = views_so_far(page)
    assert shown.index("hold_still") < shown.index("analysing") < shown.index("done")
    running.stop()
    shows(page, "stopped")
    views_from_now(page)
    again = appliance.start()
    await_view(page, "starting")
    again.stop(signal.SIGKILL)
    shows(page, "offline")
    assert "disconnected" not in views_so_far(page)


def test_a_lost_camera_and_its_return_are_shown(appliance: Appliance, make_room: Callable[..., Room]) -> None:
    room = make_room(unix=True)
    appliance.sections["bus"] = {"transport": "unix", "socket": room.broker.socket_path}
    appliance.sections["camera.faults"] = {"disconnect_after_s": 3}
    page = room.open("?lang=fr")
    views_from_now(page)
    appliance.start()
    await_view(page, "fault")
    expect(page.locator("body")).not_to_have_attribute("data-view", "fault")


def test_the_guidance_of_the_device_is_shown(appliance: Appliance, make_room: Callable[..., Room]) -> None:
    room = make_room(unix=True)
    appliance.sections["bus"] = {"transport": "unix", "socket": room.broker.socket_path}
    appliance.sections["camera.faults"] = {"blur": 1.0}
    page = room.open("?lang=es")
    appliance.start()
    expect(page.locator("#detail")).to_have_text(
        "La imagen no es nítida. Cambie la distancia despacio.", timeout=60_000
    )


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Running]:
    output = tmp_path / "demonstration.txt"
    command = [sys.executable, "-u", "-m", "dermscan", "demo", "--folder", str(tmp_path / "demo"), "--seconds", "120"]
    with output.open("wb") as stream:
        running = Running(subprocess.Popen(command, stdout=stream, stderr=stream), output)
    yield running
    running.stop(signal.SIGKILL)


def test_the_demonstration_shows_the_right_state_at_once(demonstration: Running, chromium: Browser) -> None:
    demonstration.await_line("Bedside display")
    found = re.search(r"Bedside display +(http://\S+)", demonstration.said)
    assert found is not None
    page = chromium.new_page()
    page.goto(found[1])
    right = re.compile("^(ready|framing|hold_still|analysing|done)$")
    expect(page.locator("body")).to_have_attribute("data-view", right, timeout=60_000)
    page.reload(wait_until="commit")
    expect(page.locator("body")).to_have_attribute("data-view", right, timeout=WITHIN_MS)
    expect(page.locator("#device")).to_have_text("demo")
    page.close()
