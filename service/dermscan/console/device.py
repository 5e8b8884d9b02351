"""The device as a technician sees it: the scanner's state, the disk, who did what. It never shows a lesion."""

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.visit import Visit, page_for
from dermscan.errors import HistoryError
from dermscan.history.audit import AuditEntry

ENTRIES = 40


def device_page(visit: Visit) -> Response:
    """How the scanner and its history are."""
    problem, filed, free = "", 0, 0
    entries: tuple[AuditEntry, ...] = ()
    try:
        history = visit.desk.door.reading()
        filed, free, entries = history.count(), history.free_bytes(), history.audit_entries(ENTRIES)
    except HistoryError as error:
        problem = str(error)
    return visit.page("device", problem=problem, filed=filed, free=free, entries=entries)


ROUTES: list[Route] = [page_for(None, "/device", device_page)]
