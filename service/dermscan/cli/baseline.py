"""`dermscan history baseline`: the scan that a lesion's others are compared with, chosen by a person."""

from typing import Annotated

import typer

from dermscan.cli.opening import opened_for_writing


def baseline(
    context: typer.Context,
    lesion: Annotated[str, typer.Argument(help="The lesion, or at least the first eight characters of it.")],
    scan: Annotated[
        str | None, typer.Argument(help="The scan, or at least the first eight characters of it; none: the first.")
    ] = None,
) -> None:
    """Choose a lesion's baseline, or go back to its first scan. Stop the service first.

    Example: dermscan history baseline 3f2a91c4 8d01c7aa
    """
    with opened_for_writing(context) as history:
        chosen = None if scan is None else history.find(scan).scan_id
        history.set_baseline(history.find_lesion(lesion).lesion_id, chosen)
    typer.echo("The first scan is the baseline." if scan is None else "Baseline set.")
