"""Orders a scan and shows how it goes, live. Who it is for goes to the scanner as a sealed ticket, never by name."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from dermscan.bus.events import CommandRefused, Event, ScanCancelled, ScanFailed, ScanFinished, ScanRefused
from dermscan.console.body_map import BACK, FRONT, HEIGHT, WIDTH
from dermscan.console.desk import Desk
from dermscan.console.inbox import who_and_where
from dermscan.console.line import Heard
from dermscan.console.role import Role
from dermscan.console.sessions import Session
from dermscan.console.sites import site_choices
from dermscan.console.visit import COOKIE, LANGUAGE, Visit, cookie_name, page_for
from dermscan.console.wording import Wording, chosen
from dermscan.errors import HistoryError

TICKET = timedelta(minutes=2)
LOOK_AGAIN_S = 0.1
"""Seconds between two looks at what the scanner said: one or two screens look."""

SIGN_OF_LIFE_S = 10.0

FILED = ""
"""What is said of a scan that has ended well, in the place of a reason why not."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A scan that was ordered.

    Attributes:
        lesion_id: The lesion it is for.
        known: The scans that the lesion had before.
        events: How many events the scanner had sent before.
    """

    lesion_id: str
    known: frozenset[str]
    events: int


def start_page(visit: Visit) -> Response:
    """What shall be scanned: a known lesion or a new one, and where."""
    wish = visit.request.query_params.get("lesion", "")
    lesion_id = visit.known("lesion", wish) if wish else None
    return _form(visit, lesion_id, "")


def start(visit: Visit) -> Response:
    """Order the scan, for a lesion that is recorded first where it is new."""
    wish = visit.form.get("lesion", "")
    known = visit.known("lesion", wish) if wish else None
    if not visit.desk.line.heard().reachable:
        return _form(visit, known, visit.wording("start.unreachable"), 503)
    lesion_id = known or _recorded(visit)
    if lesion_id is None:
        return _form(visit, None, visit.wording("form.alias_refused"), 400)
    history = visit.desk.door.reading()
    scans = frozenset(scan.scan_id for scan in history.timeline(lesion_id))
    visit.who.kept["awaited"] = Awaited(lesion_id, scans, visit.desk.line.heard().events)
    if not visit.desk.line.order_scan(history.issue_ticket(lesion_id, TICKET)):
        return _form(visit, lesion_id, visit.wording("start.unreachable"), 503)
    return visit.to("/live")


def _recorded(visit: Visit) -> str | None:
    alias, site, side = who_and_where(visit)
    if alias is None:
        return None
    with visit.desk.door.writing() as history:
        return history.create_lesion(subject_alias=alias, anatomic_site=site, laterality=side)


def _form(visit: Visit, lesion_id: str | None, problem: str, status: int = 200) -> Response:
    history = visit.desk.door.reading()
    return visit.page(
        "start",
        status,
        lesion=None if lesion_id is None else history.lesion(lesion_id),
        followed=history.followed(),
        sites=site_choices(visit.wording),
        figures=(("front", FRONT), ("back", BACK)),
        size=(WIDTH, HEIGHT),
        problem=problem,
        form=visit.form,
    )


def live_page(visit: Visit) -> Response:
    """How the scan goes."""
    awaited = visit.who.kept.get("awaited")
    if not isinstance(awaited, Awaited):
        return visit.to("/start")
    return visit.page("live", lesion=visit.desk.door.reading().lesion(awaited.lesion_id))


def cancel(visit: Visit) -> Response:
    """Break the scan off."""
    awaited = visit.who.kept.pop("awaited", None)
    visit.desk.line.cancel_scan()
    if not isinstance(awaited, Awaited):
        return visit.to("/start")
    return visit.to(f"/lesion/{visit.name('lesion', awaited.lesion_id)}")


async def live(request: Request) -> Response:
    """How the scan goes, as server-sent events; the page listens as long as it is open."""
    desk: Desk = request.app.state.desk
    session = await run_in_threadpool(_listener, desk, request)
    awaited = session.kept.get("awaited") if session else None
    if session is None or not isinstance(awaited, Awaited):
        return PlainTextResponse("", 401)
    wording = chosen(request.cookies.get(LANGUAGE, ""), request.headers.get("accept-language", ""))
    return StreamingResponse(_told(desk, session, awaited, wording), media_type="text/event-stream")


def _listener(desk: Desk, request: Request) -> Session | None:
    session = desk.session(request.cookies.get(cookie_name(COOKIE, secure=desk.secure), ""), touch=False)
    fitting = session is not None and not session.locked and session.role is Role.CLINICIAN
    return session if fitting else None


async def _told(desk: Desk, session: Session, awaited: Awaited, wording: Wording) -> AsyncIterator[str]:
    before, silent_s = "", 0.0
    while not session.locked and session.kept.get("awaited") is awaited:
        now = await run_in_threadpool(_standing, desk, session, awaited, wording)
        text = json.dumps(now)
        if text != before or silent_s >= SIGN_OF_LIFE_S:
            yield f"data: {text}\n\n"
            before, silent_s = text, 0.0
        if "open" in now:
            return
        await asyncio.sleep(LOOK_AGAIN_S)
        silent_s += LOOK_AGAIN_S


def _standing(desk: Desk, session: Session, awaited: Awaited, wording: Wording) -> dict[str, str | int]:
    heard = desk.line.heard()
    ends = [end for event in desk.line.events_since(awaited.events) if (end := _end(event, wording)) is not None]
    fresh = _fresh(desk, awaited) if FILED in ends else None
    if fresh is not None:
        return _opened(session, fresh, wording)
    ended = ends[-1] if ends else None
    if ended == FILED:
        # Somebody else's lesion was held still meanwhile: it is in the inbox, and this order goes on waiting
        title = wording("state.done.title")
        return {"state": "waiting", "title": title, "detail": wording("live.elsewhere"), "progress": 0}
    if ended is not None:
        return {"state": "ended", "title": wording("live.ended"), "detail": ended, "progress": 0}
    return _work(heard, wording)


def _end(event: Event, wording: Wording) -> str | None:
    """Why the scan is over; `FILED` when it went well, None when the event says nothing about it."""
    if isinstance(event, ScanFinished):
        return FILED
    if isinstance(event, ScanRefused):
        return wording(f"guidance.{event.reason}")
    if isinstance(event, ScanFailed):
        return wording("live.failed", code=event.code)
    if isinstance(event, ScanCancelled):
        return wording("live.cancelled")
    return wording(f"refusal.{event.code}") if isinstance(event, CommandRefused) else None


def _fresh(desk: Desk, awaited: Awaited) -> str | None:
    """The newest scan that the lesion has got since; None while there is none."""
    try:
        scans = desk.door.reading().timeline(awaited.lesion_id)
    except HistoryError:
        return None
    return next((scan.scan_id for scan in reversed(scans) if scan.scan_id not in awaited.known), None)


def _opened(session: Session, scan_id: str, wording: Wording) -> dict[str, str | int]:
    address = f"/scan/{session.handles.name('scan', scan_id)}"
    title, detail = wording("state.done.title"), wording("live.opening")
    return {"state": "done", "title": title, "detail": detail, "progress": 100, "open": address}


def _work(heard: Heard, wording: Wording) -> dict[str, str | int]:
    if not heard.reachable or heard.status is None:
        return {"state": "away", "title": wording("live.away"), "detail": wording("live.away_advice"), "progress": 0}
    status = heard.status
    detail = wording(f"guidance.{status.guidance}" if status.guidance else f"state.{status.state}.detail")
    title = wording(f"state.{status.state}.title")
    return {"state": status.state.value, "title": title, "detail": detail, "progress": status.progress}


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/start", start_page),
    page_for(Role.CLINICIAN, "/start", start, method="POST"),
    page_for(Role.CLINICIAN, "/live", live_page),
    Route("/live/events", live, methods=["GET"]),
    page_for(Role.CLINICIAN, "/live/cancel", cancel, method="POST"),
]
