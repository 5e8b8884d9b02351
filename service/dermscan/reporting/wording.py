"""The words of a report in each of its languages, and its numbers and dates. It decides nothing about what is said."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from dermscan.reporting.report import Language

WORDS = Path(__file__).parent / "words"
MINUS = "\N{MINUS SIGN}"


class Wording:
    """Texts, numbers and dates in one language."""

    def __init__(self, words: dict[str, str]) -> None:
        """Take the words of one language by their keys."""
        self._words = words

    def __call__(self, key: str, **details: object) -> str:
        """A text with its braces filled.

        Raises:
            KeyError: No such text; a defect of this software.
        """
        return self._words[key].format(**details)

    def site(self, code: str) -> str | None:
        """The name of a body site of DICOM CID 4029; None where this language has no own name for it."""
        return self._words.get(f"site.{code}")

    def number(self, value: float, digits: int = 0) -> str:
        """A number with this many digits after the point."""
        text = f"{value:.{digits}f}"
        if float(text) == 0:
            text = text.lstrip("-")
        return text.replace("-", MINUS).replace(".", self._words["decimal"])

    def change(self, value: float, digits: int = 0) -> str:
        """A number with its sign."""
        text = self.number(value, digits)
        return text if text.startswith(MINUS) or not text.strip("0.,") else f"+{text}"

    def date(self, when: datetime) -> str:
        """A day, UTC."""
        return when.astimezone(UTC).strftime(self._words["date"])

    def time(self, when: datetime) -> str:
        """A day and a minute, UTC."""
        return when.astimezone(UTC).strftime(self._words["time"])


@cache
def wording(language: Language) -> Wording:
    """The words of a language."""
    return Wording(json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8")))
