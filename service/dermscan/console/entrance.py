"""The way in and out: sign-in, locked screen, sign-out, language and colours. Nobody's lesion is seen here."""

import logging
import secrets

from starlette.responses import Response
from starlette.routing import Route

from dermscan.console.people import MAX_LENGTH, NAME, Person
from dermscan.console.role import Role
from dermscan.console.visit import (
    COOKIE,
    LANGUAGE,
    THEME,
    VISITOR,
    Refusal,
    Refused,
    Visit,
    cookie_name,
    open_page,
    page_for,
)
from dermscan.console.wording import TEXTS

_log = logging.getLogger(__name__)
FIRST_PAGE = {Role.CLINICIAN: "/lesions", Role.TECHNICIAN: "/device"}


def home(visit: Visit) -> Response:
    """Send whoever is signed in to the first page."""
    return visit.to(FIRST_PAGE[visit.who.role])


def sign_in_page(visit: Visit) -> Response:
    """The form of the sign-in."""
    if visit.session is not None and not visit.session.locked:
        return home(visit)
    return _sign_in_form(visit, "")


def sign_in(visit: Visit) -> Response:
    """Take a name and a passphrase."""
    name, passphrase = visit.form.get("name", "").lower()[:64], visit.form.get("passphrase", "")[: MAX_LENGTH + 1]
    person, problem = _tried(visit, name, passphrase)
    if person is None:
        return _sign_in_form(visit, problem, 401)
    cookie, session = visit.desk.sessions.begin(person.name, person.role, person.passphrase_hash)
    answer = visit.to(FIRST_PAGE[session.role])
    visit.cookie(answer, COOKIE, cookie)
    return answer


def locked_page(visit: Visit) -> Response:
    """The locked screen."""
    if visit.session is None:
        return visit.to("/sign-in")
    return visit.page("locked", problem="") if visit.session.locked else home(visit)


def unlock(visit: Visit) -> Response:
    """Take the passphrase of whoever locked the screen."""
    session = visit.session
    if session is None:
        raise Refused(Refusal.MISSING)
    person, problem = _tried(visit, session.person, visit.form.get("passphrase", "")[: MAX_LENGTH + 1])
    if person is None:
        return visit.page("locked", 401, problem=problem)
    cookie = visit.desk.sessions.unlock(_cookie(visit))
    if cookie is None:
        return visit.to("/sign-in")
    answer = visit.to(str(session.kept.pop("return", "/")))
    visit.cookie(answer, COOKIE, cookie)
    return answer


def lock(visit: Visit) -> Response:
    """Lock the screen. A screen left alone is often locked already when its browser asks for that."""
    if visit.session is None:
        return visit.to("/sign-in")
    visit.session.kept["return"] = _own_path(visit.form.get("return", "/"))
    visit.session.lock()
    return visit.to("/locked")


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.desk.sessions.end(_cookie(visit))
    answer = visit.to("/sign-in")
    answer.delete_cookie(cookie_name(COOKIE, secure=visit.desk.secure))
    return answer


def leave(visit: Visit) -> Response:
    """End the session behind a locked screen, for whoever comes next."""
    return sign_out(visit)


def touch(visit: Visit) -> Response:
    """Take notice that somebody is at the screen."""
    del visit
    return Response(status_code=204)


def prefer(visit: Visit) -> Response:
    """Take the wished language and colours."""
    answer = visit.to(_own_path(visit.form.get("return", "/")))
    language, theme = visit.form.get("language", ""), visit.form.get("theme", "")
    if language in TEXTS:
        visit.cookie(answer, LANGUAGE, language, lasting=True)
    if theme in {"light", "dark", "system"}:
        visit.cookie(answer, THEME, theme, lasting=True)
    return answer


def _tried(visit: Visit, name: str, passphrase: str) -> tuple[Person | None, str]:
    """The person, or what the page says instead; it says the same whether the name or the passphrase is wrong."""
    attempts, t = visit.desk.attempts, visit.wording
    if attempts.of(name).locked:
        return None, t("sign_in.locked")
    wait = attempts.wait_s(name)
    if wait > 0:
        return None, t("sign_in.wait", seconds=int(wait) + 1)
    person = visit.desk.people.check(name, passphrase) if NAME.fullmatch(name) else None
    if person is not None:
        attempts.forget(name)
        return person, ""
    if attempts.failed(name).locked:
        visit.desk.sessions.end_all_of(name)
        _log.warning("An account of the console is locked after too many failures")
        return None, t("sign_in.locked")
    return None, t("sign_in.wrong")


def _sign_in_form(visit: Visit, problem: str, status: int = 200) -> Response:
    name = cookie_name(VISITOR, secure=visit.desk.secure)
    visitor = visit.request.cookies.get(name) or secrets.token_urlsafe(24)
    token = visit.desk.sessions.threshold_token(visitor)
    nobody = not visit.desk.people.all()
    answer = visit.page("sign_in", status, problem=problem, token=token, nobody=nobody)
    visit.cookie(answer, VISITOR, visitor)
    return answer


def _cookie(visit: Visit) -> str:
    return visit.request.cookies.get(cookie_name(COOKIE, secure=visit.desk.secure), "")


def _own_path(wish: str) -> str:
    """A path of the console; anything that could lead elsewhere is the first page."""
    plain = wish.startswith("/") and not wish.startswith("//") and "\\" not in wish and wish.isprintable()
    return wish if plain else "/"


ROUTES: list[Route] = [
    page_for(None, "/", home),
    open_page("/sign-in", sign_in_page),
    open_page("/sign-in", sign_in, method="POST"),
    open_page("/locked", locked_page),
    open_page("/unlock", unlock, method="POST"),
    open_page("/leave", leave, method="POST"),
    open_page("/lock", lock, method="POST"),
    page_for(None, "/sign-out", sign_out, method="POST"),
    page_for(None, "/touch", touch, method="POST"),
    open_page("/prefer", prefer, method="POST"),
]
