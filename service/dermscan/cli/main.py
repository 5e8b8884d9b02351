"""The `dermscan` command: its parts, and how an error becomes one sentence and an exit code."""

import logging
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dermscan import __version__
from dermscan.cli.analyze import analyze
from dermscan.cli.backup import backup_app
from dermscan.cli.bench import bench
from dermscan.cli.bundle import bundle_app
from dermscan.cli.bus import bus_app
from dermscan.cli.camera import camera_app
from dermscan.cli.console import console_app
from dermscan.cli.demo import demo
from dermscan.cli.display import display
from dermscan.cli.evaluate import evaluate
from dermscan.cli.history import history_app
from dermscan.cli.keys import keys_app
from dermscan.cli.safe_mode import safe_mode_app
from dermscan.cli.secrecy import forbid_dumps
from dermscan.cli.service import run, selftest
from dermscan.cli.setup import setup
from dermscan.cli.status import diagnose, status
from dermscan.errors import DermscanError, InstallationIncomplete
from dermscan.settings import load_settings

app = typer.Typer(
    name="dermscan",
    help="A skin-lesion scanner that keeps every picture on the device. It assists a clinician; it makes no diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(analyze)
app.command()(evaluate)
app.command()(selftest)
app.command()(bench)
app.command()(setup)
app.command()(status)
app.command()(diagnose)
app.command()(demo)
app.command()(display)
app.add_typer(history_app, name="history")
app.add_typer(keys_app, name="keys")
app.add_typer(backup_app, name="backup")
app.add_typer(camera_app, name="camera")
app.add_typer(bundle_app, name="bundle")
app.add_typer(bus_app, name="bus")
app.add_typer(console_app, name="console")
app.add_typer(safe_mode_app, name="safe-mode")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def dermscan(
    context: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(envvar="DERMSCAN_SETTINGS", help="Settings file; /etc/dermscan/settings.toml where it exists."),
    ] = None,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Hand the place of the settings on to the command."""
    context.obj = partial(load_settings, settings)


def main() -> None:
    """Run the command; an error of ours is one sentence on standard error and its exit code."""
    forbid_dumps()
    try:
        app()
    except DermscanError as error:
        _end(error)
    except ImportError as error:
        _end(InstallationIncomplete(part=error.name or type(error).__name__))
    except SystemExit as ended:
        _leave(ended.code)


def _end(error: DermscanError) -> NoReturn:
    print(f"dermscan: {error}", file=sys.stderr)  # noqa: T201 - this is the command's voice
    _leave(error.exit_code)


def _leave(code: str | int | None) -> NoReturn:
    """End the process with a code, whatever a thread is doing.

    A thread that is at work in a native library cannot be ended with the interpreter: the process would die by SIGABRT,
    which no caller and no unit could tell from a defect.
    """
    if threading.active_count() > 1 and (code is None or isinstance(code, int)):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)
