"""`dermscan backup`: encrypted copies of the whole history, made while the service runs, for another disk or device."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from dermscan.cli.analyze import Json
from dermscan.cli.opening import opened
from dermscan.cli.ownership import left_to_its_owner
from dermscan.cli.presentation import print_json, print_table
from dermscan.errors import HistoryCorrupt
from dermscan.history.backup_header import history_key_of
from dermscan.history.backup_keeping import Backup, list_backups
from dermscan.history.backup_restoring import KeyOf, restore_backup, verify_backup
from dermscan.history.keys import load_master_key
from dermscan.history.recovery import RecoveryKey
from dermscan.settings import Settings

backup_app = typer.Typer(no_args_is_help=True, help="Encrypted backups of the history.")

Folder = Annotated[Path, typer.Argument(help="Folder of the backups, on a stick for example.")]
File = Annotated[Path, typer.Argument(help="The backup.")]
Words = Annotated[
    bool, typer.Option("--recovery", help="Ask for the recovery words instead of using this device's master key.")
]


@backup_app.command("create")
def create(context: typer.Context, folder: Folder) -> None:
    """Make a backup while the service goes on filing. This device's key and the recovery words open it.

    Example: dermscan backup create /media/stick
    """
    with opened(context) as history, _bar("Backing up") as progress:
        path, left_out = history.back_up(folder, progress)
    typer.echo(f"Made {path}.")
    if left_out:
        raise HistoryCorrupt(problem=f"pictures that are damaged and not in the backup: {left_out}")


@backup_app.command("list")
def list_(folder: Folder, *, as_json: Json = False) -> None:
    """List the backups in a folder, newest first.

    Example: dermscan backup list /media/stick
    """
    backups = list_backups(folder)
    if as_json:
        print_json([_fields(backup) for backup in backups])
        return
    rows = [[str(value) for value in _fields(backup).values()] for backup in backups]
    print_table("Backups", ["File", "Made (UTC)", "Scans", "Bytes"], rows)


@backup_app.command("verify")
def verify(
    context: typer.Context,
    backup: File,
    place: Annotated[
        Path | None, typer.Option(help="Where the temporary folder is made; beside the backup when left out.")
    ] = None,
    *,
    recovery: Words = False,
) -> None:
    """Prove that a backup can be restored: restore it into a temporary folder and check every page and picture.

    Example: dermscan backup verify /media/stick/dermscan-20260301T093000Z-1a2b3c4d.backup
    """
    key_of = _key_of(context, recovery=recovery)
    with _bar("Restoring for proof") as progress:
        scans = verify_backup(backup, place or backup.absolute().parent, key_of, progress)
    typer.echo(f"The backup can be restored; all pictures of its {scans} scans are sound.")


@backup_app.command("restore")
def restore(context: typer.Context, backup: File, *, recovery: Words = False) -> None:
    """Restore a backup into the empty folder of the settings. From then on this device's master key opens it.

    Example: dermscan backup restore /media/stick/dermscan-20260301T093000Z-1a2b3c4d.backup --recovery
    """
    settings: Settings = context.obj()
    master = load_master_key(settings.history)
    key_of = _key_of(context, recovery=recovery)
    with left_to_its_owner(settings.history.folder), _bar("Restoring") as progress:
        scans = restore_backup(backup, settings.history.folder, key_of, master, progress)
    typer.echo(f"Restored {scans} scans to {settings.history.folder}.")


@backup_app.command("prune")
def prune(
    context: typer.Context,
    folder: Folder,
    keep: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest backups stay.")] = 7,
) -> None:
    """Delete backups that hold erased lesions, and old ones. Where none would be left, one is made first.

    Example: dermscan backup prune /media/stick --keep 5
    """
    with opened(context) as history:
        if not history.has_clean_backup(folder):
            with _bar("Backing up") as progress:
                path, _ = history.back_up(folder, progress)
            verify_backup(path, folder, _key_of(context, recovery=False), lambda _done, _total: None)
            typer.echo(f"Made {path}.")
        deleted = history.prune_backups(folder, keep)
    typer.echo(f"Deleted {len(deleted)} backups.")


def _key_of(context: typer.Context, *, recovery: bool) -> KeyOf:
    settings: Settings = context.obj()
    if recovery:
        words = RecoveryKey.from_words(typer.prompt("Recovery words", hide_input=True))
        return partial(history_key_of, key=words)
    return partial(history_key_of, key=load_master_key(settings.history), folder=settings.history.folder)


def _fields(backup: Backup) -> dict[str, object]:
    header = backup.header
    made = "cannot be read" if header is None else f"{header.created_at:%Y-%m-%d %H:%M:%S}"
    scans = None if header is None else header.scans
    return {"file": backup.path.name, "made_at": made, "scans": scans, "bytes": backup.size_bytes}


@contextmanager
def _bar(title: str) -> Iterator["_Report"]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Report(bar, title)


class _Report:
    """Carries what is done to a progress bar."""

    def __init__(self, bar: Progress, title: str) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)
