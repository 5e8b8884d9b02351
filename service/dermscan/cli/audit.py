"""`dermscan history audit`: who did what, when, to what; and whether anything of it was altered."""

from collections.abc import Sequence
from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.opening import opened
from dermscan.cli.presentation import print_json, print_table
from dermscan.errors import HistoryCorrupt
from dermscan.history.audit import AuditEntry
from dermscan.history.audit_check import Breach, Finding

_MEANING = {
    Breach.REMOVED: "was removed",
    Breach.ALTERED: "was altered, moved or made without the key",
    Breach.HEAD_ALTERED: "is the last, and the sealed head is missing or was altered",
    Breach.CUT_OFF: "is the last, and the sealed head says otherwise",
    Breach.MARK_MISSING: "is the last, and the mark beside the database is missing or was altered",
    Breach.OLDER_COPY: "was reached once and is not there as it was: an older database was put back",
    Breach.WHOLE_FOLDER: "was seen once and is not there: an older copy of the whole history was put back",
    Breach.FOUND_BEFORE: "records that the log was found altered or set back then",
}


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, max=1_000_000, help="Greatest number of entries shown.")] = 20,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Go through the whole log and find what was altered, removed or cut off.")
    ] = False,
    reached: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of an entry that was once seen, and noted elsewhere: with --verify, an older copy of the "
            "whole folder is found by it.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Show the audit log, newest first: who filed, viewed, assigned, erased or exported what, and when.

    Example: dermscan history audit --verify
    """
    with opened(context) as history:
        entries = history.audit_entries(limit)
        findings = history.verify_audit(reached) if verify else None
    if as_json:
        print_json({"entries": entries, "findings": findings})
    else:
        _print(entries, findings)
    if findings:
        raise HistoryCorrupt(problem=f"the audit log does not verify, breaches found: {len(findings)}")


def _print(entries: Sequence[AuditEntry], findings: Sequence[Finding] | None) -> None:
    columns = ["No.", "When (UTC)", "Who", "What", "To what", "Amount"]
    print_table("Audit log", columns, [_row(entry) for entry in entries])
    for finding in findings or ():
        typer.echo(f"Entry {finding.seq} {_MEANING[finding.breach]}")
    if findings == ():
        typer.echo("The audit log is complete and unaltered.")


def _row(entry: AuditEntry) -> list[str]:
    amount = "" if entry.amount is None else str(entry.amount)
    when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return [str(entry.seq), when, entry.actor, entry.action.replace("_", " "), entry.reference or "", amount]
