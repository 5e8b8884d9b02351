"""What every answer must say and every request must be; and that nothing is seen without a session."""

from itertools import chain

import pytest
from starlette.routing import Route

from console.visiting import MakeVisitor, Visitor
from dermscan.console.serving import _ROOMS
from dermscan.console.shield import HEADERS, host_name

pytestmark = pytest.mark.usefixtures("clinic")

OPEN = {"/sign-in", "/locked", "/unlock", "/leave", "/prefer"}
ROUTES: list[Route] = list(chain.from_iterable(room.ROUTES for room in _ROOMS))
GUARDED = [(route.path, method) for route in ROUTES for method in sorted(route.methods or []) if route.path not in OPEN]


def filled(path: str) -> str:
    return path.replace("{handle}", "x" * 22).replace("{first}", "x" * 22).replace("{second}", "y" * 22)


def test_nothing_is_seen_or_done_without_a_session(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    for path, method in GUARDED:
        answer = visitor.post(filled(path), note="x") if method == "POST" else visitor.ask(method, filled(path))
        assert answer.status in {303, 401}, path
        assert answer.location in {"/sign-in", ""}, path
        assert "heron-7" not in answer.text


def test_a_technician_sees_no_lesion_and_no_picture(technician: Visitor) -> None:
    technician.get("/device")
    for path, method in GUARDED:
        if path in {"/", "/device", "/lock", "/sign-out", "/touch"}:
            continue
        answer = technician.post(filled(path)) if method == "POST" else technician.ask(method, filled(path))
        assert answer.status in {401, 403}, path
        assert "heron-7" not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/lesions", "/static/console.css", "/nowhere", "/scan/x/picture"])
def test_every_answer_says_what_a_browser_may_do_with_it(clinician: Visitor, path: str) -> None:
    answer = clinician.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")
    assert "server" not in {name.lower() for name in answer.headers}
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_no_page_has_a_script_or_a_style_of_its_own(clinician: Visitor) -> None:
    lesion = clinician.get("/lesions").link('/lesion/[^"]+')
    scan = clinician.get(lesion).link('/scan/[^"/]+')
    for path in ("/lesions", lesion, scan, "/due", "/inbox", "/start", "/device", f"{lesion}/erase"):
        page = clinician.get(path)
        assert page.status == 200
        assert " style=" not in page.text
        assert "<style" not in page.text
        assert "<script>" not in page.text
        assert " on" + "click" not in page.text
        assert "http" + "s://" not in page.text
        assert "http://" not in page.text.replace("http://www.w3.org", "")


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "[::2]", "127.0.0.1@x"])
def test_another_name_for_this_address_is_refused(visitor: Visitor, host: str) -> None:
    assert visitor.ask("GET", "/sign-in", b"", Host=host).status in {400, 421}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused_whatever_it_holds(clinician: Visitor, headers: dict[str, str]) -> None:
    clinician.get("/lesions")
    content = f"token={clinician.token}".encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    assert clinician.ask("POST", "/sign-out", content, **sent).status == 403
    assert clinician.get("/lesions").status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_no_other_method_is_known(clinician: Visitor, method: str) -> None:
    assert clinician.ask(method, "/lesions").status == 405


def test_too_much_is_refused_before_it_is_read(clinician: Visitor) -> None:
    clinician.get("/lesions")
    assert clinician.post("/prefer", language="d" * 100_000).status == 413
    assert clinician.ask("POST", "/prefer", b"", **{"Content-Length": "99999999"}).status == 413


@pytest.mark.parametrize(
    ("host", "name"), [("localhost:80", "localhost"), ("[::1]:80", "[::1]"), ("LOCALHOST", "localhost"), ("", "")]
)
def test_a_host_is_told_from_its_port(host: str, name: str) -> None:
    assert host_name(host) == name


def test_a_path_out_of_the_static_folder_leads_nowhere(make_visitor: MakeVisitor) -> None:
    for path in ("/static/../people.py", "/static/%2e%2e/people.py", "/static//etc/passwd", "/static/..%2fpeople.py"):
        answer = make_visitor().get(path)
        assert answer.status == 404
        assert "import" not in answer.text
