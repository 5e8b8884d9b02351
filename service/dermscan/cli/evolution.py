"""`dermscan history evolution`: how a lesion changed, as a table, as JSON, or drawn with its pictures."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.opening import opened
from dermscan.cli.presentation import ADJUNCTIVE, print_json, print_table
from dermscan.cli.timeline import Visit, finding, visits
from dermscan.cli.timeline_page import page, picture
from dermscan.domain.evolution import Evolution
from dermscan.errors import OutputError

DRAWN = {".html": page, ".png": picture}


def evolution(
    context: typer.Context,
    lesion: Annotated[str, typer.Argument(help="The lesion, or at least the first eight characters of it.")],
    baseline: Annotated[
        str | None, typer.Option(help="Scan to compare with; the first one unless it is named.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also draw the timeline, pictures in clear, into this .html or .png file.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show how a lesion changed since its baseline.

    Example: dermscan history evolution 3f2a91c4 --out timeline.html
    """
    if out is not None and out.suffix.lower() not in DRAWN:
        raise OutputError(target=out, problem="its name must end in .html or .png")
    with opened(context) as history:
        shown = visits(history, history.find_lesion(lesion).lesion_id, baseline)
    if out is not None:
        _write_private(out, DRAWN[out.suffix.lower()](shown))
        typer.echo(f"{out} holds pictures in clear; only you can read it. Delete it when it has served.", err=True)
    if as_json:
        print_json([_fields(visit) for visit in shown])
        return
    columns = ["Scan", "Taken (UTC)", "Diameter", "Area, %", "Area a month, %", "Overlap", "Colour", "Change"]
    print_table("Evolution", columns, [_row(visit) for visit in shown], caption=ADJUNCTIVE)


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, also where it was there before."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.truncate()
            stream.write(content)
    except OSError as error:
        raise OutputError(target=path, problem=error.strerror) from None


def _fields(visit: Visit) -> dict[str, object]:
    said = None if visit.evolution is None else _without_map(visit.evolution)
    return {"scan_id": visit.scan_id, "taken_at": visit.taken_at, "evolution": said, "note": ADJUNCTIVE}


def _without_map(found: Evolution) -> dict[str, object]:
    fields = asdict(found)
    if fields["color"] is not None:
        del fields["color"]["change_map"]
    return fields


def _row(visit: Visit) -> list[str]:
    found = visit.evolution
    growth, contour, color = (found.growth, found.contour, found.color) if found else (None, None, None)
    monthly = None if growth is None else growth.area_month
    return [
        visit.scan_id[:8],
        f"{visit.taken_at:%Y-%m-%d %H:%M}",
        visit.diameter,
        "" if growth is None else f"{100 * growth.area:+.0f}",
        "" if monthly is None else f"{100 * monthly:+.1f}",
        "" if contour is None else f"{contour.dice:.2f}",
        "" if color is None else f"{color.overall:.1f}",
        finding(visit),
    ]
