"""The pages say what the program says."""

import re
import runpy
from pathlib import Path

import pytest
from typer.models import CommandInfo

from dermscan.cli.main import app
from dermscan.errors import DermscanError

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"


def test_the_page_of_settings_is_made_from_the_settings() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "settings.py"))["page"]()
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == made, "run docs/figures/settings.py"


def test_the_table_of_proofs_is_made_from_what_was_seen() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "proven.py"))["page"]()
    assert (DOCS / "operations.md").read_text(encoding="utf-8") == made, "run docs/figures/proven.py"


def every_leaf(kind: type[DermscanError]) -> list[type[DermscanError]]:
    children = kind.__subclasses__()
    return [kind] if not children else [leaf for child in children for leaf in every_leaf(child)]


def test_every_exit_code_is_explained() -> None:
    page = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    explained = dict(re.findall(r"^\| (\d+) \| `(\w+)`", page, re.MULTILINE))
    assert explained == {"1": "DermscanError"} | {
        str(leaf.exit_code): leaf.__name__ for leaf in every_leaf(DermscanError)
    }


def test_the_unit_stays_down_for_what_a_restart_cannot_mend() -> None:
    unit = (CHECKOUT / "systemd" / "dermscan.service").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    codes = {leaf.exit_code for leaf in every_leaf(DermscanError)}
    assert {int(code) for code in listed.split()} <= codes


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *CHECKOUT.glob("*.md")]), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("command", app.registered_commands, ids=str)
def test_every_command_gives_an_example(command: CommandInfo) -> None:
    assert command.callback is not None
    assert "Example: dermscan" in (command.callback.__doc__ or "")
