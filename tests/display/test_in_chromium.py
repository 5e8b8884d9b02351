"""The page in a real Chromium before a real Mosquitto: every state, every language, light and dark."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bedside import Room, shows
from dermscan.bus.events import Availability, WorkState
from dermscan.display.serving import FOLDER
from dermscan.domain import RejectReason

SOURCE = FOLDER.parent / "source"
LANGUAGES = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (SOURCE / "messages").glob("*.json")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = ({"width": 800, "height": 480}, {"width": 1280, "height": 720}, {"width": 720, "height": 1280})


def every_view(room: Room, page: Page) -> Iterator[tuple[str, str | None]]:
    """Let the device say everything that it can say; the view and the guidance that the page must then show."""
    room.says(Availability.ONLINE, state=WorkState.STARTING)
    for state in WorkState:
        room.says(state=state, progress=40 if state is WorkState.ANALYSING else 0)
        shows(page, state)
        yield state, None
    for reason in RejectReason:
        room.says(state=WorkState.FRAMING, guidance=reason)
        expect(page.locator("body")).to_have_attribute("data-view", "framing")
        yield "framing", reason
    room.says(state=WorkState.HOLD_STILL, guidance=RejectReason.MOTION)
    yield "hold_still", RejectReason.MOTION
    for availability in (Availability.OFFLINE, Availability.STOPPED):
        room.says(availability)
        shows(page, availability)
        yield availability, None


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, as rule and element."""
    axe = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.fail("axe-core is missing: run ./deploy/test once")
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run({ runOnly: tags })", RULES)
    assert len(found["passes"]) > 10
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_in_any_state(room: Room, scheme: str) -> None:
    page = room.open(color_scheme=scheme, reduced_motion="reduce")
    for view, guidance in every_view(room, page):
        assert violations(page) == [], (view, guidance)
    room.broker.stop()
    shows(page, "disconnected")
    assert violations(page) == []


def test_axe_would_find_what_is_wrong(room: Room) -> None:
    page = room.open()
    shows(page, "connecting")
    page.evaluate("document.documentElement.removeAttribute('lang'); document.getElementById('title').remove()")
    assert any(found.startswith("html-has-lang") for found in violations(page))


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_state_is_said_in_the_language_and_fits_the_screen(room: Room, code: str) -> None:
    texts = LANGUAGES[code]
    page = room.open(f"?lang={code}")
    for view, guidance in every_view(room, page):
        title, standing = texts["views"][view]
        expect(page.locator("#title")).to_have_text(title)
        expect(page.locator("#detail")).to_have_text(texts["guidance"][guidance] if guidance else standing)
        for screen in SCREENS:
            page.set_viewport_size(screen)  # type: ignore[arg-type]
            assert page.evaluate(FITS), (view, guidance, screen)
    expect(page.locator("html")).to_have_attribute("lang", code)
    expect(page.locator("#notice")).to_have_text(texts["notice"])


FITS = """() => {
    const root = document.documentElement;
    const inside = (box) => box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight;
    const boxes = ["title", "detail", "notice"].map((id) => document.getElementById(id).getBoundingClientRect());
    return root.scrollWidth <= innerWidth && root.scrollHeight <= innerHeight && boxes.every(inside);
}"""


def test_the_title_is_readable_at_three_metres(room: Room) -> None:
    """Capitals of 8 mm or more on a 7-inch screen (86 mm high): 9 minutes of arc, twice what sight needs."""
    page = room.open(viewport={"width": 800, "height": 480})
    shows(page, "connecting")
    size = page.evaluate("parseFloat(getComputedStyle(document.getElementById('title')).fontSize)")
    assert size * 0.7 / 480 * 86 >= 8
    assert page.evaluate("parseFloat(getComputedStyle(document.getElementById('detail')).fontSize)") >= 30


def test_a_narrow_window_is_never_scrolled_sideways(room: Room) -> None:
    """WCAG 2.2, 1.4.10: 320 CSS pixels, as at a magnification of 400 %."""
    page = room.open(viewport={"width": 320, "height": 256})
    for _ in every_view(room, page):
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_progress_is_shown_and_not_read_out_at_each_step(room: Room) -> None:
    page = room.open()
    room.says(Availability.ONLINE, state="analysing", progress=10)
    shows(page, "analysing")
    page.evaluate(
        """() => {
            window.readOut = 0;
            const note = (changes) => { window.readOut += changes.length; };
            const all = { subtree: true, childList: true, characterData: true };
            new MutationObserver(note).observe(document.querySelector("[aria-live]"), all);
        }"""
    )
    for progress in (30, 60, 100):
        room.says(state="analysing", progress=progress)
        expect(page.get_by_role("progressbar", name="Progress of the analysis")).to_have_js_property("value", progress)
    assert page.evaluate("window.readOut") == 0
    room.says(state="done")
    shows(page, "done")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("status").get_by_role("heading", name="Done")).to_be_visible()
    assert page.evaluate("window.readOut") > 0


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_whom_motion_is_too_much(room: Room, wish: str, moves: bool) -> None:  # noqa: FBT001
    page = room.open(reduced_motion=wish)
    room.says(Availability.ONLINE, state="analysing", progress=10)
    shows(page, "analysing")
    assert bool(page.evaluate("document.getAnimations().length")) == moves


@pytest.mark.parametrize(
    ("query", "config", "locale", "spoken"),
    [
        ("?lang=de", {"language": "fr"}, "es-ES", "de"),
        ("", {"language": "fr"}, "es-ES", "fr"),
        ("", {}, "es-MX", "es"),
        ("?lang=xx", {}, "ja-JP", "en"),
        ("", {"language": 7}, "de-AT", "de"),
        ("?lang=__proto__", None, "fr-CA", "fr"),
    ],
)
def test_the_language_is_the_asked_for_then_the_rooms_then_the_browsers(
    make_room: Callable[..., Room], tmp_path: Path, query: str, config: Any, locale: str, spoken: str
) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "page"))
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    page = make_room(folder=folder).open(query, locale=locale)
    shows(page, "connecting")
    expect(page.locator("html")).to_have_attribute("lang", spoken)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "no JSON",
        "null",
        "[]",
        '{"schema_version": 2, "seq": 1, "state": "ready"}',
        '{"schema_version": 1, "seq": 1, "state": "<img src=x onerror=alert(1)>"}',
        '{"schema_version": 1, "seq": 1, "state": "__proto__", "guidance": "constructor"}',
        '{"schema_version": 1, "seq": 1, "state": 7, "progress": "much"}',
        "\x00" * 5000,
    ],
)
def test_what_it_does_not_understand_harms_nothing(room: Room, payload: str) -> None:
    page = room.open()
    room.says(Availability.ONLINE, state="ready")
    shows(page, "ready")
    room.broker.send("dermscan/room-1/status", payload=payload.encode())
    shows(page, "unknown")
    room.says(state="done")
    shows(page, "done")
    assert not [said for said in room.complaints if "rror" in said and "Failed to load" not in said]


def test_an_unknown_guidance_leaves_the_standing_sentence(room: Room) -> None:
    page = room.open()
    room.says(Availability.ONLINE)
    strange = b'{"schema_version": 1, "seq": 1, "state": "framing", "guidance": "toString", "progress": 0}'
    room.broker.send("dermscan/room-1/status", "-r", payload=strange)
    shows(page, "framing")
    expect(page.locator("#detail")).to_have_text(LANGUAGES["en"]["views"]["framing"][1])


def test_it_asks_nobody_but_its_own_origin_and_publishes_nothing(room: Room) -> None:
    witness = room.broker.witness("#")
    page = room.open()
    said = [view for view, _ in every_view(room, page)]
    assert said
    assert len({url for url in room.requests if not url.startswith(room.url)}) == 1
    assert f"ws://127.0.0.1:{room.port}/mqtt" in room.requests
    assert not [text for text in room.complaints if re.search("Content Security Policy|blocked", text)]
    witness.await_payload("availability", "stopped")
    topics = {topic for topic, _, _ in witness.seen() if not topic.startswith("$SYS")}
    assert topics == {"dermscan/room-1/status", "dermscan/room-1/availability"}
