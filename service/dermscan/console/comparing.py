"""Two scans of a lesion side by side, laid over each other. It describes what changed and diagnoses nothing."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.drawing import heat, laid_over, png
from dermscan.console.lesions import course, curves
from dermscan.console.role import Role
from dermscan.console.visit import Refusal, Refused, Visit, page_for
from dermscan.domain import Scan
from dermscan.domain.evolution import Evolution
from dermscan.history.evolution import compare


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two scans and what their comparison gave, kept for the session's pictures.

    Attributes:
        pair: Identifiers of the baseline and the follow-up.
        evolution: What changed.
        overlay: The follow-up as it lies on the baseline, PNG; None where it could not be laid.
        difference: Where the colours differ, PNG with transparency, of the working size; None where it is not known.
    """

    pair: tuple[str, str]
    evolution: Evolution
    overlay: bytes | None
    difference: bytes | None


def evolution_page(visit: Visit) -> Response:
    """A lesion's baseline and one of its later scans."""
    history, lesion_id = visit.desk.door.reading(), visit.target("lesion")
    lesion = history.lesion(lesion_id)
    seen = course(visit, lesion)
    counted = [one for one in seen if one.review.excluded is None and one.scan.mask_confidence is not None]
    if len(counted) < 2:
        return visit.page("evolution_none", lesion=lesion, count=len(counted))
    scans = {one.scan.scan_id: one.scan for one in counted}
    first = _wished(visit, "from") or next((one.scan.scan_id for one in counted if one.is_baseline), "")
    second = _wished(visit, "to") or counted[-1].scan.scan_id
    first = first if first in scans and first != second else next(key for key in scans if key != second)
    if second not in scans:
        raise Refused(Refusal.UNKNOWN)
    return visit.page(
        "evolution",
        lesion=lesion,
        counted=counted,
        baseline=scans[first],
        follow_up=scans[second],
        comparison=_comparison(visit, first, second),
        curves=curves(visit, seen),
    )


def overlay(visit: Visit) -> Response:
    """The follow-up as it lies on the baseline."""
    return _picture(_kept(visit).overlay)


def difference(visit: Visit) -> Response:
    """Where the colours differ."""
    return _picture(_kept(visit).difference)


def _wished(visit: Visit, which: str) -> str:
    wish = visit.request.query_params.get(which, "")
    return visit.known("scan", wish) if wish else ""


def _comparison(visit: Visit, first: str, second: str) -> Comparison:
    history = visit.desk.door.reading()
    baseline, follow_up = history.load_reviewed(first)[0], history.load_reviewed(second)[0]
    evolution = compare(baseline, follow_up)
    laid = _laid(baseline, follow_up, evolution)
    changed = None if evolution.color is None else heat(evolution.color.change_map)
    made = Comparison((first, second), evolution, laid, changed)
    visit.who.kept["comparison"] = made
    return made


def _laid(baseline: Scan, follow_up: Scan, evolution: Evolution) -> bytes | None:
    if evolution.registration is None:
        return None
    size = baseline.frame.width, baseline.frame.height
    return png(laid_over(follow_up.frame.pixels, evolution.registration.matrix, size))


def _kept(visit: Visit) -> Comparison:
    """The comparison of the session that the address names.

    Raises:
        Refused: It is another one, or none.
    """
    kept = visit.who.kept.get("comparison")
    pair = visit.target("scan", "first"), visit.target("scan", "second")
    if not isinstance(kept, Comparison) or kept.pair != pair:
        raise Refused(Refusal.UNKNOWN)
    return kept


def _picture(content: bytes | None) -> Response:
    if content is None:
        raise Refused(Refusal.UNKNOWN)
    return Response(content, media_type="image/png")


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/evolution/{handle}", evolution_page),
    page_for(Role.CLINICIAN, "/evolution/{first}/{second}/overlay", overlay),
    page_for(Role.CLINICIAN, "/evolution/{first}/{second}/difference", difference),
]
