"""An outline that a clinician corrects, as the page's script and its form ask for it: shown, filed, or refused."""

import pytest

from clinic import Clinic
from console.visiting import CLINICIAN, Visitor
from dermscan.console.desk import Desk
from dermscan.console.outlining import Outliner
from dermscan.domain import Roi

BOX = {"x0": "38", "y0": "33", "x1": "117", "y1": "92"}


@pytest.fixture
def correction(clinician: Visitor, clinic: Clinic) -> str:
    """The address at which the latest scan of the first followed lesion is corrected."""
    del clinic
    lesion = clinician.get("/lesions?search=heron-7").link('/lesion/[^"]+')
    address = clinician.get(lesion).link('/scan/[^"/]+').replace("/scan/", "/correct/")
    assert clinician.get(address).status == 200
    return address


def test_an_outline_is_shown_filed_and_bears_the_persons_name(
    clinician: Visitor, clinic: Clinic, desk: Desk, correction: str
) -> None:
    shown = clinician.send(f"{correction}/outline", BOX)
    assert shown.status == 200, shown.text
    assert '"path":"M' in shown.text
    newest = desk.door.reading().timeline(clinic.followed[0])[-1].scan_id
    assert desk.door.reading().review(newest).features is None, "nothing is filed by looking"
    assert clinician.post(f"{correction}/file", **BOX).location == correction.replace("/correct/", "/scan/")
    said = desk.door.reading().review(newest)
    assert said.features is not None
    assert said.reviewer == CLINICIAN


def test_where_nothing_is_found_it_is_said_and_nothing_is_filed(
    clinician: Visitor, clinic: Clinic, desk: Desk, correction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outliner, "outline", lambda *_: None)
    shown = clinician.send(f"{correction}/outline", BOX)
    assert (shown.status, '"path":""' in shown.text) == (200, True)
    assert clinician.post(f"{correction}/file", **BOX).status == 400
    newest = desk.door.reading().timeline(clinic.followed[0])[-1].scan_id
    assert desk.door.reading().review(newest).features is None


@pytest.mark.parametrize("clicks", [[[float("nan"), 3, True]], [[1, float("inf"), False]], [[1, 2]], ["abc"]])
def test_a_click_that_is_nowhere_is_refused(clinician: Visitor, correction: str, clicks: list[object]) -> None:
    assert clinician.send(f"{correction}/outline", {**BOX, "clicks": clicks}).status == 400


@pytest.mark.parametrize(
    ("click", "moved"),
    [([130, 50, True], Roi(38, 33, 130, 92)), ([45, 50, False], Roi(45, 33, 117, 92))],
    ids=["on the lesion", "beside it"],
)
def test_a_click_moves_the_box_where_the_bundle_takes_no_points(
    clinician: Visitor, correction: str, monkeypatch: pytest.MonkeyPatch, click: list[object], moved: Roi
) -> None:
    monkeypatch.setattr(Outliner, "takes_points", False)
    shown = clinician.send(f"{correction}/outline", {**BOX, "clicks": [click]})
    box = ",".join(str(float(value)) for value in (moved.x0, moved.y0, moved.x1, moved.y1))
    assert f'"box":[{box}]' in shown.text
    assert '"keep":false' in shown.text
