"""The console as a clinician uses it: real Chromium, daemon, broker and lesion pictures, an encrypted history."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from appliance import Appliance, wait_until
from bedside import becomes_true
from broker import MakeBroker
from clinic import Clinic, fill, many
from console.exam_room import ExamRoom, exam_room, violations
from console.visiting import PIN, TECHNICIAN
from dermscan.bundle.loading import Bundle
from dermscan.history import History
from dermscan.history.keys import create_key_file, load_master_key
from dermscan.settings import HistorySettings

SCREENS = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080}, {"width": 820, "height": 1180})


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, lesion_data: Path, bundle: Bundle) -> tuple[Path, Clinic]:
    """A folder with a history of real pictures and its key, made once."""
    folder = tmp_path_factory.mktemp("filled")
    create_key_file(folder / "key")
    key = load_master_key(HistorySettings(folder=folder / "history", key_file=folder / "key"))
    with History.open(folder / "history", key) as history:
        return folder, fill(history, lesion_data, bundle, visits=2, lesions=1)


@pytest.fixture
def room(
    appliance: Appliance, drawn: tuple[Path, Clinic], mosquitto: MakeBroker, chromium: Browser
) -> Iterator[ExamRoom]:
    """A room whose history is drawn."""
    folder, _ = drawn
    with exam_room(appliance, folder / "history", folder / "key", mosquitto(unix=True), chromium) as made:
        made.start_console()
        yield made


@pytest.fixture
def real_room(
    appliance: Appliance, filled: tuple[Path, Clinic], mosquitto: MakeBroker, chromium: Browser
) -> Iterator[ExamRoom]:
    """A room whose history has real pictures."""
    folder, _ = filled
    with exam_room(appliance, folder / "history", folder / "key", mosquitto(unix=True), chromium) as made:
        made.start_console()
        yield made


def fits(page: Page) -> None:
    for screen in SCREENS:
        page.set_viewport_size(screen)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, screen)
    page.set_viewport_size(SCREENS[0])  # type: ignore[arg-type]


def pages(page: Page, address: str) -> Iterator[str]:
    """Every page of a clinician's day, the browser being at it."""
    page.goto(f"{address}/lesions")
    yield "lesions"
    lesion = str(page.get_by_role("link", name=re.compile("heron-7, (Upper back|Oberer)")).get_attribute("href"))
    for name, path in (
        ("lesion", lesion),
        ("evolution", lesion.replace("/lesion/", "/evolution/")),
        ("erase", f"{lesion}/erase"),
        ("due", "/due"),
        ("inbox", "/inbox"),
        ("start", "/start"),
        ("device", "/device"),
        ("unknown", "/nowhere"),
    ):
        page.goto(address + path)
        yield name
    page.goto(address + lesion)
    page.locator(".timeline a").first.click()
    page.wait_for_url("**/scan/*")
    yield "scan"
    page.get_by_role("link", name=re.compile("Correct|berichtigen")).click()
    page.wait_for_url("**/correct/*")
    yield "correct"
    page.goto(f"{address}/inbox")
    page.get_by_role("link", name=re.compile("^(Assign|Zuordnen)")).first.click()
    page.wait_for_url("**/inbox/*")
    yield "assign"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "de-DE")])
def test_axe_finds_nothing_wrong_and_every_page_fits_every_screen(room: ExamRoom, scheme: str, locale: str) -> None:
    page = room.open("/sign-in", color_scheme=scheme, locale=locale, reduced_motion="reduce")
    assert violations(page) == []
    page.context.close()
    page = room.sign_in(color_scheme=scheme, locale=locale, reduced_motion="reduce")
    for name in pages(page, room.address):
        assert violations(page) == [], name
        fits(page)
    page.locator("#lock button").click()
    page.wait_for_url("**/locked")
    assert violations(page) == []
    assert not [said for said in room.complaints if "Failed to load resource" not in said]
    assert {url.split("/")[2] for url in room.requests} == {room.address.split("/")[2]}


def test_a_scan_is_ordered_watched_and_opens_by_itself(room: ExamRoom) -> None:
    witness = room.broker.witness()
    scanner = room.start_scanner()
    page = room.sign_in()
    page.get_by_role("link", name="New scan").first.click()
    expect(page.locator(".scanner")).to_have_class(re.compile("on"))
    page.get_by_label("Alias of the person").fill("finch-1")
    page.locator('[data-map] path[data-code="73897004"]').click()
    expect(page.locator("#site")).to_have_value("73897004")
    expect(page.locator("#side")).to_have_value("U")
    page.locator("#new button.primary").click()
    page.wait_for_url("**/live")
    page.wait_for_url("**/scan/*", timeout=120_000)
    expect(page.get_by_role("link", name=re.compile("finch-1, Face"))).to_be_visible()
    becomes_true(page, "document.querySelector('.stage img')?.naturalWidth === 640")
    payload = witness.await_payload("command/scan", "ticket")[2]
    assert "finch" not in "".join(said for _, _, said in witness.seen())
    assert re.search(r'"ticket": "[\w-]{64}"', payload)
    assert scanner.process.poll() is None


def test_the_keyboard_alone_orders_a_scan_and_breaks_it_off(room: ExamRoom) -> None:
    room.appliance.sections["camera.faults"] = {"darkness": 1.0}
    room.start_scanner()
    page = room.sign_in()
    page.goto(f"{room.address}/start")
    expect(page.locator(".scanner")).to_have_class(re.compile("on"))
    page.get_by_label("Alias of the person").focus()
    page.keyboard.type("finch-2")
    page.keyboard.press("Tab")
    page.keyboard.type("Che")
    page.keyboard.press("Tab")
    page.keyboard.type("left")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/live")
    expect(page.locator("[data-detail]")).to_have_text("Too dark: switch on more light.", timeout=60_000)
    assert violations(page) == []
    page.get_by_role("button", name="Break off").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/lesion/*")
    expect(page.get_by_role("heading", name=re.compile("finch-2 Chest, left"))).to_be_visible()


@pytest.mark.data
def test_an_outline_is_corrected_and_filed_as_such(real_room: ExamRoom) -> None:
    page = real_room.sign_in()
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    page.locator(".timeline a").first.click()
    before = page.locator("path.outline").get_attribute("d")
    page.get_by_role("link", name="Correct the outline").click()
    page.wait_for_url("**/correct/*")
    becomes_true(page, "document.querySelector('[data-correct] img')?.complete")
    corner = page.locator('[data-corner="se"]').bounding_box()
    assert corner is not None
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(corner["x"] - 60, corner["y"] - 50, steps=5)
    page.mouse.up()
    expect(page.locator("[data-text]")).to_have_text(re.compile("Outline found"))
    wait_until(lambda: page.locator("path.outline").get_attribute("d") not in {before, ""})
    page.get_by_role("button", name="File this outline").click()
    page.wait_for_url("**/scan/*")
    expect(page.get_by_text("Measured on the corrected outline")).to_be_visible()
    assert page.locator("path.outline").get_attribute("d") != before
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    expect(page.get_by_text("Outline corrected").first).to_be_visible()


@pytest.mark.data
def test_two_scans_are_compared_in_every_view(real_room: ExamRoom) -> None:
    page = real_room.sign_in()
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    page.get_by_role("link", name="Compare").click()
    page.wait_for_url("**/evolution/*")
    expect(page.locator(".pane")).to_have_count(2)
    stages = page.locator(".window .stage")
    page.locator(".window").first.focus()
    page.keyboard.press("+")
    assert stages.nth(0).get_attribute("style") == stages.nth(1).get_attribute("style") != ""
    page.keyboard.press("0")
    page.get_by_label("Swipe").check()
    page.locator("[data-edge]").fill("30")
    assert "30%" in str(page.locator("[data-over]").get_attribute("style"))
    page.get_by_label("Flicker", exact=True).check()
    becomes_true(page, "document.querySelector('[data-over]')?.style.opacity === '0'")
    becomes_true(page, "document.querySelector('[data-over]')?.style.opacity === '1'")
    page.get_by_label("Difference").check()
    becomes_true(page, "document.querySelector('[data-difference]')?.naturalWidth > 0")


def test_a_lesion_with_fifty_scans_is_there_at_once(room: ExamRoom, drawn: tuple[Path, Clinic]) -> None:
    settings = HistorySettings(folder=room.appliance.history, key_file=room.appliance.key_file)
    with History.open(settings.folder, load_master_key(settings)) as history:
        many(history, drawn[1].followed[0], 47)
    page = room.sign_in()
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    expect(page.locator(".timeline li")).to_have_count(50)
    becomes_true(page, "document.querySelector('.timeline img')?.naturalWidth > 0")
    assert drawn[1].followed[0] not in page.content()


def test_each_lives_on_when_the_other_dies(room: ExamRoom) -> None:
    scanner = room.start_scanner()
    page = room.sign_in()
    assert room.console is not None
    room.console.stop(signal.SIGKILL)
    witness = room.broker.witness()
    room.broker.send("dermscan/room-1/command/scan", payload=b'{"schema_version": 1}')
    witness.await_payload("event/scan_finished", "scan_finished", 120)
    room.start_console()
    page.goto(room.address)
    page.wait_for_url("**/sign-in")
    page = room.sign_in()
    expect(page.locator(".scanner")).to_have_class(re.compile("on"))
    scanner.stop(signal.SIGKILL)
    page.goto(f"{room.address}/lesions")
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    expect(page.locator(".timeline li")).to_have_count(3)
    wait_until(lambda: "offline" in room.broker.retained("dermscan/room-1/availability"))
    page.reload()
    expect(page.locator(".scanner")).to_have_text("Scanner away")


def test_an_idle_screen_locks_itself_and_goes_on_with_the_pin(room: ExamRoom, request: pytest.FixtureRequest) -> None:
    del request
    assert room.console is not None
    room.console.stop()
    room.appliance.sections["console"] |= {"idle_s": 10}
    room.start_console()
    page = room.sign_in()
    page.get_by_role("link", name=re.compile("heron-7, Upper back")).click()
    page.wait_for_url("**/lesion/*")
    where = page.url
    page.wait_for_url("**/locked", timeout=60_000)
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Unlock").click()
    page.wait_for_url(where)


def test_a_technician_sees_the_device_alone(room: ExamRoom) -> None:
    page = room.sign_in(TECHNICIAN)
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
    page.goto(f"{room.address}/lesions")
    expect(page.get_by_role("heading", name="This is not for your role")).to_be_visible()
