"""The page about evolution says what was measured, and the measurements are of the limits that hold."""

import json
import runpy
from pathlib import Path

import pytest

from dermscan.history.evolution import rules

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = json.loads((DOCS / "measurements" / "evolution.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_measurements() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "evolution.py"))["page"](MEASURED)
    assert (DOCS / "evolution.md").read_text(encoding="utf-8") == made, "run docs/figures/evolution.py"


@pytest.mark.parametrize("name", MEASURED["limits"])
def test_the_limits_that_were_measured_are_those_that_hold(name: str) -> None:
    assert MEASURED["limits"][name] == getattr(rules, name), "run models/judge_evolution.py"
