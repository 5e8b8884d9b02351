"""`dermscan safe-mode`: whether the service has stopped working after a crash loop, and how it goes back to work."""

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.presentation import print_json
from dermscan.daemon.starts import Starts
from dermscan.settings import Settings

safe_mode_app = typer.Typer(
    no_args_is_help=True, help="Safe mode: after five starts within a minute the service takes no more pictures."
)


@safe_mode_app.command("status")
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Tell whether the service is in safe mode, and how many starts have not ended in order.

    Example: dermscan safe-mode status
    """
    record = _starts(context).record
    if as_json:
        print_json({"safe_mode": record.safe_mode, "starts": len(record.starts)})
        return
    typer.echo(
        f"Safe mode is {'on' if record.safe_mode else 'off'}; starts that did not end in order: {len(record.starts)}"
    )


@safe_mode_app.command("clear")
def clear(context: typer.Context) -> None:
    """Leave safe mode: a running service goes back to work within a second, and the count begins anew.

    Example: dermscan safe-mode clear
    """
    was_safe = _starts(context).clear()
    typer.echo("Safe mode is left." if was_safe else "Safe mode was off; the count of starts begins anew.")


def _starts(context: typer.Context) -> Starts:
    settings: Settings = context.obj()
    return Starts(settings.history.folder)
