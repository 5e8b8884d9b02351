"""Exports of a lesion into the one folder that the settings name, deliberately and audited. Nothing is uploaded."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.role import Role
from dermscan.console.visit import Refusal, Refused, Visit, page_for
from dermscan.errors import OutputError
from dermscan.exporting.lesion import Format, Wanted, write_lesion
from dermscan.reporting.folder import fresh_folder
from dermscan.reporting.report import Language
from dermscan.reporting.subject import Modality


def export_page(visit: Visit) -> Response:
    """What shall be exported, and what leaves the device with it."""
    return _form(visit, "")


def export(visit: Visit) -> Response:
    """Write a lesion into a new folder, once it was confirmed that it lies there in clear."""
    folder, wanted = _folder(visit), _wanted(visit)
    if visit.form.get("understood") != "yes":
        return _form(visit, visit.wording("export.not_sure"), 400)
    history = visit.desk.door.reading()
    lesion = history.lesion(visit.target("lesion"))
    scans = len(history.timeline(lesion.lesion_id))
    if not scans:
        return _form(visit, visit.wording("lesion.none"), 400)
    name = f"{wanted.printed_at:%Y%m%dT%H%M%SZ}-{wanted.form}-{secrets.token_hex(3)}"
    with fresh_folder(folder / name) as stage:
        history.note_export(scans)
        write_lesion(history, lesion, stage / "lesion-1", wanted)
    advice = visit.wording("export.done_advice", name=name)
    back = f"/lesion/{visit.name('lesion', lesion.lesion_id)}"
    return visit.page("told", title=visit.wording("export.done"), advice=advice, back=back)


def _wanted(visit: Visit) -> Wanted:
    """What the form asks for.

    Raises:
        Refused: It offers nothing like that.
    """
    form, modality = visit.form.get("format", ""), visit.form.get("modality", Modality.DERMOSCOPY)
    if form not in list(Format) or modality not in list(Modality):
        raise Refused(Refusal.MALFORMED)
    language = Language.GERMAN if visit.wording.language == Language.GERMAN else Language.ENGLISH
    return Wanted(Format(form), language, Modality(modality), datetime.now(UTC), visit.desk.settings.models)


def _folder(visit: Visit) -> Path:
    folder = visit.desk.settings.console.export_folder
    if folder is None:
        raise Refused(Refusal.UNKNOWN)
    if not folder.is_dir():
        raise OutputError(target="the export folder", problem="it is not there")
    return folder


def _form(visit: Visit, problem: str, status: int = 200) -> Response:
    _folder(visit)
    history, lesion_id = visit.desk.door.reading(), visit.target("lesion")
    scans = len(history.timeline(lesion_id))
    offered = {"formats": list(Format), "modalities": list(Modality)}
    return visit.page("export", status, lesion=history.lesion(lesion_id), scans=scans, problem=problem, **offered)


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/export/{handle}", export_page),
    page_for(Role.CLINICIAN, "/export/{handle}", export, method="POST"),
]
