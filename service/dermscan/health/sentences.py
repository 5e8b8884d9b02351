"""The sentences that this software can write into the journal, read from its own source. It never keeps their blanks.

A line of the journal is recognised by the template that made it and told as that template, so that no file name, no
address and no text of another program is handed on, whatever stood in the line. In a blank only a health code and the
name of one of our own errors are told.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from dermscan.bus.events import HealthCode
from dermscan.errors import DermscanError

PACKAGE = Path(__file__).parents[1]
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
BLANK = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
LEFT_OUT = re.compile(r" \(left out before: \d+\)$")
FIELD = re.compile(r"\{\w+(?::[^}]*)?\}")
ENDING = "dermscan: %s"
"""What the command says on standard error when it ends with an error of ours."""

UNKNOWN = "(a line that is not one of the software's own sentences)"


@cache
def own_sentences() -> tuple[str, ...]:
    """Every template that a logger of this package is called with, the most telling first."""
    found = {template for path in PACKAGE.rglob("*.py") for template in templates(path.read_text(encoding="utf-8"))}
    return tuple(sorted(found | {ENDING}, key=lambda template: (-len(BLANK.sub("", template)), template)))


def templates(source: str) -> Iterator[str]:
    """The first argument of each call of `_log`, where it is a text that stands in the source."""
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        if not (isinstance(called, ast.Attribute) and called.attr in LEVELS and isinstance(node, ast.Call)):
            continue
        if isinstance(called.value, ast.Name) and called.value.id == "_log" and node.args:
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def recognised(line: str) -> str:
    """The sentence that a line was made of, its blanks as dots; `UNKNOWN` where it is none."""
    line = LEFT_OUT.sub("", line)
    for template in own_sentences():
        found = _pattern(BLANK, template).fullmatch(line)
        if found is not None:
            first, *fixed = BLANK.split(template)
            return first + "".join(_told(blank) + part for blank, part in zip(found.groups(), fixed, strict=True))
    return UNKNOWN


def _told(blank: str) -> str:
    """What may be said of a blank: a health code, the name of an error of ours, or nothing."""
    if blank.replace(" ", "_") in set(HealthCode):
        return blank
    for kind in _errors(DermscanError):
        if FIELD.sub("", kind.__doc__ or "").strip() and _pattern(FIELD, kind.__doc__ or "").fullmatch(blank):
            return kind.__name__
    return "…"


def _errors(kind: type[DermscanError]) -> Iterator[type[DermscanError]]:
    """An error's kinds, those at the ends of the tree first."""
    for child in kind.__subclasses__():
        yield from _errors(child)
    yield kind


@cache
def _pattern(blank: re.Pattern[str], template: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in blank.split(template)]
    return re.compile("(.*)".join(parts), re.DOTALL)
