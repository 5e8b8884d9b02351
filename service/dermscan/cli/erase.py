"""`dermscan history erase`: a lesion or a person's lesions, for good."""

from typing import Annotated

import typer

from dermscan.cli.opening import opened_for_writing

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def erase(
    context: typer.Context,
    lesion: Annotated[
        str | None, typer.Option(help="The lesion, or at least the first eight characters of it.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Alias of the subject whose lesions are all erased.")] = None,
    *,
    yes: Yes = False,
) -> None:
    """Destroy the key of a lesion, or of all of a subject's, and delete everything about it. Stop the service first.

    Example: dermscan history erase --lesion 3f2a91c4
    """
    if (lesion is None) == (subject is None):
        message = "name either --lesion or --subject"
        raise typer.BadParameter(message)
    with opened_for_writing(context) as history:
        if lesion is not None:
            found = history.find_lesion(lesion)
            _ask(f"Erase lesion {found.lesion_id} with {len(history.timeline(found.lesion_id))} scans", yes=yes)
            scans = history.erase_lesion(found.lesion_id)
            typer.echo(f"Erased one lesion with {scans} scans.")
        elif subject is not None:
            _ask(f"Erase {len(history.lesions_of(subject))} lesions of this subject", yes=yes)
            typer.echo(f"Erased {history.erase_subject(subject)} lesions and their subject.")
    typer.echo("Backups made before still hold it: run `dermscan backup prune`.")


def _ask(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{question}? Nobody can bring it back", abort=True)
