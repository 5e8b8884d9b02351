"""A line of the journal is told as the sentence that made it; what stood in its blanks is not."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.errors import CameraNotFound, CameraStalled, KeyRefused, SettingsError
from dermscan.health.sentences import PACKAGE, UNKNOWN, own_sentences, recognised

CANARY = "canary-Wilhelmina"


def test_every_sentence_of_the_program_is_known() -> None:
    known = own_sentences()
    assert "Scan filed in %d ms (%s)" in known
    assert "The broker is back" in known
    assert len(known) > 20


def test_every_log_call_has_its_sentence_in_the_source() -> None:
    """A message put together beforehand would not be recognised, and could not be told."""
    for path in Path(PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) in {"_log", "logger", "logging"}
                and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical"}
            ):
                assert isinstance(node.args[0], ast.Constant), (path.name, ast.unparse(node))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("The broker is back", "The broker is back"),
        ("The broker is back (left out before: 12)", "The broker is back"),
        ("Scan filed in 812 ms (roi 3, segment 700)", "Scan filed in … ms (…)"),
        ("Not well: too hot", "Not well: too hot"),
        (f"Not well: {CANARY}", "Not well: …"),
        (f"{CameraStalled(seconds=3.0)}; opening it anew", "CameraStalled; opening it anew"),
        (f"{CameraNotFound(camera=CANARY, problem=CANARY)}; opening it anew", "CameraNotFound; opening it anew"),
        (f"The old settings stay: {SettingsError(problem=CANARY)}", "The old settings stay: SettingsError"),
        (f"dermscan: {KeyRefused()}", "dermscan: KeyRefused"),
        (f"dermscan: {CANARY}", "dermscan: …"),
        (CANARY, UNKNOWN),
        ("", UNKNOWN),
        (f"The broker is back {CANARY}", UNKNOWN),
        (f"Scan filed in {CANARY} ms ({CANARY}\n{CANARY})", "Scan filed in … ms (…)"),
    ],
)
def test_what_is_told_of_a_line(line: str, told: str) -> None:
    assert recognised(line) == told


@given(st.text(), st.text())
def test_no_text_in_a_blank_comes_through(before: str, after: str) -> None:
    for template in ("A scan was not filed: %s", "%s; opening it anew", "dermscan: %s", "%s"):
        assert CANARY not in recognised(template.replace("%s", before + CANARY + after))
