"""Every promise is held by a test that is there, and the page of them is current."""

import ast
import re
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(CHECKOUT / "docs" / "figures" / "requirements.py"))
REQUIREMENTS: list[dict[str, Any]] = SCRIPT["requirements"]()


@cache
def functions(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def missing() -> Iterator[str]:
    for requirement in REQUIREMENTS:
        for test in requirement["tests"]:
            file, name = test.split("::")
            if name not in functions(CHECKOUT / "tests" / file):
                yield f"{requirement['id']}: {test}"


def test_every_test_that_is_named_is_there() -> None:
    assert list(missing()) == [], "docs/requirements.toml names tests that are not there: renamed?"


def test_every_requirement_is_told_apart_and_has_a_test() -> None:
    identifiers = [requirement["id"] for requirement in REQUIREMENTS]
    assert identifiers == sorted(set(identifiers))
    assert len(identifiers) >= 40
    assert all(requirement["tests"] for requirement in REQUIREMENTS)
    assert all(requirement["text"].endswith(".") for requirement in REQUIREMENTS)


def test_the_page_is_made_from_the_table() -> None:
    page = (CHECKOUT / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert page == SCRIPT["page"](), "run docs/figures/requirements.py"


def test_the_threat_model_rests_on_requirements_that_are_there() -> None:
    page = (CHECKOUT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    areas = {requirement["id"]: requirement["area"].lower() for requirement in REQUIREMENTS}
    cited = re.findall(r"\[(R-\d+)\]\(requirements\.md#(\w+)\)", page)
    assert len(cited) > 30
    assert [(one, area) for one, area in cited if areas.get(one) != area] == []


def test_the_tests_carry_the_mark(request: pytest.FixtureRequest) -> None:
    named = {test for requirement in REQUIREMENTS for test in requirement["tests"]}
    for item in request.session.items:
        plain = item.nodeid.split("[")[0].removeprefix("tests/")
        assert (item.get_closest_marker("requirement") is not None) == (plain in named), item.nodeid
