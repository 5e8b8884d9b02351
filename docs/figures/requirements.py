"""Writes docs/requirements.md from docs/requirements.toml: the promises, and the tests that hold each of them."""

import tomllib
from itertools import groupby
from pathlib import Path

DOCS = Path(__file__).parents[1]
SOURCE = DOCS / "requirements.toml"
PAGE = DOCS / "requirements.md"
HEAD = """# Requirements and the tests that hold them

Every promise has a number and the tests that would fail if it were broken, as IEC 62304 asks for verification (5.7.4).
`pytest -m requirement` runs them all. This page is made from [requirements.toml](requirements.toml) by
`docs/figures/requirements.py`; a test holds that it is current, that every requirement has a test, and that every test
that is named is there.

{count} requirements, {tests} tests.
"""


def requirements() -> list[dict[str, str | list[str]]]:
    """The table of requirements, in its own order."""
    found: list[dict[str, str | list[str]]] = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["requirement"]
    return found


def page() -> str:
    """The page."""
    table = requirements()
    tests = {test for one in table for test in one["tests"]}
    parts = [HEAD.format(count=len(table), tests=len(tests))]
    for area, group in groupby(table, key=lambda one: one["area"]):
        parts += [f"\n## {area}\n\n| | requirement | held by |\n|---|---|---|\n"]
        parts += [f"| {one['id']} | {one['text']} | {'<br>'.join(map(told, one['tests']))} |\n" for one in group]
    return "".join(parts)


def told(test: str) -> str:
    """A test as a link to its file, in words."""
    file, name = test.split("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE} is written")
