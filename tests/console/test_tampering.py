"""Addresses and forms that no page of the console makes: whatever is sent, nothing breaks and nothing is given away."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from clinic import Clinic
from console.visiting import MakeVisitor, Visitor
from dermscan.console.desk import Desk
from dermscan.settings import Settings

pytestmark = pytest.mark.usefixtures("clinic")

TEXT = st.text(max_size=60) | st.sampled_from(
    ["yes", "dicom", "photograph", "finch-1", "244111001", "L", "poor_picture"]
)
PATCHED = trying(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
FORMS = {
    "note": ("note",),
    "review": ("note", "excluded"),
    "inbox": ("lesion", "alias", "site", "side"),
    "start": ("lesion", "alias", "site", "side"),
    "erase": ("understood", "typed"),
    "baseline": ("scan",),
    "prefer": ("language", "theme", "return"),
    "export": ("format", "modality", "understood"),
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "out").mkdir()
    console = settings.console.model_copy(update={"export_folder": tmp_path / "out"})
    return settings.model_copy(update={"console": console})


def addresses(visitor: Visitor) -> dict[str, str]:
    lesion = visitor.get("/lesions").link('/lesion/[^"]+')
    scan = visitor.get(lesion).link('/scan/[^"/]+')
    inbox = visitor.get("/inbox").link('/inbox/[^"]+')
    return {
        "note": f"{lesion}/note",
        "review": f"{scan}/review",
        "inbox": inbox,
        "start": "/start",
        "erase": f"{lesion}/erase",
        "baseline": f"{lesion}/baseline",
        "prefer": "/prefer",
        "export": lesion.replace("/lesion/", "/export/"),
    }


def test_a_name_of_another_session_or_kind_is_no_name(clinician: Visitor, make_visitor: MakeVisitor) -> None:
    lesion = clinician.get("/lesions").link('/lesion/[^"]+')
    scan = clinician.get(lesion).link('/scan/[^"/]+')
    other = make_visitor()
    other.sign_in()
    for path in (lesion, scan, f"{scan}/picture"):
        assert clinician.get(path).status == 200
        assert other.get(path).status == 404
    assert clinician.get(lesion.replace("/lesion/", "/scan/")).status == 404
    assert clinician.get(scan.replace("/scan/", "/lesion/")).status == 404


def test_an_identifier_of_the_history_opens_nothing(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    scan = desk.door.reading().timeline(clinic.followed[0])[0].scan_id
    for path in (
        f"/lesion/{clinic.followed[0]}",
        f"/scan/{scan}",
        f"/scan/{scan}/picture",
        f"/inbox/{clinic.waiting[0]}",
    ):
        assert clinician.get(path).status == 404


@PATCHED
@given(st.sampled_from(["lesion", "scan", "correct", "evolution", "inbox", "live", "static", ""]), TEXT)
def test_no_address_breaks_it(clinician: Visitor, room: str, rest: str) -> None:
    path = f"/{room}/{rest}".encode().hex(" ").replace(" ", "%")
    answer = clinician.get("/" + "%" + path)
    assert answer.status in {200, 303, 400, 404, 405}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("form", FORMS)
def test_no_form_breaks_it(clinician: Visitor, desk: Desk, form: str) -> None:
    address = addresses(clinician)[form]
    clinician.get("/lesions")

    @PATCHED
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(FORMS[form], TEXT)))
    def holds(fields: dict[str, str]) -> None:
        answer = clinician.post(address, **fields)
        assert answer.status in {200, 303, 400, 404, 503}, (fields, answer.text[:400])
        assert "Traceback" not in answer.text

    holds()
    assert len(desk.door.reading().timeline(desk.door.reading().followed()[-1].lesion.lesion_id)) == 3
    assert desk.door.reading().verify_audit() == ()


JSON_VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@PATCHED
@given(JSON_VALUES)
def test_no_script_breaks_it(clinician: Visitor, said: object) -> None:
    answer = clinician.send("/touch", said)
    assert answer.status == (204 if isinstance(said, dict) else 400)


CORNERS = ("x0", "y0", "x1", "y1")
NUMBERS = st.floats(-200, 400) | st.sampled_from([0.0, 60.0, 160.0, float("nan"), float("inf"), -1e308])
CLICK = st.tuples(NUMBERS, NUMBERS, st.booleans()) | JSON_VALUES
PROMPT = st.fixed_dictionaries(
    dict.fromkeys(CORNERS, NUMBERS | JSON_VALUES), optional={"clicks": st.lists(CLICK, max_size=6) | JSON_VALUES}
)


def correction_of(visitor: Visitor) -> str:
    scan = visitor.get(visitor.get("/lesions?search=heron-7").link('/lesion/[^"]+')).link('/scan/[^"/]+')
    visitor.get(scan)
    return scan.replace("/scan/", "/correct/")


def test_no_prompt_breaks_the_correction_and_every_good_one_is_answered(clinician: Visitor, desk: Desk) -> None:
    address = correction_of(clinician)

    @PATCHED
    @given(PROMPT)
    def holds(prompt: dict[str, object]) -> None:
        answer = clinician.send(f"{address}/outline", prompt)
        assert answer.status in {200, 400}, (prompt, answer.text[:400])
        if answer.status == 200:
            x0, y0, x1, y1 = json.loads(answer.text)["box"]
            assert 0 <= x0 <= x1 <= 160
            assert 0 <= y0 <= y1 <= 120

    @PATCHED
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys((*CORNERS, "clicks"), TEXT | st.just("50"))))
    def files(fields: dict[str, str]) -> None:
        answer = clinician.post(f"{address}/file", **fields)
        assert answer.status in {303, 400}, (fields, answer.text[:400])

    holds()
    files()
    good = {"x0": 40, "y0": 30, "x1": 120, "y1": 90, "clicks": [[80, 60, True]]}
    assert json.loads(clinician.send(f"{address}/outline", good).text)["path"].startswith("M")
    assert desk.door.reading().verify_audit() == ()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000, b"a=%ff%fe", b"=" * 200, b"&" * 5000])
def test_no_bytes_break_it(clinician: Visitor, body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        answer = clinician.ask("POST", "/prefer", body, **{"Content-Type": kind, "X-Token": clinician.token})
        assert answer.status in {303, 400, 403}


def test_too_many_fields_are_refused(clinician: Visitor) -> None:
    clinician.get("/lesions")
    assert clinician.post("/prefer", **{f"field-{number}": "x" for number in range(100)}).status == 400


def test_scripts_get_their_answers_as_json(clinician: Visitor) -> None:
    answer = clinician.send("/scan/" + "x" * 22 + "/review", {})
    assert answer.status == 404
    assert json.loads(answer.text) == {"error": "There is no such page"}
