"""The page as files: nothing from outside, every icon and mood, readable colours, licences for what is built in."""

import json
import re
from pathlib import Path

import pytest

from dermscan.bus.events import WorkState
from dermscan.display.serving import FILES, FOLDER, POLICY

SOURCE = FOLDER.parent / "source"
PAGE = (FOLDER / "index.html").read_text(encoding="utf-8")
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
VIEW = (SOURCE / "view.js").read_text(encoding="utf-8")
TEXTS = {name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES}


def test_the_policy_is_strict_and_the_page_carries_it() -> None:
    assert f'content="{POLICY}"' in PAGE
    assert POLICY.startswith("default-src 'none'")
    assert "unsafe" not in POLICY
    assert "*" not in POLICY
    hosts = re.findall(r"\w+://[^ ;]+", POLICY)
    assert {re.sub(r"^\w+://", "", host) for host in hosts} == {"127.0.0.1:8080"}


def test_no_browser_offers_to_translate_it() -> None:
    """A kiosk whose page and system differ in language would have the offer lie over the page."""
    assert '<html lang="en" translate="no">' in PAGE
    assert '<meta name="google" content="notranslate">' in PAGE


@pytest.mark.parametrize("name", set(FILES) - {"display.js"})
def test_nothing_comes_from_outside(name: str) -> None:
    text = TEXTS[name].replace('xmlns="http://www.w3.org/2000/svg"', "").replace(POLICY, "")
    assert not re.search(r"(?:https?|wss?)://[a-z0-9]", text), name
    assert not re.search(r"""(?:src|href)=["'](?:/|https?:)""", text), name
    assert "@import" not in text


def test_the_script_evaluates_no_text_and_needs_no_other_script() -> None:
    script = TEXTS["display.js"]
    assert not re.search(r"\beval\(|new Function\(|importScripts\(|\bimport\(", script)
    assert re.findall(r"new Worker\(", script) == []


def test_no_style_or_script_stands_in_the_page_itself() -> None:
    """The policy would forbid it, and the page would be bare."""
    assert "style=" not in PAGE
    assert "<style" not in PAGE
    assert re.findall(r"<script(?![^>]* src=)", PAGE) == []
    assert not re.search(r"\son[a-z]+=", PAGE)


def test_what_the_page_names_is_served_and_what_is_served_is_there() -> None:
    named = {name.removeprefix("./") for name in re.findall(r'(?:src|href)="([^"#]+)"', PAGE)}
    assert named | {"index.html", "worker.js"} == set(FILES)
    shipped = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert shipped - set(FILES) == {"licences.md"}


def test_the_service_worker_keeps_every_file_that_a_start_needs() -> None:
    kept = re.search(r"FILES = (\[.*?\]);", TEXTS["worker.js"])
    assert kept is not None
    assert set(json.loads(kept[1])) - {"./"} == set(FILES) - {"worker.js"}


def test_scripts_are_no_modules() -> None:
    """Mosquitto's http_dir names no media type, and browsers take no module without one."""
    assert 'type="module"' not in PAGE
    assert "crossorigin" not in PAGE
    for name in ("display.js", "worker.js"):
        assert not re.search(r"^(?:import|export)\b", TEXTS[name], re.MULTILINE)


def test_everything_built_in_has_its_licence_beside_it() -> None:
    licences = (FOLDER / "licences.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^## (\S+) - \S+ \(([^)]+)\)$", licences, re.MULTILINE))
    assert {"mqtt", "mqtt-packet", "readable-stream", "buffer"} <= set(named)
    assert set(named.values()) <= {"MIT", "ISC", "BSD-3-Clause"}
    assert licences.count("Copyright") >= len(named)


def looks() -> dict[str, tuple[str, str]]:
    """Mood and icon of every view."""
    found = re.findall(r'^  (\w+): \["(\w+)", "(\w+)"\],$', VIEW, re.MULTILINE)
    return {name: (mood, icon) for name, mood, icon in found}


def test_every_icon_and_mood_exists() -> None:
    english = json.loads((SOURCE / "messages" / "en.json").read_text(encoding="utf-8"))
    assert set(looks()) == set(english["views"])
    for mood, icon in looks().values():
        assert f'id="icon-{icon}"' in PAGE
        assert mood == "quiet" or f'[data-mood="{mood}"]' in STYLE


def test_the_page_knows_every_state_of_the_bus() -> None:
    known = re.search(r"WORK_STATES = \[(.*?)\]", VIEW)
    assert known is not None
    assert re.findall(r'"(\w+)"', known[1]) == [str(state) for state in WorkState]


def test_it_says_that_it_makes_no_diagnosis_even_before_any_script_runs() -> None:
    assert "This device assists a clinician; it makes no diagnosis." in PAGE


def test_changes_are_read_out_and_motion_can_be_switched_off() -> None:
    assert 'aria-live="polite"' in PAGE
    assert "prefers-reduced-motion: no-preference" in STYLE
    outside = STYLE.split("@media (prefers-reduced-motion: no-preference)")[0]
    assert "animation" not in outside


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2 of a `#rrggbb`."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    """The colours of every mood, light and dark."""
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    dark = dark.split("* { box-sizing")[0]
    found = []
    for text in (light, dark):
        root = re.search(r":root {(.*?)}", text, re.DOTALL)
        assert root is not None
        base = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root[1]))
        moods = re.findall(r'(?:\[data-mood="\w+"\](?:, )?)+ {([^}]*)}', text)
        found += [base, *({**base, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", mood))} for mood in moods)]
    return found


def test_every_colour_keeps_the_contrast_of_wcag() -> None:
    found = themes()
    assert len(found) == 13
    for theme in found:
        for ground in ("paper", "glow"):
            assert contrast(theme["ink"], theme[ground]) >= 7.0, theme
            assert contrast(theme["soft-ink"], theme[ground]) >= 4.5, theme
            assert contrast(theme["tone"], theme[ground]) >= 3.0, theme
        assert contrast(theme["tone"], theme["tone-ink"]) >= 4.5, theme


def test_the_contrast_measure_is_the_known_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_folder_holds_no_code_of_the_service() -> None:
    """It is handed to the broker as `http_dir`."""
    assert not list(Path(FOLDER).rglob("*.py"))
