"""`dermscan keys`: make keys, change them, tell where they lie. None is ever shown but the recovery words, once."""

from pathlib import Path
from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.erase import Yes
from dermscan.cli.opening import opened_for_writing, opened_with
from dermscan.cli.presentation import print_json, print_table
from dermscan.errors import KeyRefused, KeyUnavailable
from dermscan.history.key_status import SlotStatus, key_status, slot_status
from dermscan.history.keys import create_key_file, load_key_file, load_master_key
from dermscan.settings import Settings

keys_app = typer.Typer(no_args_is_help=True, help="The keys that open the history.")

_COLUMNS = 4


@keys_app.command("init")
def init(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="The key file; the one of the settings when left out.")] = None,
    *,
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Make a recovery key for this history instead, and show its words once.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Make a key file for development, readable by you alone. An existing file is never overwritten.

    With --recovery, make a second key to the history, as 24 words to write down. It opens the history and its backups
    on any device. Words made before open it no longer. Stop the service first.

    Example: dermscan keys init ~/.config/dermscan/key
    """
    settings: Settings = context.obj()
    if recovery:
        _init_recovery(context, yes=yes)
        return
    target = path or settings.history.key_file
    if target is None:
        raise KeyUnavailable(problem="name a key file, or set history.key_file in the settings")
    create_key_file(target)
    typer.echo(f"Made {target}. Whoever holds it can read the history; without it, nobody can.")


@keys_app.command("rotate")
def rotate(
    context: typer.Context,
    new: Annotated[Path, typer.Option(help="Key file with the new master key; made where there is none.")],
) -> None:
    """Let a new master key open the history, and the old one no longer. Stop the service first.

    It may be interrupted anywhere and called again. Recovery words stay good. Afterwards, seal the new key file as the
    service's credential, or name it in the settings.

    Example: dermscan keys rotate --new /root/new-key
    """
    settings: Settings = context.obj()
    old = load_master_key(settings.history)
    if not new.exists():
        create_key_file(new)
    key = load_key_file(new)
    try:
        with opened_with(context, old) as history:
            history.rotate_key(key)
    except KeyRefused:
        with opened_with(context, key) as history:
            history.rotate_key(key)
    typer.echo(
        f"Only the key in {new} opens the history now. Seal it as the credential, or set history.key_file to it."
    )


@keys_app.command("status")
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Tell where the master key lies, how strong that is, and which keys open the history. No key is ever shown.

    Example: dermscan keys status --json
    """
    settings: Settings = context.obj()
    found = key_status(settings.history)
    slots = slot_status(settings.history)
    if as_json:
        fields = {name: getattr(found, name) for name in ("place", "strength", "path", "problem")}
        print_json({**fields, "slots": slots})
    else:
        place = "" if found.path is None else f" at {found.path}"
        typer.echo(f"Place: {found.place.replace('_', ' ')}{place}")
        typer.echo(f"Strength: {found.strength.replace('_', ' ')}")
        for slot in slots:
            typer.echo(f"Opens the history: {_described(slot)}")
    if found.problem is not None:
        raise KeyUnavailable(problem=found.problem)


def _init_recovery(context: typer.Context, *, yes: bool) -> None:
    with opened_for_writing(context) as history:
        if not yes:
            typer.confirm("The words will be shown once. Is nobody looking, and are pen and paper at hand?", abort=True)
        words = history.make_recovery_key().words()
    numbered = [f"{number:2} {word}" for number, word in enumerate(words, start=1)]
    rows = [numbered[at : at + _COLUMNS] for at in range(0, len(numbered), _COLUMNS)]
    print_table(
        "Recovery words", [""] * _COLUMNS, rows, caption="Whoever has them can read the history and its backups."
    )


def _described(slot: SlotStatus) -> str:
    here = ", which is the one here" if slot.is_here else ""
    return f"{slot.kind} key {slot.key_id[:8]}{here}"
