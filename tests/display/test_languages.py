"""Every language says everything, and says it as a sentence."""

import json
from typing import Any

import pytest

from dermscan.bus.events import Availability, WorkState
from dermscan.display.serving import FOLDER
from dermscan.domain import RejectReason

FILES = sorted((FOLDER.parent / "source" / "messages").glob("*.json"))
LANGUAGES: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}
LONGEST_TITLE = 24
LONGEST_SENTENCE = 90


def test_there_are_the_four_languages() -> None:
    assert set(LANGUAGES) >= {"en", "es", "de", "fr"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_there_is_a_text_for_every_state_and_every_guidance(code: str) -> None:
    texts = LANGUAGES[code]
    assert list(texts) == ["notice", "progress", "views", "guidance"]
    own = {"connecting", "disconnected", "unknown"}
    told = {*WorkState, Availability.OFFLINE, Availability.STOPPED}
    assert set(texts["views"]) == own | {str(state) for state in told}
    assert set(texts["guidance"]) == {str(reason) for reason in RejectReason}


def sentences(texts: dict[str, Any]) -> list[str]:
    return [texts["notice"], *(text for _, text in texts["views"].values()), *texts["guidance"].values()]


@pytest.mark.parametrize("code", LANGUAGES)
def test_titles_are_short_and_sentences_are_whole(code: str) -> None:
    """What is longer is not read at three metres."""
    for title, _ in LANGUAGES[code]["views"].values():
        assert 0 < len(title) <= LONGEST_TITLE, title
        assert title[0].isupper()
        assert title[-1].isalpha()
    for sentence in sentences(LANGUAGES[code]):
        assert 0 < len(sentence) <= LONGEST_SENTENCE, sentence
        assert sentence.endswith(".")
        assert sentence == " ".join(sentence.split(" "))


@pytest.mark.parametrize("code", set(LANGUAGES) - {"en"})
def test_nothing_was_left_in_english(code: str) -> None:
    assert not set(sentences(LANGUAGES[code])) & set(sentences(LANGUAGES["en"]))


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_two_guidances_say_the_same(code: str) -> None:
    guidance = list(LANGUAGES[code]["guidance"].values())
    assert len(set(guidance)) == len(guidance)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_built_page_speaks_the_language(code: str) -> None:
    script = (FOLDER / "display.js").read_text(encoding="utf-8")
    for sentence in sentences(LANGUAGES[code]):
        assert sentence in script
