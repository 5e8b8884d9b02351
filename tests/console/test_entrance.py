"""The way in: right and wrong, waits and lock-out, the locked screen, other people's forms, restarts."""

import re

import pytest

from console.visiting import CLINICIAN, PIN, TECHNICIAN, MakeVisitor, Visitor
from dermscan.console.attempts import LOCKED_AFTER
from dermscan.console.desk import Desk
from dermscan.console.role import Role

pytestmark = pytest.mark.usefixtures("clinic")


def test_the_right_pin_opens_the_first_page_of_the_role(make_visitor: MakeVisitor) -> None:
    assert make_visitor().sign_in(CLINICIAN).location == "/lesions"
    assert make_visitor().sign_in(TECHNICIAN).location == "/device"


@pytest.mark.parametrize(("name", "pin"), [(CLINICIAN, "wrong-pin"), ("nobody", PIN), ("", ""), ("../x", PIN)])
def test_a_wrong_name_and_a_wrong_pin_get_the_same_answer(visitor: Visitor, name: str, pin: str) -> None:
    answer = visitor.sign_in(name, pin)
    assert answer.status == 401
    assert "Name or PIN is wrong" in answer.text
    assert visitor.get("/lesions").location == "/sign-in"


def test_the_cookie_is_read_by_no_script_and_sent_by_no_other_site(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", name=CLINICIAN, passphrase=PIN)
    (cookie,) = [line for line in answer.headers.get_all("Set-Cookie") or [] if line.startswith("dermscan-session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age" not in cookie
    assert len(re.findall("=([^;]+);", cookie)[0]) >= 43


def test_many_failures_cost_a_wait_and_then_the_account(visitor: Visitor, desk: Desk) -> None:
    desk.attempts._clock = lambda: 0.0
    for _ in range(3):
        answer = visitor.sign_in(CLINICIAN, "wrong-pin")
    assert "Name or PIN is wrong" in answer.text
    assert "Wait 3 s" in visitor.sign_in(CLINICIAN, PIN).text
    later = 0.0
    for _ in range(LOCKED_AFTER):
        later += 1000
        desk.attempts._clock = lambda now=later: now  # type: ignore[misc]
        answer = visitor.sign_in(CLINICIAN, "wrong-pin")
    assert "locked after too many" in answer.text
    assert visitor.sign_in(CLINICIAN, PIN).status == 401
    desk.attempts.forget(CLINICIAN)
    assert visitor.sign_in(CLINICIAN, PIN).status == 303


def test_a_lock_out_ends_what_the_person_is_signed_in_to(clinician: Visitor, visitor: Visitor, desk: Desk) -> None:
    assert clinician.get("/lesions").status == 200
    for step in range(LOCKED_AFTER):
        desk.attempts._clock = lambda now=1000.0 * step: now  # type: ignore[misc]
        visitor.sign_in(CLINICIAN, "wrong-pin")
    assert clinician.get("/lesions").location == "/sign-in"


def test_whoever_is_removed_or_gets_another_pin_or_role_is_out_at_once(
    clinician: Visitor, technician: Visitor, desk: Desk
) -> None:
    desk.people.add(CLINICIAN, Role.CLINICIAN, "another-7731")
    assert clinician.get("/lesions").location == "/sign-in"
    desk.people.add(TECHNICIAN, Role.CLINICIAN, PIN)
    assert technician.get("/device").location == "/sign-in"
    assert clinician.sign_in(CLINICIAN, "another-7731").status == 303
    desk.people.remove(CLINICIAN)
    assert clinician.get("/lesions").location == "/sign-in"


def test_a_locked_screen_shows_nothing_until_the_pin_and_goes_on_where_it_was(clinician: Visitor) -> None:
    lesion = clinician.get("/lesions").link('/lesion/[^"]+')
    clinician.get(lesion)
    assert clinician.post("/lock", **{"return": lesion}).location == "/locked"
    old = clinician.cookies["dermscan-session"]
    assert clinician.get(lesion).location == "/locked"
    assert "heron-7" not in clinician.get("/locked").text
    assert clinician.post("/unlock", passphrase="wrong-pin").status == 401
    answer = clinician.post("/unlock", passphrase=PIN)
    assert (answer.status, answer.location) == (303, lesion)
    assert clinician.cookies["dermscan-session"] != old
    assert "wren-12" in clinician.get(lesion).text


def test_a_form_sent_from_a_screen_that_has_locked_itself_leads_to_the_locked_screen(
    clinician: Visitor, desk: Desk
) -> None:
    lesion = clinician.get("/lesions").link('/lesion/[^"]+')
    clinician.get(lesion)
    session = desk.session(clinician.cookies["dermscan-session"])
    assert session is not None
    session.lock()
    assert clinician.post("/lock", **{"return": lesion}).location == "/locked"
    assert clinician.post(f"{lesion}/note", note="too late").location == "/locked"
    assert clinician.post("/unlock", passphrase=PIN).location == lesion
    assert "too late" not in clinician.get(lesion).text


def test_the_way_back_leads_nowhere_else(clinician: Visitor) -> None:
    for wish in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)"):
        clinician.get("/lesions")
        assert clinician.post("/prefer", **{"return": wish, "language": "de"}).location == "/"


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(
    clinician: Visitor, make_visitor: MakeVisitor
) -> None:
    other = make_visitor()
    other.cookies = dict(clinician.cookies)
    clinician.get("/lesions")
    assert clinician.post("/sign-out").location == "/sign-in"
    assert other.get("/lesions").location == "/sign-in"


def test_a_form_without_its_token_changes_nothing(clinician: Visitor, make_visitor: MakeVisitor) -> None:
    lesion = clinician.get("/lesions").link('/lesion/[^"]+')
    stranger = make_visitor()
    stranger.sign_in(TECHNICIAN)
    for token in ("", "x", stranger.token):
        answer = clinician.post(f"{lesion}/note", token=token, note="planted")
        assert (answer.status, answer.title) == (403, "This form is too old")
    assert clinician.ask("POST", f"{lesion}/note").status == 403
    assert "planted" not in clinician.get(lesion).text


def test_a_sign_in_that_another_page_has_prepared_is_refused(visitor: Visitor) -> None:
    answer = visitor.post("/sign-in", token="x", name=CLINICIAN, passphrase=PIN)
    assert answer.status == 403
    visitor.get("/sign-in")
    assert visitor.post("/sign-in", token="x" * 64, name=CLINICIAN, passphrase=PIN).status == 403


def test_no_session_outlives_a_restart(clinician: Visitor, desk: Desk) -> None:
    again = Desk.of(desk.settings)
    assert again.session(clinician.cookies["dermscan-session"]) is None
    assert desk.session(clinician.cookies["dermscan-session"]) is not None


def test_what_a_page_asks_by_itself_does_not_keep_the_screen_open(clinician: Visitor, desk: Desk) -> None:
    now = [desk.sessions._clock()]
    desk.sessions._clock = lambda: now[0]
    clinician.get("/lesions")
    now[0] += desk.settings.console.idle_s - 1
    assert clinician.get("/live/events", Accept="text/event-stream").status == 401
    now[0] += 2
    assert clinician.get("/lesions").location == "/locked"


def test_the_language_and_the_colours_are_kept_and_nothing_else_is_taken(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    visitor.post("/prefer", language="de", theme="dark", **{"return": "/sign-in"})
    page = visitor.get("/sign-in").text
    assert '<html lang="de" data-theme="dark">' in page
    assert "Anmelden" in page
    visitor.post("/prefer", language="../../etc", theme="x", **{"return": "/sign-in"})
    assert '<html lang="de" data-theme="dark">' in visitor.get("/sign-in").text
    assert '<html lang="de">' in Visitor(visitor.port).get("/sign-in", **{"Accept-Language": "de-AT,en;q=0.5"}).text


def test_nobody_unlocks_a_screen_that_nobody_has_locked(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    assert visitor.get("/locked").location == "/sign-in"
    answer = visitor.post("/unlock", passphrase=PIN)
    assert answer.status == 401
    assert "dermscan-session" not in visitor.cookies


def test_a_session_that_ends_while_its_pin_is_checked_is_not_opened_again(
    clinician: Visitor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinician.get("/lesions")
    clinician.post("/lock", **{"return": "/lesions"})
    clinician.get("/locked")
    checked = desk.people.check

    def signed_out_meanwhile(name: str, passphrase: str) -> object:
        desk.sessions._open.clear()
        return checked(name, passphrase)

    monkeypatch.setattr(desk.people, "check", signed_out_meanwhile)
    assert clinician.post("/unlock", passphrase=PIN).location == "/sign-in"
    assert clinician.get("/lesions").location == "/sign-in"


def test_a_picture_of_a_session_that_is_over_is_no_page(clinician: Visitor) -> None:
    picture = clinician.get(clinician.get("/lesions").link('/lesion/[^"]+')).link('/scan/[^"]+/thumbnail')
    clinician.get("/lesions")
    clinician.post("/sign-out")
    answer = clinician.get(picture, Accept="image/*")
    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("text/plain")
