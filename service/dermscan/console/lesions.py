"""The lists, and the page of one lesion: its course, its note, its end. It weighs nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.curves import Point, curve
from dermscan.console.role import Role
from dermscan.console.visit import Refusal, Refused, Visit, page_for
from dermscan.domain import Lesion, LesionFeatures
from dermscan.domain.review import Review
from dermscan.exporting.lesion import baseline_of
from dermscan.history.evolution.rules import AREA_LIMIT
from dermscan.history.records import ScanSummary
from dermscan.history.reviewing import Followed

NOTE_LENGTH = 2000
LISTED = 200
"""Lesions on one page of the list."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A scan in its lesion's course.

    Attributes:
        scan: The scan.
        review: What was said about it.
        is_baseline: Whether the others are compared with it.
    """

    scan: ScanSummary
    review: Review
    is_baseline: bool

    @property
    def features(self) -> LesionFeatures | None:
        """A, B, C and D, of the corrected mask where there is one."""
        return self.review.features or self.scan.features


def course(visit: Visit, lesion: Lesion) -> list[Seen]:
    """A lesion's scans with what was said about them, oldest first."""
    history = visit.desk.door.reading()
    scans, reviews = history.timeline(lesion.lesion_id), history.reviews(lesion.lesion_id)
    baseline = baseline_of(lesion, scans, reviews)
    return [Seen(scan, reviews.get(scan.scan_id, Review()), n == baseline) for n, scan in enumerate(scans)]


def due_at(visit: Visit, entry: Followed) -> datetime:
    """When a lesion is due again."""
    last = entry.latest.taken_at if entry.latest else entry.lesion.created_at
    return last + timedelta(days=visit.desk.settings.console.follow_up_days)


def lesions_page(visit: Visit) -> Response:
    """Every lesion that is followed; those only whose alias or site has the words that were asked for."""
    wanted = visit.request.query_params.get("search", "").casefold()[:64]
    found = [entry for entry in visit.desk.door.reading().followed() if _fits(visit, entry.lesion, wanted)]
    waiting = len(visit.desk.door.reading().latest(100, unassigned=True))
    return visit.page(
        "lesions", entries=_dated(visit, found[:LISTED]), search=wanted, more=len(found) > LISTED, waiting=waiting
    )


def due_page(visit: Visit) -> Response:
    """The lesions that are due, the one that waits longest first."""
    entries = _dated(visit, visit.desk.door.reading().followed())
    due = sorted((entry for entry in entries if entry[2] <= 0), key=lambda entry: entry[2])
    return visit.page("due", entries=due)


def _dated(visit: Visit, found: Sequence[Followed]) -> list[tuple[Followed, datetime, int]]:
    now = datetime.now(UTC)
    return [(entry, due_at(visit, entry), (due_at(visit, entry) - now).days) for entry in found]


def _fits(visit: Visit, lesion: Lesion, wanted: str) -> bool:
    words = f"{lesion.subject_alias} {visit.wording.site(lesion.anatomic_site)} {lesion.note or ''}"
    return wanted in words.casefold()


def lesion_page(visit: Visit) -> Response:
    """One lesion: its scans and their course."""
    lesion = visit.desk.door.reading().lesion(visit.target("lesion"))
    seen = course(visit, lesion)
    since = min([lesion.created_at, *(one.scan.taken_at for one in seen[:1])])
    return visit.page("lesion", lesion=lesion, seen=seen[::-1], since=since, curves=curves(visit, seen))


def curves(visit: Visit, seen: Sequence[Seen]) -> list[tuple[str, Markup]]:
    """The courses of area, diameter, colours and risk, of the scans that count and have the figure."""
    counted = [one for one in seen if one.review.excluded is None]
    calibrated = bool(counted) and all(one.scan.mm_per_pixel for one in counted if one.features)
    drawn = [
        (*_area(visit, counted, calibrated=calibrated), AREA_LIMIT),
        (*_diameter(visit, counted, calibrated=calibrated), math.sqrt(1 + AREA_LIMIT) - 1),
        ("colors", "", [(one, float(one.features.color)) for one in counted if one.features], None),
        (
            "risk",
            "",
            [(one, one.scan.risk) for one in counted if one.scan.risk is not None and not one.scan.reason],
            None,
        ),
    ]
    return [_drawn(visit, *what) for what in drawn if len(what[2]) > 1]


Values = list[tuple[Seen, float]]


def _area(visit: Visit, seen: Sequence[Seen], *, calibrated: bool) -> tuple[str, str, Values]:
    scales = {one.scan.scan_id: (one.scan.mm_per_pixel or 1.0) ** 2 if calibrated else 1.0 for one in seen}
    values = [(one, one.features.area_px * scales[one.scan.scan_id]) for one in seen if one.features]
    return "area", visit.wording("unit.mm2" if calibrated else "unit.px2"), values


def _diameter(visit: Visit, seen: Sequence[Seen], *, calibrated: bool) -> tuple[str, str, Values]:
    found = [(one, one.features) for one in seen if one.features]
    values = [(one, (calibrated and it.diameter_mm) or it.diameter_px) for one, it in found]
    return "diameter", visit.wording("unit.mm" if calibrated else "unit.px"), values


def _drawn(visit: Visit, what: str, unit: str, values: Values, share: float | None) -> tuple[str, Markup]:
    t = visit.wording
    title = t(f"curve.{what}") + (f" ({unit})" if unit else "")
    digits = 0 if max(value for _, value in values) >= 100 or what in {"colors", "risk"} else 1
    points = [
        Point(
            one.scan.taken_at,
            value,
            f"{t.day(one.scan.taken_at)}: {t.number(value, digits)} {unit}".strip(),
            f"/scan/{visit.name('scan', one.scan.scan_id)}",
        )
        for one, value in values
    ]
    start = next((value for one, value in values if one.is_baseline), values[0][1])
    band = None if share is None else (start / (1 + share), start * (1 + share))
    bounds = {"colors": (0.0, 6.0), "risk": (0.0, 100.0)}.get(what)
    return title, curve(title, points, lambda value: t.number(value, digits), t.day, band=band, bounds=bounds)


def annotate(visit: Visit) -> Response:
    """Take a lesion's note."""
    lesion_id = visit.target("lesion")
    with visit.desk.door.writing() as history:
        history.annotate_lesion(lesion_id, visit.form.get("note", "")[:NOTE_LENGTH] or None)
    return visit.to(f"/lesion/{visit.name('lesion', lesion_id)}")


def erase_page(visit: Visit) -> Response:
    """Ask whether a lesion shall be erased: the first of two confirmations."""
    history, lesion_id = visit.desk.door.reading(), visit.target("lesion")
    return visit.page("erase", lesion=history.lesion(lesion_id), scans=len(history.timeline(lesion_id)), problem="")


def erase(visit: Visit) -> Response:
    """Erase a lesion once the alias was typed, or the word for one that has none: the second confirmation."""
    history, lesion_id = visit.desk.door.reading(), visit.target("lesion")
    lesion, scans = history.lesion(lesion_id), len(history.timeline(lesion_id))
    sure = visit.form.get("understood") == "yes"
    if not sure or visit.form.get("typed", "") != (lesion.subject_alias or visit.wording("erase.word")):
        return visit.page("erase", 400, lesion=lesion, scans=scans, problem=visit.wording("erase.not_sure"))
    with visit.desk.door.writing() as writer:
        writer.erase_lesion(lesion_id)
    return visit.page("told", title=visit.wording("erase.done"), advice=visit.wording("erase.backups"), back="/lesions")


def set_baseline(visit: Visit) -> Response:
    """Take the scan with which the others are compared."""
    scan_id = visit.known("scan", visit.form.get("scan", ""))
    lesion_id = visit.desk.door.reading().find(scan_id).lesion_id
    if lesion_id != visit.target("lesion"):
        raise Refused(Refusal.UNKNOWN)
    with visit.desk.door.writing() as history:
        history.set_baseline(lesion_id, scan_id)
    return visit.to(f"/scan/{visit.name('scan', scan_id)}")


_CLINICIAN = Role.CLINICIAN
ROUTES: list[Route] = [
    page_for(_CLINICIAN, "/lesions", lesions_page),
    page_for(_CLINICIAN, "/due", due_page),
    page_for(_CLINICIAN, "/lesion/{handle}", lesion_page),
    page_for(_CLINICIAN, "/lesion/{handle}/note", annotate, method="POST"),
    page_for(_CLINICIAN, "/lesion/{handle}/erase", erase_page),
    page_for(_CLINICIAN, "/lesion/{handle}/erase", erase, method="POST"),
    page_for(_CLINICIAN, "/lesion/{handle}/baseline", set_baseline, method="POST"),
]
