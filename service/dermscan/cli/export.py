"""`dermscan history export`: pictures and figures in clear, for somebody who may have them. It takes nothing away."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dermscan.cli.erase import Yes
from dermscan.cli.export_files import Format, write_plain
from dermscan.cli.opening import opened
from dermscan.domain import Lesion
from dermscan.exporting.lesion import Format as Written
from dermscan.exporting.lesion import Wanted, write_lesion
from dermscan.history.store import History
from dermscan.reporting.folder import fresh_folder
from dermscan.reporting.report import Language
from dermscan.reporting.subject import Modality


def export(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the files go: a folder that is new or empty.")],
    lesion: Annotated[
        str | None, typer.Option(help="The lesion, or at least the first eight characters of it.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Alias of the subject whose lesions are all exported.")] = None,
    form: Annotated[
        Format, typer.Option("--format", help="Plain files, a report as PDF, DICOM objects, or a FHIR bundle.")
    ] = Format.FOLDER,
    language: Annotated[Language, typer.Option(help="Language of the PDF report.")] = Language.ENGLISH,
    modality: Annotated[
        Modality, typer.Option(help="How the device takes its pictures, as DICOM and FHIR tell it.")
    ] = Modality.DERMOSCOPY,
    *,
    yes: Yes = False,
) -> None:
    """Write what is filed about a lesion or a subject, unencrypted, into a folder. The audit log tells of it.

    The folder has all files or none. No file has a name, an alias or a clinician's note in its name; the PDF report
    alone has the alias in it.

    Example: dermscan history export /media/stick/for-dermatology --lesion 3f2a91c4 --format pdf
    """
    if (lesion is None) == (subject is None):
        message = "name either --lesion or --subject"
        raise typer.BadParameter(message)
    with opened(context) as history:
        lesions = _chosen(history, lesion, subject)
        scans = sum(len(history.timeline(found.lesion_id)) for found in lesions)
        if not yes:
            typer.confirm(f"Write {scans} scans to {folder}, unencrypted and readable by anybody?", abort=True)
        with fresh_folder(folder) as stage:
            history.note_export(scans)
            for number, found in enumerate(lesions, start=1):
                stem = stage / f"lesion-{number}"
                if form is Format.FOLDER:
                    write_plain(history, found.lesion_id, stem)
                else:
                    wanted = Wanted(Written(form.value), language, modality, datetime.now(UTC), context.obj().models)
                    write_lesion(history, found, stem, wanted)
    typer.echo(f"Exported {scans} scans to {folder}; nothing there is encrypted. Delete it when it has served.")


def _chosen(history: History, lesion: str | None, subject: str | None) -> tuple[Lesion, ...]:
    if lesion is not None:
        return (history.find_lesion(lesion),)
    return history.lesions_of(subject or "")
