"""What the pages say, in every language there is a file for. Nothing is said that is not in the files."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dermscan.domain.sites import SITES

FOLDER = Path(__file__).parent / "texts"
FALLBACK = "en"


def _flat(tree: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return found


def _read(path: Path) -> dict[str, str]:
    return _flat(json.loads(path.read_text(encoding="utf-8")))


TEXTS = {path.stem: _read(path) for path in sorted(FOLDER.glob("*.json"))}
"""Every text by language and by key."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language.

    Attributes:
        language: Its code, as the file is called.
    """

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """A text with its values filled in."""
        return TEXTS[self.language][key].format(**values)

    def site(self, code: str | None) -> str:
        """A body site's name; the words of the standard where there is no translation."""
        if code is None:
            return self("site.none")
        own = TEXTS[self.language].get(f"sites.{code}")
        return own or (SITES[code].meaning.removeprefix("Skin of ").capitalize() if code in SITES else code)

    def day(self, at: datetime) -> str:
        """A day in the device's own time zone."""
        return at.astimezone().strftime(self("form.day"))

    def time(self, at: datetime) -> str:
        """A day and a time in the device's own time zone."""
        return at.astimezone().strftime(self("form.time"))

    def number(self, value: float, digits: int = 0) -> str:
        """A number with the language's own decimal mark."""
        return f"{value:.{digits}f}".replace(".", self("form.mark")).replace("-", "−")  # noqa: RUF001 - a minus

    def signed(self, value: float, digits: int = 0) -> str:
        """A number with its sign."""
        return ("+" if value > 0 else "") + self.number(value, digits)


def chosen(wish: str, accepted: str) -> Wording:
    """The language that was chosen, else the first of the browser's that there is, else English.

    Args:
        wish: Code of the language, or anything else.
        accepted: The browser's Accept-Language header.
    """
    codes = [wish, *(part.split(";")[0].split("-")[0].strip().lower() for part in accepted.split(","))]
    return Wording(next((code for code in codes if code in TEXTS), FALLBACK))
