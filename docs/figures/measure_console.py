"""Measures how long a clinician waits for the console, and writes docs/measurements/console.json and docs/console.md.

Usage: python docs/figures/measure_console.py [PROMPTS [VIEWS]]    (run it on a quiet machine; 60 and 20)

In Chromium on the same machine, before a console of its own with the lesions of tests/clinic.py: a new prompt is timed
by the page, from the click to the new outline; a first view is a new browser's, from the click on the lesion to the
last thumbnail that is in view.
"""

import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
from console_room import CHECKOUT, DATA, ExamRoom, filled_room
from playwright.sync_api import Page

from clinic import Assessor, pictures
from dermscan.bundle.loading import load_bundle
from dermscan.domain import Laterality
from dermscan.history import History
from dermscan.history.keys import load_master_key
from dermscan.settings import HistorySettings

OUT = CHECKOUT / "docs" / "measurements" / "console.json"
PAGE = CHECKOUT / "docs" / "console.md"
BLOCK = re.compile(r"(?<=<!-- docs/figures/measure_console.py -->\n).*?(?=<!-- end -->)", re.DOTALL)
TWELVE_MEGAPIXELS = (4056, 3040)
FIFTY = "swift-3"
LARGE = "owl-9"

PROMPT = """async ([number, count]) => {
    const viewer = document.querySelector("[data-correct]");
    const form = document.querySelector("[data-form]");
    const answered = () => new Promise((resolve) => {
        new MutationObserver((_, watch) => { watch.disconnect(); resolve(Number(viewer.dataset.milliseconds)); })
            .observe(viewer, { attributeFilter: ["data-milliseconds"] });
    });
    const waiting = answered();
    if (number % 2) {
        const overlay = viewer.querySelector("svg").getBoundingClientRect();
        const at = { clientX: overlay.left + overlay.width * (0.35 + 0.3 * number / count),
                     clientY: overlay.top + overlay.height / 2, bubbles: true };
        viewer.querySelector("svg").dispatchEvent(new PointerEvent("pointerdown", at));
    } else {
        form.elements.x0.value = Number(form.elements.x0.value) + (number % 4 ? 3 : -3);
        form.querySelector("[data-apply]").click();
    }
    return waiting;
}"""
VIEW = """() => {
    const inView = [...document.querySelectorAll(".timeline img")]
        .filter((image) => image.getBoundingClientRect().top < innerHeight);
    if (!inView.length || !inView.every((image) => image.complete && image.naturalWidth)) return null;
    const shownFrom = new Set(inView.map((image) => image.src));
    const ends = performance.getEntriesByType("resource").filter((entry) => shownFrom.has(entry.name));
    const [page] = performance.getEntriesByType("navigation");
    const shown = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? page.domContentLoadedEventEnd;
    return [page.responseEnd, shown, Math.max(...ends.map((entry) => entry.responseEnd))];
}"""


def spread(values: list[float]) -> dict[str, float]:
    """Median and the 95th of a hundred."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "count": len(values)}


def file_large(room: ExamRoom) -> None:
    """File a scan of twelve megapixels, of a person of its own."""
    settings = HistorySettings(folder=room.appliance.history, key_file=room.appliance.key_file)
    pixels, _ = next(pictures(DATA))
    large = np.asarray(cv2.resize(pixels, TWELVE_MEGAPIXELS, interpolation=cv2.INTER_CUBIC), np.uint8)
    scan = Assessor(load_bundle()).scan(large, datetime.now(UTC), None)
    with History.open(settings.folder, load_master_key(settings)) as history:
        lesion = history.create_lesion(subject_alias=LARGE, anatomic_site="244111001", laterality=Laterality.RIGHT)
        history.file_scan(scan, lesion)


def prompts(page: Page, address: str, alias: str, count: int) -> dict[str, float]:
    """Milliseconds that a new prompt takes, boxes and points in turn."""
    page.goto(f"{address}/lesions?search={alias}")
    page.locator("main a[href^='/lesion/']").first.click()
    page.locator(".timeline a").first.click()
    page.get_by_role("link", name="Correct the outline").click()
    page.wait_for_url("**/correct/*")
    page.wait_for_load_state("networkidle")
    page.evaluate(PROMPT, [0, count])
    return spread([float(page.evaluate(PROMPT, [number, count])) for number in range(1, count + 1)])


def view(room: ExamRoom) -> list[float]:
    """Milliseconds of a new browser from the click: to the page, to the first paint, to the last thumbnail in view."""
    page = room.sign_in()
    page.goto(f"{room.address}/lesions?search={FIFTY}")
    page.locator("main a[href^='/lesion/']").first.click()
    page.wait_for_url("**/lesion/*")
    while (seen := page.evaluate(VIEW)) is None:
        page.wait_for_timeout(20)
    page.context.close()
    return [float(value) for value in seen]


def measured(prompt_count: int, view_count: int) -> dict[str, Any]:
    """Everything."""
    with filled_room() as room:
        file_large(room)
        first, *views = [view(room) for _ in range(view_count + 1)]
        page = room.sign_in()
        named = {"0.4 megapixels": FIFTY, "12 megapixels": LARGE}
        parts = ("page", "paint", "thumbnails")
        return {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "python": platform.python_version(),
            "prompt_ms": {size: prompts(page, room.address, alias, prompt_count) for size, alias in named.items()},
            "fifty_scans_ms": {part: spread([one[n] for one in views]) for n, part in enumerate(parts)},
            "fifty_scans_after_start_ms": round(first[2], 1),
        }


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    views = found["fifty_scans_ms"]
    rows = [(f"a new box or point, frame of {size}", figures) for size, figures in found["prompt_ms"].items()]
    rows += [
        ("a lesion with 50 scans: the page is there", views["page"]),
        ("the same: painted first", views["paint"]),
        ("the same: the last thumbnail in view", views["thumbnails"]),
    ]
    lines = [f"| {name} | {each['p50']:.0f} | {each['p95']:.0f} | {each['count']} |" for name, each in rows]
    head = f"\nIn Chromium on the same machine, {found['machine']}, Python {found['python']}:\n\n"
    head += "| milliseconds | p50 | p95 | times |\n|---|---:|---:|---:|\n"
    last = f"\nThe first view of all after the console's start took {found['fifty_scans_after_start_ms']:.0f} ms.\n"
    return head + "\n".join(lines) + "\n" + last


if __name__ == "__main__":
    wanted = [int(argument) for argument in sys.argv[1:]]
    result = measured(*(wanted + [60, 20][len(wanted) :]))
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda _: table(result), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(json.dumps(result, indent=2))
