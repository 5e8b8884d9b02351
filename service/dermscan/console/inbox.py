"""The inbox: scans without a lesion find theirs, or become somebody's new one. It never guesses whose a scan is."""

import re

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.role import Role
from dermscan.console.sites import site_choices
from dermscan.console.visit import Refusal, Refused, Visit, page_for
from dermscan.domain import Laterality
from dermscan.domain.sites import SITES

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
LISTED = 100


def inbox_page(visit: Visit) -> Response:
    """Every scan that waits, the newest first."""
    history = visit.desk.door.reading()
    return visit.page("inbox", scans=history.latest(LISTED, unassigned=True))


def assign_page(visit: Visit) -> Response:
    """Where shall a scan go?"""
    return _form(visit, "")


def assign(visit: Visit) -> Response:
    """Move a scan to a known lesion, or make it a subject's new one."""
    scan = visit.desk.door.reading().find(visit.target("scan"))
    wish = visit.form.get("lesion", "")
    if wish:
        lesion_id = visit.known("lesion", wish)
        with visit.desk.door.writing() as history:
            history.assign_scan(scan.scan_id, lesion_id)
        return visit.to(f"/lesion/{visit.name('lesion', lesion_id)}")
    alias, site, side = who_and_where(visit)
    if alias is None:
        return _form(visit, visit.wording("form.alias_refused"), 400)
    with visit.desk.door.writing() as history:
        history.assign_lesion(scan.lesion_id, alias, anatomic_site=site, laterality=side)
    return visit.to(f"/lesion/{visit.name('lesion', scan.lesion_id)}")


def who_and_where(visit: Visit) -> tuple[str | None, str | None, Laterality | None]:
    """The alias, the site and the side of a form; no alias where it will not do.

    Raises:
        Refused: The site or the side is none that a form offers.
    """
    alias, site, side = (visit.form.get(key, "") for key in ("alias", "site", "side"))
    if (site and site not in SITES) or (side and side not in list(Laterality)):
        raise Refused(Refusal.MALFORMED)
    return alias if ALIAS.fullmatch(alias) else None, site or None, Laterality(side) if side else None


def _form(visit: Visit, problem: str, status: int = 200) -> Response:
    history = visit.desk.door.reading()
    scan = history.find(visit.target("scan"))
    sites = site_choices(visit.wording)
    return visit.page("assign", status, scan=scan, followed=history.followed(), sites=sites, problem=problem)


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/inbox", inbox_page),
    page_for(Role.CLINICIAN, "/inbox/{handle}", assign_page),
    page_for(Role.CLINICIAN, "/inbox/{handle}", assign, method="POST"),
]
