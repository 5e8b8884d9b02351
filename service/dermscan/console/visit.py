"""One request of one person, as the pages see it. A page is a plain function of it, on a thread of its own."""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dermscan.console.desk import Desk
from dermscan.console.role import Role
from dermscan.console.sessions import Session
from dermscan.console.shield import BODY_MAX_BYTES
from dermscan.console.wording import TEXTS, Wording, chosen
from dermscan.errors import (
    DermscanError,
    HistoryCorrupt,
    HistoryError,
    HistoryUnavailable,
    OutputError,
    StorageFull,
    UnknownRecord,
)
from dermscan.history.actor import acting_as

COOKIE, VISITOR, LANGUAGE, THEME = "dermscan-session", "dermscan-visitor", "dermscan-language", "dermscan-theme"
MOST_FIELDS = 64
YEAR_S = 31_536_000

_PAGES: dict[type[DermscanError], tuple[str, int]] = {
    UnknownRecord: ("gone", 410),
    StorageFull: ("full", 507),
    OutputError: ("unwritable", 507),
    HistoryCorrupt: ("corrupt", 500),
    HistoryUnavailable: ("unavailable", 503),
    HistoryError: ("closed", 503),
    DermscanError: ("failed", 500),
}


class Refusal(Enum):
    """Why a request is not answered as asked: the page that tells it, and the status."""

    MISSING = ("signed_out", 401)
    FORBIDDEN = ("forbidden", 403)
    STALE = ("stale", 403)
    UNKNOWN = ("unknown", 404)
    MALFORMED = ("malformed", 400)


class Refused(Exception):
    """A request that no page of this console makes; the answer is a page of its own."""

    def __init__(self, why: Refusal) -> None:
        """Take the reason."""
        super().__init__(why.name)
        self.page, self.status = why.value


@dataclass(slots=True)
class Visit:
    """One request.

    Attributes:
        desk: What the pages work with.
        request: The request.
        wording: The language of the answer.
        session: Who asks; None before the sign-in.
        form: The fields of the form that was sent, without its token.
        sent: The JSON object that a script sent; empty otherwise.
    """

    desk: Desk
    request: Request
    wording: Wording
    session: Session | None
    form: Mapping[str, str]
    sent: Mapping[str, Any]

    @property
    def who(self) -> Session:
        """Who asks, on pages that nobody sees without a session.

        Raises:
            Refused: There is none.
        """
        if self.session is None:
            raise Refused(Refusal.MISSING)
        return self.session

    def target(self, kind: str, part: str = "handle") -> str:
        """The record that the address names.

        Raises:
            Refused: The name is none of this session.
        """
        return self.known(kind, str(self.request.path_params[part]))

    def known(self, kind: str, name: str) -> str:
        """The record that a name of this session stands for.

        Raises:
            Refused: It stands for none.
        """
        found = self.who.handles.target(kind, name)
        if found is None:
            raise Refused(Refusal.UNKNOWN)
        return found

    def name(self, kind: str, identifier: str) -> str:
        """The name of a record in this session."""
        return self.who.handles.name(kind, identifier)

    def page(self, template: str, status: int = 200, **content: Any) -> Response:
        """A page made of a template."""
        cookies = self.request.cookies
        text = self.desk.templates.get_template(f"{template}.html").render(
            t=self.wording,
            names={code: texts["name"] for code, texts in TEXTS.items()},
            theme=cookies.get(THEME, "") if cookies.get(THEME) in {"light", "dark"} else "",
            session=self.session,
            settings=self.desk.settings.console,
            path=self.request.url.path,
            name=self.name,
            scanner=self.desk.line.heard(),
            **content,
        )
        return HTMLResponse(text, status)

    def to(self, address: str) -> Response:
        """Send the browser to another page."""
        return RedirectResponse(address, 303)

    def cookie(self, answer: Response, name: str, value: str, *, lasting: bool = False) -> None:
        """Give the browser a cookie that no script reads and no other site sends."""
        answer.set_cookie(
            cookie_name(name, secure=self.desk.secure),
            value,
            max_age=YEAR_S if lasting else None,
            secure=self.desk.secure,
            httponly=True,
            samesite="strict",
        )


Page = Callable[[Visit], Response]


def cookie_name(name: str, *, secure: bool) -> str:
    """A cookie's name; over TLS one that only this very host can have set."""
    return f"__Host-{name}" if secure else name


def open_page(path: str, page: Page, *, method: str = "GET") -> Route:
    """A page for everybody."""
    return _route(path, page, method, None)


def page_for(role: Role | None, path: str, page: Page, *, method: str = "GET") -> Route:
    """A page for whoever is signed in, with that role where one is named, on an unlocked screen."""

    def guarded(visit: Visit) -> Response:
        session = visit.session
        if session is None or session.locked:
            return _shut_out(visit, session)
        if role is not None and session.role is not role:
            raise Refused(Refusal.FORBIDDEN)
        with acting_as(session.person):
            return page(visit)

    return _route(path, guarded, method, role)


def _route(path: str, page: Page, method: str, role: Role | None) -> Route:
    async def endpoint(request: Request) -> Response:
        body = await _body(request) if method == "POST" else None
        return await run_in_threadpool(_answer, page, request, body)

    name = f"{page.__module__}.{page.__name__}" if role is None else path
    return Route(path, endpoint, methods=[method], name=name)


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_MAX_BYTES:
            break
    return body[: BODY_MAX_BYTES + 1]


def _answer(page: Page, request: Request, body: bytes | None) -> Response:
    desk: Desk = request.app.state.desk
    language = request.cookies.get(LANGUAGE, "")
    wording = chosen(language, request.headers.get("accept-language", ""))
    visit = Visit(desk, request, wording, None, {}, {})
    try:
        visit.session = desk.session(request.cookies.get(cookie_name(COOKIE, secure=desk.secure), ""))
        if body is not None:
            _take_form(visit, body)
        return page(visit)
    except Refused as refused:
        return told(visit, refused.page, refused.status)
    except DermscanError as error:
        return _failed(visit, error)


def _take_form(visit: Visit, body: bytes) -> None:
    request = visit.request
    is_json = request.headers.get("content-type", "").startswith("application/json")
    fields = {} if is_json else _fields(body)
    token = request.headers.get("x-token", "") if is_json else fields.pop("token", "")
    if not hmac.compare_digest(token.encode(), _wanted_token(visit).encode()):
        raise Refused(Refusal.STALE)
    visit.form, visit.sent = fields, _object(body) if is_json else {}


def _wanted_token(visit: Visit) -> str:
    """What the form must send back: the session's, or before the sign-in the visitor's."""
    if visit.session is not None:
        return visit.session.token
    visitor = visit.request.cookies.get(cookie_name(VISITOR, secure=visit.desk.secure), "")
    if not visitor:
        raise Refused(Refusal.STALE)
    return visit.desk.sessions.threshold_token(visitor)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused(Refusal.MALFORMED) from None
    return {key: value.replace("\x00", "").replace("\r\n", "\n").strip() for key, value in pairs}


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(Refusal.MALFORMED) from None
    if not isinstance(found, dict):
        raise Refused(Refusal.MALFORMED)
    return found


def _shut_out(visit: Visit, session: Session | None) -> Response:
    if "text/html" not in visit.request.headers.get("accept", ""):
        return PlainTextResponse(visit.wording("error.signed_out.title"), 401)
    if session is None:
        return visit.to("/sign-in")
    if visit.request.method == "GET":
        session.kept["return"] = visit.request.url.path
    return visit.to("/locked")


def told(visit: Visit, page: str, status: int, **more: Any) -> Response:
    """Tell what happened and what to do, as a page or to a script."""
    title = visit.wording(f"error.{page}.title")
    if "text/html" not in visit.request.headers.get("accept", ""):
        return JSONResponse({"error": title}, status)
    return visit.page("problem", status, title=title, advice=visit.wording(f"error.{page}.advice", **more))


def _failed(visit: Visit, error: DermscanError) -> Response:
    page, status = next(_PAGES[kind] for kind in type(error).__mro__ if kind in _PAGES)
    return told(visit, page, status, code=type(error).exit_code)


async def told_unknown(request: Request, error: Exception) -> Response:
    """The page for an address that is none of the console's."""
    del error

    def page(visit: Visit) -> Response:
        return told(visit, *Refusal.UNKNOWN.value)

    return await run_in_threadpool(_answer, page, request, None)
