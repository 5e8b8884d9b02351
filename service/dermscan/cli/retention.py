"""`dermscan history retention`: what the policy of the settings deletes, done now or only reckoned."""

from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.opening import opened, opened_for_writing
from dermscan.cli.presentation import print_json
from dermscan.settings import RetentionSettings, Settings


def retention(
    context: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be deleted, beside the running service.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete old scans by the policy of the settings, oldest first, as each start of the service does. Stop it first.

    Example: dermscan history retention --dry-run
    """
    settings: Settings = context.obj()
    policy = settings.history.retention
    with (opened if dry_run else opened_for_writing)(context) as history:
        doubt = history.clock_doubt()
        scans = 0 if doubt else (history.would_expire if dry_run else history.expire)(policy)
        there = history.count()
    if as_json:
        print_json(
            {"policy": policy.model_dump(), "dry_run": dry_run, "clock_doubt": doubt, "expired": scans, "scans": there}
        )
    else:
        typer.echo(_told(policy, scans, doubt, dry_run=dry_run))


def _told(policy: RetentionSettings, scans: int, doubt: str | None, *, dry_run: bool) -> str:
    if policy == RetentionSettings():
        return "There is no policy of retention in the settings: nothing is ever deleted."
    if doubt is not None:
        return f"Nothing is deleted: {doubt}."
    if dry_run:
        return f"The policy would delete {scans} scans."
    return f"Deleted {scans} scans. Backups made before still hold them: run `dermscan backup prune`."
