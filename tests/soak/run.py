"""Runs the whole appliance for a set time among faults, and writes what came of it.

Usage: see --help. `deploy/soak` prepares what it needs. The command fails where anything did not hold.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import typer
from rich.console import Console
from rich.progress import Progress

from dermscan import __version__
from soak.bed import made_bed, missing
from soak.course import Course, Met
from soak.plan import Plan

MOST_GROWTH = 0.01


def soak(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long, at most.")] = 60.0,
    scans: Annotated[int, typer.Option(min=1, help="How many scans, at most.")] = 1_000_000,
    between: Annotated[int, typer.Option(min=1, help="Scans between two faults.")] = 40,
    seed: Annotated[int, typer.Option(help="Of the plan.")] = 1,
    patience: Annotated[float, typer.Option(min=1, help="Factor on every promised time, on a busy machine.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="File for the record.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The record on standard output.")] = False,  # noqa: FBT002 - an option of Typer's
) -> None:
    """Run daemon, broker, display and console among faults, and see that all promises hold."""
    console = Console(stderr=True)
    if (absent := missing()) is not None:
        console.print(absent)
        raise typer.Exit(1)
    record = _run(minutes, scans, between, seed, patience, console)
    text = json.dumps(record, indent=1)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        print(text)  # noqa: T201 - its answer
    for what in record["wrong"]:
        console.print(f"[red]{what}")
    console.print(f"{record['scans']} scans, {len(record['faults'])} faults, {len(record['wrong'])} promises broken")
    raise typer.Exit(bool(record["wrong"]))


def _run(minutes: float, scans: int, between: int, seed: int, patience: float, console: Console) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="soak-") as place, Progress(console=console) as bar:
        task = bar.add_task("scans", total=100)
        with made_bed(Path(place)) as bed:

            def share() -> float:
                return max(course.seconds / 60 / minutes, bed.history.count() / scans)

            def tell(met: Met) -> None:
                bar.update(task, completed=min(100 * share(), 100), description=f"{bed.history.count()} scans")
                said = "; ".join(met.wrong) or f"well after {met.well_s} s"
                console.print(f"{met.at_s:8.0f} s {met.fault}: {said}")

            course = Course(bed, patience, tell)
            course.run(_order(Plan(seed, course.possible), share), between, until=lambda: share() >= 1)
            record = course.result(MOST_GROWTH)
    return {"machine": _machine(), "seed": seed, "between": between, **record}


def _order(plan: Plan, share: Callable[[], float]) -> Iterator[str]:
    while share() < 1:
        yield plan.draw(late=share() >= 0.5)


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "software": __version__,
    }


if __name__ == "__main__":
    typer.run(soak)
