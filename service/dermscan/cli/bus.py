"""`dermscan bus`: the contract for other people's programs, and one-time tickets for known lesions."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from dermscan.bus.contract import asyncapi, documents
from dermscan.bus.contract_page import page
from dermscan.cli.analyze import Json
from dermscan.cli.opening import opened
from dermscan.cli.presentation import print_json
from dermscan.errors import OutputError

bus_app = typer.Typer(no_args_is_help=True, help="The local MQTT bus: its contract, and tickets for its commands.")


@bus_app.command("contract")
def contract(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write asyncapi.json, schemas/ and contract.md into.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Print the contract as a page, or as the AsyncAPI document with --json, or write all of it into a folder.

    Example: dermscan bus contract --out docs/bus
    """
    if out is not None:
        _write(out, {**documents(), "contract.md": page()})
    elif as_json:
        print_json(asyncapi())
    else:
        typer.echo(page())


@bus_app.command("ticket")
def ticket(
    context: typer.Context,
    lesion: Annotated[str | None, typer.Argument(help="The lesion's identifier; a new lesion when left out.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=24 * 60, help="How long the ticket is good.")] = 10,
    *,
    as_json: Json = False,
) -> None:
    """Make a one-time ticket with which a command asks for a scan of a lesion, also while the service runs.

    Example: dermscan bus ticket 3f2a91c4-5f0e-4a57-9d3c-0b6f3a1d2e4f --minutes 5
    """
    with opened(context) as history:
        made = history.issue_ticket(lesion, timedelta(minutes=minutes))
    if as_json:
        print_json({"ticket": made, "minutes": minutes})
    else:
        typer.echo(made)


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror) from None
