"""Photographs the console's pages into docs/console/: Chromium before a console that is filled by tests/clinic.py.

Usage: photograph_console.py [ADDRESS], where a console that is running already serves; without it one is set up. Needs
the test extra. What is photographed are rendered phantoms and made-up courses: nobody's skin is kept in a repository.
"""

import io
import re
import sys

from console_room import CHECKOUT, ExamRoom, filled_room
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bedside import ARGUMENTS
from console.visiting import CLINICIAN, PIN

FOLDER = CHECKOUT / "docs" / "console"
COLOURS = 200
PATIENCE_MS = 240_000
LOOKS = (("light", "en-GB", 1280, 800), ("dark", "de-DE", 1920, 1080), ("light", "en-GB", 820, 1180))


def keep(name: str, page: Page, *, idle: bool = True) -> None:
    """Write a picture with few colours, once the page has loaded all of it; the live page never has."""
    if idle:
        page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    picture.save(FOLDER / f"{name}.png", optimize=True)


def sign_in(browser: Browser, address: str, look: tuple[str, str, int, int]) -> Page:
    """A signed-in clinician at a screen of that look."""
    scheme, locale, width, height = look
    context = browser.new_context(color_scheme=scheme, locale=locale, viewport={"width": width, "height": height})  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/sign-in")
    if look is LOOKS[0]:
        keep("sign-in", page)
    page.locator("[name=name]").fill(CLINICIAN)
    page.locator("[name=passphrase]").fill(PIN)
    page.locator("button.primary").click()
    page.wait_for_url("**/lesions")
    return page


def photograph(page: Page, address: str, ending: str) -> None:
    """Go through a clinician's day, and keep a picture of each page."""
    keep(f"lesions{ending}", page)
    page.get_by_role("link", name=re.compile("heron-7, (Upper back|Oberer)")).click()
    page.wait_for_url("**/lesion/*")
    lesion = page.url
    keep(f"lesion{ending}", page)
    page.locator(".timeline a").first.click()
    page.wait_for_url("**/scan/*")
    scan = page.url
    keep(f"scan{ending}", page)
    page.goto(lesion.replace("/lesion/", "/evolution/"))
    keep(f"evolution{ending}", page)
    if not ending:
        photograph_more(page, address, lesion, scan)


def photograph_more(page: Page, address: str, lesion: str, scan: str) -> None:
    """The pages that are photographed in one look only."""
    page.locator("input[value=swipe]").check()
    keep("evolution-swipe", page)
    page.locator("input[value=difference]").check()
    keep("evolution-difference", page)
    for name in ("start", "inbox", "due", "device"):
        page.goto(f"{address}/{name}")
        if name == "start":
            page.locator('[data-map] path[data-code="244111001"][data-side="L"]').click()
        keep(name, page)
    page.goto(f"{lesion}/erase")
    keep("erase", page)
    page.goto(lesion.replace("/lesion/", "/export/"))
    keep("export", page)
    page.goto(scan.replace("/scan/", "/correct/"))
    page.locator("[data-apply]").click()
    page.wait_for_selector("[data-correct][data-milliseconds]")
    keep("correct", page)


def in_every_look(browser: Browser, address: str) -> None:
    """Photograph the console at an address in every look."""
    for look in LOOKS:
        ending = "" if look is LOOKS[0] else f"-{look[0]}-{look[1][:2]}-{look[2]}"
        photograph(sign_in(browser, address, look), address, ending)


def photograph_scanning(room: ExamRoom) -> None:
    """The live page while a scan waits for more light."""
    room.appliance.sections["camera.faults"] = {"darkness": 1.0}
    room.start_scanner()
    page = sign_in(room.browser, room.address, LOOKS[0])
    page.goto(f"{room.address}/start")
    page.locator(".scanner.on").wait_for()
    page.get_by_label("Alias of the person").fill("finch-1")
    page.locator('[data-map] path[data-code="73897004"]').click()
    page.locator("#new button.primary").click()
    page.get_by_text("Too dark").wait_for()
    keep("live", page, idle=False)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        with sync_playwright() as playwright:
            in_every_look(playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS), sys.argv[1])
    else:
        with filled_room() as filled:
            scanner = filled.start_scanner()
            in_every_look(filled.browser, filled.address)
            scanner.stop()
            photograph_scanning(filled)
