"""Writes the table of docs/operations.md from docs/measurements/systemd.json, which deploy/prove-systemd leaves."""

import json
from pathlib import Path

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "operations.md"
RESULTS = DOCS / "measurements" / "systemd.json"
HEAD = "| check | | waited |\n|---|---|---:|\n"


def page() -> str:
    """The whole page, its table at the end made anew."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    return before + HEAD + table()


def table() -> str:
    """One row a check."""
    return "".join(
        f"| {row['check']} | {'passed' if row['passed'] else '**failed**'} | {row['seconds']} s |\n"
        for row in json.loads(RESULTS.read_text(encoding="utf-8"))
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
