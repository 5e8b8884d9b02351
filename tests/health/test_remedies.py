"""Every code is explained, on the page and in the program."""

import runpy
from pathlib import Path

from dermscan.bus.events import HealthCode
from dermscan.health.remedies import ADVICE, FAULTS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_code_is_explained_in_a_sentence() -> None:
    assert set(ADVICE) == set(HealthCode)
    assert set(HealthCode) > FAULTS
    for advice in ADVICE.values():
        for sentence in (advice.meaning, advice.remedy):
            assert sentence[0].isupper() or sentence[0] == "`"
            assert not sentence.endswith(".")


def test_the_page_is_made_from_the_program() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "health.py"))["page"]()
    assert (DOCS / "health.md").read_text(encoding="utf-8") == made, "run docs/figures/health.py"
