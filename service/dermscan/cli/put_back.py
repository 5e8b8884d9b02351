"""`dermscan history put-back`: a copy of the database from before a migration, put in its place again."""

from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.ownership import left_to_its_owner
from dermscan.cli.presentation import print_json, print_table
from dermscan.history.keys import load_master_key
from dermscan.history.returning import KeptCopy, kept_copies, put_back
from dermscan.settings import Settings


def put_back_command(
    context: typer.Context,
    copy: Annotated[
        str | None, typer.Argument(help="The copy; without it the newest that this software opens.")
    ] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="Only list the copies, beside the running service.")] = False,
    as_json: Json = False,
) -> None:
    """Put back the database from before an update of its schema. Stop service and console first.

    For going back to the software before. The database that is there now is kept among the copies, so that a later
    update can put it back in turn. Scans filed since the copy are not shown until then.

    Example: dermscan history put-back
    """
    settings: Settings = context.obj()
    folder = settings.history.folder
    if list_:
        _tell(kept_copies(folder), as_json=as_json)
        return
    key = load_master_key(settings.history)
    with left_to_its_owner(folder):
        done = put_back(folder, key, copy)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"The database of {done.made_at:%Y-%m-%d %H:%M:%S} UTC, schema {done.schema}, is in service again.")


def _tell(copies: tuple[KeptCopy, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(copies)
        return
    rows = [
        [one.name, str(one.schema), f"{one.made_at:%Y-%m-%d %H:%M:%S}", "yes" if one.usable else "no"] for one in copies
    ]
    print_table(f"{len(copies)} copies", ["Copy", "Schema", "Made (UTC)", "Opened by this software"], rows)
