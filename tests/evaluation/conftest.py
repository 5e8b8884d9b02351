"""A table of rendered phantoms and how it is judged, for every way of judging it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermscan.bundle.loading import Bundle
from dermscan.evaluation.chunks import Judge, Orders
from dermscan.evaluation.processes import in_processes
from dermscan.evaluation.report import Tally
from dermscan.evaluation.running import journal_of, judge_table
from dermscan.evaluation.table import open_table
from dermscan.settings import ModelSettings, QualitySettings

Evaluate = Callable[..., dict[str, Any]]
Report = Callable[[int], None]
ROWS = 24


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Path:
    """A table of `ROWS` rows that repeats the bundle's golden phantoms."""
    table = tmp_path_factory.mktemp("phantoms") / "phantoms.csv"
    cases = bundle.manifest.golden
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image_id", "image", "mask", "dx"])
        for number in range(ROWS):
            case = cases[number % len(cases)]
            mask = "" if case.mask is None else bundle.path(case.mask)
            writer.writerow([f"phantom-{number}", bundle.path(case.image), mask, "NV" if number % 3 else "MEL"])
    return table


@pytest.fixture(scope="session")
def orders(bundle: Bundle) -> Orders:
    models = ModelSettings(bundle=bundle.folder, threads=1)
    return Orders(bundle.folder, bundle.manifest_hash, models, QualitySettings(), masks=False)


def evaluated(place: Path, phantoms: Path, orders: Orders, judge: Judge, report: Report) -> dict[str, Any]:
    """Evaluate the phantoms with a journal; the report without its times."""
    table, tally = open_table(phantoms), Tally()
    with journal_of(place, table, orders, None) as journal:
        judge_table(table, judge, journal, None, report)
        for figures in journal.figures():
            tally.add(figures)
    said: dict[str, Any] = json.loads(json.dumps(tally.report()))
    del said["milliseconds"]
    return said


@pytest.fixture
def evaluate(tmp_path: Path, phantoms: Path, orders: Orders) -> Evaluate:
    """Evaluates the phantoms, every time with the same journal."""

    def run(judge: Judge, report: Report = lambda _: None, ordered: Orders = orders) -> dict[str, Any]:
        return evaluated(tmp_path / "journal", phantoms, ordered, judge, report)

    return run


@pytest.fixture(scope="session")
def serial(tmp_path_factory: pytest.TempPathFactory, phantoms: Path, orders: Orders) -> dict[str, Any]:
    """What the same evaluation says one picture after the other, in this process."""
    place = tmp_path_factory.mktemp("serial") / "journal"
    with in_processes(orders, 1) as judge:
        return evaluated(place, phantoms, orders, judge, lambda _: None)
