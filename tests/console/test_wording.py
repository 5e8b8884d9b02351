"""Every language says everything that the pages ask for, with the same values."""

import re
import string
from pathlib import Path

import pytest

from dermscan.bus.events import CommandRefusal, WorkState
from dermscan.console import wording
from dermscan.console.body_map import BACK, FRONT, _mirrored
from dermscan.console.desk import TEMPLATES
from dermscan.console.wording import TEXTS, Wording, chosen
from dermscan.domain import DiagnosisCode, IndeterminateReason, RejectReason, RiskBand
from dermscan.domain.evolution import ChangeBand, ChangeReason, RegistrationBasis
from dermscan.domain.review import ExclusionReason
from dermscan.domain.sites import SITES
from dermscan.history.audit import Action
from dermscan.reporting.report import Language
from dermscan.reporting.wording import wording as reported

VOCABULARIES = {
    "state.{}.title": WorkState,
    "state.{}.detail": WorkState,
    "guidance.{}": RejectReason,
    "refusal.{}": CommandRefusal,
    "reason.{}": IndeterminateReason,
    "risk.{}": RiskBand,
    "code.{}": DiagnosisCode,
    "band.{}": ChangeBand,
    "change.{}": ChangeReason,
    "basis.{}": RegistrationBasis,
    "review.why.{}": ExclusionReason,
    "action.{}": Action,
}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", TEXTS)
def test_a_language_has_every_text_with_the_same_values(language: str) -> None:
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    for key, text in TEXTS[language].items():
        assert text or key == "side.", key
        assert places(text) == places(TEXTS["en"][key]), key


def test_every_text_that_the_pages_ask_for_is_there() -> None:
    sources = [*TEMPLATES.glob("*.html"), *Path(wording.__file__).parent.glob("*.py")]
    asked = {
        key for path in sources for key in re.findall(r'(?:\bt|wording)\("([a-z_]+(?:\.[a-z_]+)*)"', path.read_text())
    }
    assert len(asked) > 150
    assert asked <= TEXTS["en"].keys(), asked - TEXTS["en"].keys()


@pytest.mark.parametrize("pattern", VOCABULARIES)
def test_every_word_of_the_vocabularies_is_said(pattern: str) -> None:
    for word in VOCABULARIES[pattern]:
        assert pattern.format(word.value) in TEXTS["en"], word


def test_every_region_of_the_figure_is_a_site_with_a_name() -> None:
    for region in (*FRONT, *BACK):
        assert region.code in SITES
        assert f"sites.{region.code}" in TEXTS["en"]
        assert reported(Language.GERMAN).site(region.code), region.code


def test_the_figure_is_alike_on_both_sides() -> None:
    for figure in (FRONT, BACK):
        sides = [region.side.value for region in figure]
        assert sides.count("R") == sides.count("L")
    assert _mirrored(_mirrored("M10 20.5L30 4Z")) == "M10 20.5L30 4Z"
    assert _mirrored("M10 20L0 4Z") == "M190 20L200 4Z"


@pytest.mark.parametrize(
    ("wish", "accepted", "code"),
    [
        ("de", "en", "de"),
        ("", "de-AT, en;q=0.5", "de"),
        ("xx", "ja", "en"),
        ("", "", "en"),
        ("__proto__", "fr,de", "de"),
    ],
)
def test_the_language_is_the_chosen_then_the_browsers_then_english(wish: str, accepted: str, code: str) -> None:
    assert chosen(wish, accepted).language == code


def test_numbers_are_written_as_the_language_does() -> None:
    assert Wording("de").number(3.14159, 2) == "3,14"
    assert Wording("en").signed(2.5, 1) == "+2.5"
    assert Wording("en").signed(-2.5, 1) == "\N{MINUS SIGN}2.5"
    assert Wording("en").site("no code") == "no code"
    assert Wording("de").site(None) == "Ort nicht erfasst"
