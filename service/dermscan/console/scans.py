"""The page of one scan and its pictures: what was seen, said, and how sure. It shows no risk that was not given."""

import math
from dataclasses import replace
from datetime import UTC, datetime

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.drawing import outline, png, thumbnail
from dermscan.console.role import Role
from dermscan.console.visit import Visit, page_for
from dermscan.domain import MALIGNANT, PRE_MALIGNANT, DiagnosisCode
from dermscan.domain.review import ExclusionReason
from dermscan.history.records import ScanSummary

NOTE_LENGTH = 2000


def uncertainty(probabilities: dict[DiagnosisCode, float]) -> float | None:
    """How far the classifier is from being sure, 0 to 1: Shannon's entropy of the classes as a share of the greatest.

    Args:
        probabilities: Calibrated probability of each code; empty when nothing was classified.
    """
    if not probabilities:
        return None
    entropy = -sum(share * math.log(share) for share in probabilities.values() if share > 0)
    return entropy / math.log(len(DiagnosisCode))


def bars(scan: ScanSummary) -> list[tuple[str, float, str]]:
    """The classes, the likeliest first: code, per cent, and whether it is malignant or a stage before."""
    ranked = sorted(scan.probabilities.items(), key=lambda item: -item[1])
    return [(code.value, 100 * share, _kind(code)) for code, share in ranked]


def _kind(code: DiagnosisCode) -> str:
    if code in MALIGNANT:
        return "malignant"
    return "pre" if code in PRE_MALIGNANT else "benign"


def scan_page(visit: Visit) -> Response:
    """One scan. The outline is drawn from the mask, so that the picture is decrypted for this page already."""
    history = visit.desk.door.reading()
    summary = history.find(visit.target("scan"))
    scan, review = history.load_reviewed(summary.scan_id)
    drawn = None if scan.assessment.mask is None else outline(scan.assessment.mask)
    return visit.page(
        "scan",
        scan=summary,
        lesion=history.lesion(summary.lesion_id),
        features=scan.assessment.features,
        review=review,
        outline=drawn,
        bars=bars(summary),
        uncertainty=uncertainty(summary.probabilities),
        reasons=list(ExclusionReason),
    )


def picture(visit: Visit) -> Response:
    """A scan's whole frame, without loss."""
    scan = visit.desk.door.reading().load(visit.target("scan"))
    return Response(png(scan.frame.pixels), media_type="image/png")


def small_picture(visit: Visit) -> Response:
    """A scan's frame, small."""
    scan = visit.desk.door.reading().load(visit.target("scan"))
    return Response(thumbnail(scan.frame.pixels), media_type="image/jpeg")


def review(visit: Visit) -> Response:
    """Take the note on a scan, and whether it counts."""
    scan_id = visit.target("scan")
    wanted = visit.form.get("excluded", "")
    reason = ExclusionReason(wanted) if wanted in list(ExclusionReason) else None
    with visit.desk.door.writing() as history:
        before = history.review(scan_id)
        said = replace(
            before,
            note=visit.form.get("note", "")[:NOTE_LENGTH] or None,
            excluded=reason,
            reviewed_at=datetime.now(UTC),
            reviewer=visit.who.person,
        )
        history.file_review(scan_id, said)
    return visit.to(f"/scan/{visit.name('scan', scan_id)}")


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/scan/{handle}", scan_page),
    page_for(Role.CLINICIAN, "/scan/{handle}/picture", picture),
    page_for(Role.CLINICIAN, "/scan/{handle}/thumbnail", small_picture),
    page_for(Role.CLINICIAN, "/scan/{handle}/review", review, method="POST"),
]
