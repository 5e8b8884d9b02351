"""What a clinician reads and does: lists, scans, reviews, the inbox, erasing; and what is said when it cannot be."""

import errno
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest

from clinic import Clinic, drawn_scan
from console.visiting import CLINICIAN, Visitor
from dermscan.console.desk import Desk
from dermscan.console.scans import uncertainty
from dermscan.domain import DiagnosisCode
from dermscan.domain.review import ExclusionReason
from dermscan.history import History
from dermscan.history.audit import Action
from dermscan.history.blobs import BlobStore
from dermscan.history.keys import load_master_key


def lesion_of(visitor: Visitor, alias: str = "heron-7") -> str:
    return visitor.get(f"/lesions?search={alias}").link('/lesion/[^"]+')


def scan_of(visitor: Visitor, alias: str = "heron-7") -> str:
    return visitor.get(lesion_of(visitor, alias)).link('/scan/[^"/]+')


def entries(desk: Desk, limit: int = 50) -> list[tuple[str, str]]:
    return [(entry.actor, entry.action) for entry in desk.door.reading().audit_entries(limit)]


def test_the_list_has_the_followed_lesions_and_finds_them_by_words(clinician: Visitor, clinic: Clinic) -> None:
    page = clinician.get("/lesions").text
    assert page.index("wren-12") < page.index("heron-7")
    assert "Upper back, left" in page
    assert "Scans in the inbox: 1" in page
    assert "wren-12" not in clinician.get("/lesions?search=HERON").text
    assert "wren-12" in clinician.get("/lesions?search=forearm").text
    assert "No lesion fits" in clinician.get("/lesions?search=%3Cscript%3E").text
    assert clinic.followed[0] not in page


def test_a_lesion_shows_its_scans_and_their_course(clinician: Visitor, clinic: Clinic) -> None:
    page = clinician.get(lesion_of(clinician)).text
    assert page.count("/thumbnail") == 3
    assert page.count('class="curve"') == 4
    assert "Baseline" in page
    assert not [scan for scan in clinic.followed if scan in page]


def test_a_scan_says_the_risk_how_sure_and_what_it_rests_on(clinician: Visitor, clinic: Clinic) -> None:
    del clinic
    page = clinician.get(scan_of(clinician)).text
    assert '<span class="score">30</span>' in page
    assert "Moderate" in page
    assert "Uncertainty 95 %" in page
    assert "3.7 mm" in page
    assert re.search(r'<path class="outline" d="M[\d. L]+Z"/>', page)
    assert page.count('class="axis"') == 2
    assert page.count("Assists a clinician. This is no diagnosis.") >= 2


def test_an_indeterminate_scan_shows_its_reason_and_no_risk(clinician: Visitor, clinic: Clinic) -> None:
    del clinic
    page = clinician.get(scan_of(clinician, "wren-12")).text
    assert "Indeterminate" in page
    assert "The picture is not good enough" in page
    assert "Out of focus" in page
    assert 'class="score"' not in page
    assert "gauge" not in page


def test_the_picture_is_the_frame_without_loss_and_the_thumbnail_is_small(
    clinician: Visitor, clinic: Clinic, desk: Desk
) -> None:
    history = desk.door.reading()
    newest = history.timeline(clinic.followed[0])[-1]
    scan = scan_of(clinician)
    answer = clinician.get(f"{scan}/picture", Accept="image/*")
    assert answer.headers["Content-Type"] == "image/png"
    shown = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(shown, history.load(newest.scan_id).frame.pixels)
    small = clinician.get(f"{scan}/thumbnail", Accept="image/*")
    assert small.headers["Content-Type"] == "image/jpeg"
    assert max(cv2.imdecode(np.frombuffer(small.body, np.uint8), 1).shape) <= 240  # type: ignore[union-attr]


def test_every_view_of_a_picture_is_in_the_audit_log_under_the_persons_name(
    clinician: Visitor, clinic: Clinic, desk: Desk
) -> None:
    del clinic
    scan = scan_of(clinician)
    before = len(entries(desk, 500))
    for path in (scan, f"{scan}/picture", f"{scan}/thumbnail"):
        clinician.get(path)
    found = entries(desk, 500)
    assert found[: len(found) - before] == [(f"console {CLINICIAN}", Action.PICTURES_VIEWED)] * 3
    assert desk.door.reading().verify_audit() == ()


def test_a_review_is_taken_shown_and_counts(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    scan = scan_of(clinician)
    clinician.get(scan)
    assert clinician.post(f"{scan}/review", note="<b>calm</b>", excluded="poor_picture").location == scan
    page = clinician.get(scan).text
    assert "&lt;b&gt;calm&lt;/b&gt;" in page
    assert '<option value="poor_picture" selected>' in page
    newest = desk.door.reading().timeline(clinic.followed[0])[-1]
    said = desk.door.reading().review(newest.scan_id)
    assert (said.excluded, said.reviewer) == (ExclusionReason.POOR_PICTURE, CLINICIAN)
    page = clinician.get(lesion_of(clinician)).text
    assert "Excluded" in page
    assert page.count('class="dot"') == 8
    clinician.post(f"{scan}/review", note="", excluded="<made up>")
    assert desk.door.reading().review(newest.scan_id).excluded is None


def test_a_note_on_a_lesion_is_kept_and_taken_away(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    lesion = lesion_of(clinician)
    clinician.get(lesion)
    clinician.post(f"{lesion}/note", note="since spring\r\nitches")
    assert desk.door.reading().lesion(clinic.followed[0]).note == "since spring\nitches"
    assert "itches" in clinician.get(lesion).text
    clinician.post(f"{lesion}/note", note=" ")
    assert desk.door.reading().lesion(clinic.followed[0]).note is None


def test_a_scan_becomes_the_baseline_of_its_own_lesion_only(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    lesion, scan = lesion_of(clinician), scan_of(clinician)
    handle = scan.rsplit("/", 1)[1]
    other = lesion_of(clinician, "wren-12")
    clinician.get(scan)
    assert clinician.post(f"{other}/baseline", scan=handle).status == 404
    assert clinician.post(f"{lesion}/baseline", scan=handle).location == scan
    newest = desk.door.reading().timeline(clinic.followed[0])[-1]
    assert desk.door.reading().lesion(clinic.followed[0]).baseline_scan_id == newest.scan_id


def test_a_scan_of_the_inbox_is_assigned_to_a_known_lesion(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    form = clinician.get("/inbox").link('/inbox/[^"]+')
    page = clinician.get(form)
    option = re.findall(r'<option value="([\w-]{22})">heron-7', page.text)[0]
    assert clinician.post(form, lesion=option).location == f"/lesion/{option}"
    assert len(desk.door.reading().timeline(clinic.followed[0])) == 4
    assert "The inbox is empty" in clinician.get("/inbox").text


def test_a_scan_of_the_inbox_becomes_a_new_lesion(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    form = clinician.get("/inbox").link('/inbox/[^"]+')
    clinician.get(form)
    assert clinician.post(form, alias="", site="", side="").status == 400
    assert clinician.post(form, alias="finch-1", site="no-site", side="").status == 400
    assert clinician.post(form, alias="finch-1", site="73897004", side="U").status == 303
    lesion = desk.door.reading().find(clinic.waiting[0]).lesion_id
    found = desk.door.reading().lesion(lesion)
    assert (found.subject_alias, found.anatomic_site, found.laterality) == ("finch-1", "73897004", "U")


def test_erasing_takes_two_confirmations_and_leaves_nothing(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    lesion, scan = lesion_of(clinician), scan_of(clinician)
    form = f"{lesion}/erase"
    assert "3 scans" in clinician.get(form).text
    for fields in ({}, {"understood": "yes"}, {"typed": "heron-7"}, {"understood": "yes", "typed": "heron-8"}):
        answer = clinician.post(form, **fields)
        assert (answer.status, "Nothing was erased" in answer.text) == (400, True)
    assert len(desk.door.reading().timeline(clinic.followed[0])) == 3
    answer = clinician.post(form, understood="yes", typed="heron-7")
    assert answer.title == "The lesion is erased"
    for path in (lesion, scan, f"{scan}/picture", form, f"/evolution/{lesion.rsplit('/', 1)[1]}"):
        gone = clinician.get(path)
        assert (gone.status, gone.title) == (410, "It is not there any more"), path
    assert (f"console {CLINICIAN}", Action.LESION_ERASED) in entries(desk)


def test_it_writes_while_the_scanner_holds_the_history(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    key = load_master_key(desk.settings.history)
    with History.open(desk.settings.history.folder, key) as service:
        lesion = lesion_of(clinician)
        clinician.get(lesion)
        assert clinician.post(f"{lesion}/note", note="beside").status == 303
        assert service.lesion(clinic.followed[0]).note == "beside"


def test_the_device_page_is_for_both_and_names_no_lesion(
    clinician: Visitor, technician: Visitor, clinic: Clinic
) -> None:
    del clinic
    for visitor in (clinician, technician):
        page = visitor.get("/device")
        assert page.status == 200
        assert "scan filed" in page.text
        assert "heron-7" not in page.text
        assert "Broker" in page.text


def test_a_history_that_does_not_open_is_told_and_opens_at_the_next_try(desk: Desk, clinician: Visitor) -> None:
    folder = desk.settings.history.folder
    answer = clinician.get("/lesions")
    assert (answer.status, answer.title) == (503, "The history is not available")
    assert str(folder) not in answer.text
    with History.open(folder, load_master_key(desk.settings.history)):
        assert clinician.get("/lesions").status == 200


def test_a_wrong_key_is_told_with_the_code_of_its_remedy(
    clinician: Visitor, clinic: Clinic, desk: Desk, tmp_path: Path
) -> None:
    del clinic
    (tmp_path / "key").write_text("dermscan-master-key 1 " + "ab" * 32 + "\n", encoding="ascii")
    answer = clinician.get("/lesions")
    assert (answer.status, answer.title) == (503, "The history does not open")
    assert "error 41" in answer.text
    assert clinician.get("/device").status == 200
    assert desk.door._history is None


def test_a_full_disk_costs_nothing_and_is_told(
    clinician: Visitor, clinic: Clinic, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    scan = scan_of(clinician)
    clinician.get(scan)
    with monkeypatch.context() as patched:
        patched.setattr("dermscan.history.blobs.begin_new", full)
        answer = clinician.post(f"{scan}/review", note="lost?", excluded="")
    assert (answer.status, answer.title) == (507, "The disk is full")
    newest = desk.door.reading().timeline(clinic.followed[0])[-1]
    assert desk.door.reading().review(newest.scan_id).note is None
    assert clinician.post(f"{scan}/review", note="kept", excluded="").status == 303


def test_a_damaged_picture_is_told_and_the_others_stay(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    scan = scan_of(clinician)
    store: BlobStore = desk.door.reading()._blobs
    newest = desk.door.reading().timeline(clinic.followed[0])[-1]
    _, rows = desk.door.reading()._blobs_of(newest.scan_id)
    (store._filed / rows[0].name).write_bytes(b"damaged")
    answer = clinician.get(scan)
    assert (answer.status, answer.title) == (500, "This record is damaged")
    assert clinician.get(lesion_of(clinician)).status == 200
    assert clinician.get(scan_of(clinician, "wren-12")).status == 200


def test_a_scan_cannot_be_ordered_while_the_scanner_is_away(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    before = len(desk.door.reading().followed())
    page = clinician.get("/start")
    assert page.text.count("data-code=") == 47
    answer = clinician.post("/start", alias="finch-1", site="73897004", side="U")
    assert answer.status == 503
    assert "Nothing was ordered" in answer.text
    assert 'value="finch-1"' in answer.text
    assert len(desk.door.reading().followed()) == before
    assert clinician.get("/live").location == "/start"
    del clinic


@pytest.mark.parametrize(
    ("shares", "wanted"),
    [([1.0] + [0.0] * 7, 0.0), ([0.125] * 8, 1.0), ([0.5, 0.5] + [0.0] * 6, 1 / 3)],
)
def test_uncertainty_is_the_entropy_of_the_classes(shares: list[float], wanted: float) -> None:
    assert uncertainty(dict(zip(DiagnosisCode, shares, strict=True))) == pytest.approx(wanted)
    assert uncertainty({}) is None


@pytest.fixture
def exports(desk: Desk, tmp_path: Path) -> Path:
    """The export folder, which is not there yet."""
    folder = tmp_path / "out"
    console = desk.settings.console.model_copy(update={"export_folder": folder})
    desk.settings = desk.settings.model_copy(update={"console": console})
    return folder


def test_nothing_is_exported_where_no_folder_is_named(clinician: Visitor, clinic: Clinic) -> None:
    assert clinician.get(lesion_of(clinician).replace("/lesion/", "/export/")).status == 404
    del clinic


@pytest.mark.parametrize(
    ("form", "endings"),
    [("pdf", {".pdf": 1}), ("dicom", {".dcm": 6}), ("fhir", {".json": 1}), ("fhir-r5", {".json": 1})],
)
def test_an_export_is_confirmed_audited_and_lies_in_the_folder_alone(
    clinician: Visitor, clinic: Clinic, desk: Desk, exports: Path, form: str, endings: dict[str, int]
) -> None:
    lesion = lesion_of(clinician).replace("/lesion/", "/export/")
    assert clinician.get(lesion).title == "It could not be written"
    exports.mkdir()
    assert "3 scans" in clinician.get(lesion).text
    assert clinician.post(lesion, format=form).status == 400
    assert clinician.post(lesion, format="../x", understood="yes").status == 400
    assert clinician.post(lesion, format=form, modality="x-ray", understood="yes").status == 400
    assert not list(exports.iterdir())
    assert clinician.post(lesion, format=form, understood="yes").title == "Exported"
    (made,) = exports.iterdir()
    assert Counter(path.suffix for path in made.iterdir()) == endings
    assert form in made.name
    assert "heron" not in " ".join(str(path) for path in made.rglob("*"))
    assert (f"console {CLINICIAN}", Action.SCANS_EXPORTED) in entries(desk)
    del clinic


def test_an_export_says_how_the_pictures_were_taken(clinician: Visitor, clinic: Clinic, exports: Path) -> None:
    exports.mkdir()
    lesion = lesion_of(clinician).replace("/lesion/", "/export/")
    clinician.get(lesion)
    assert clinician.post(lesion, format="dicom", modality="photograph", understood="yes").status == 200
    pictures = [pydicom.dcmread(path) for path in exports.rglob("*.dcm") if "mask" not in path.name]
    assert {picture.SOPClassUID.name for picture in pictures} == {"VL Photographic Image Storage"}
    del clinic


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small disk needs root")
def test_a_disk_that_fills_up_during_an_export_is_told_and_keeps_nothing(
    clinician: Visitor, clinic: Clinic, desk: Desk, exports: Path
) -> None:
    exports.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", exports], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        lesion = lesion_of(clinician).replace("/lesion/", "/export/")
        clinician.get(lesion)
        answer = clinician.post(lesion, format="dicom", understood="yes")
        assert (answer.status, answer.title) == (507, "It could not be written")
        assert list(exports.iterdir()) == []
        assert len(desk.door.reading().timeline(clinic.followed[0])) == 3
        assert clinician.get(lesion).status == 200
    finally:
        subprocess.run(["umount", exports], check=True)


def compared(visitor: Visitor, wish: str = "") -> tuple[str, list[str]]:
    """The comparison's page, and the handles of the two scans on it."""
    page = visitor.get(visitor.get(lesion_of(visitor)).link('/evolution/[^"/]+') + wish).text
    found = re.search(r'"/evolution/([^"/]+)/([^"/]+)/overlay"', page)
    return page, list(found.groups()) if found else []


def test_the_latest_scan_is_compared_with_the_baseline(clinician: Visitor, clinic: Clinic, desk: Desk) -> None:
    del clinic
    page, pair = compared(clinician)
    assert "<dt>Days apart</dt><dd>60</dd>" in page
    assert re.findall(r'<option value="([^"]+)" selected>\d', page) == pair
    assert entries(desk, 2) == [(f"console {CLINICIAN}", Action.PICTURES_VIEWED)] * 2
    for shown in ("overlay", "difference"):
        answer = clinician.get(f"/evolution/{'/'.join(pair)}/{shown}", Accept="image/*")
        assert answer.headers["Content-Type"] == "image/png"
        picture = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert picture.shape[2] == (3 if shown == "overlay" else 4)


def test_any_two_scans_of_a_lesion_can_be_compared(clinician: Visitor, clinic: Clinic) -> None:
    del clinic
    page, (first, last) = compared(clinician)
    (middle,) = set(re.findall(r'<option value="([^"]{22})"', page)) - {first, last}
    assert compared(clinician, f"?from={middle}&to={first}")[1] == [middle, first]
    assert compared(clinician, f"?from={first}&to={first}")[1] == [middle, first]


def test_only_the_comparison_that_was_opened_is_shown(clinician: Visitor, clinic: Clinic) -> None:
    del clinic
    _, (first, last) = compared(clinician)
    for shown in ("overlay", "difference"):
        assert clinician.get(f"/evolution/{first}/{last}/{shown}", Accept="image/*").status == 200
        assert clinician.get(f"/evolution/{last}/{first}/{shown}", Accept="image/*").status == 404


def test_one_scan_is_no_comparison(clinician: Visitor, clinic: Clinic) -> None:
    del clinic
    lesion = lesion_of(clinician, "wren-12").removeprefix("/lesion/")
    answer = clinician.get(f"/evolution/{lesion}")
    assert answer.status == 200
    assert "/overlay" not in answer.text
    other = scan_of(clinician).removeprefix("/scan/")
    assert clinician.get(f"/evolution/{lesion_of(clinician).removeprefix('/lesion/')}?to={other}").status == 200
    foreign = scan_of(clinician, "wren-12").removeprefix("/scan/")
    assert clinician.get(f"/evolution/{lesion_of(clinician).removeprefix('/lesion/')}?to={foreign}").status == 404


def test_scans_that_do_not_fit_on_each_other_are_not_laid_over_each_other(
    clinician: Visitor, clinic: Clinic, desk: Desk
) -> None:
    blank = drawn_scan(3)
    frame = replace(blank.frame, pixels=np.full_like(blank.frame.pixels, 150))
    with History.open(desk.settings.history.folder, load_master_key(desk.settings.history)) as history:
        history.file_scan(replace(blank, frame=frame), clinic.followed[0])
    page, pair = compared(clinician)
    assert pair == []
    options = re.findall(r'<option value="([^"]+)" selected>\d', page)
    assert len(options) == 2
    answer = clinician.get(f"/evolution/{'/'.join(options)}/overlay", Accept="image/*")
    assert answer.status == 404


def test_a_lesion_without_scans_is_not_exported(clinician: Visitor, clinic: Clinic, desk: Desk, exports: Path) -> None:
    del clinic
    exports.mkdir()
    address = lesion_of(clinician).replace("/lesion/", "/export/")
    clinician.get(address)
    with History.open(desk.settings.history.folder, load_master_key(desk.settings.history)) as history:
        empty = history.create_lesion(subject_alias="finch-1", anatomic_site=None, laterality=None)
    session = desk.session(clinician.cookies["dermscan-session"])
    assert session is not None
    handle = session.handles.name("lesion", empty)
    answer = clinician.post(f"/export/{handle}", format="pdf", understood="yes")
    assert answer.status == 400
    assert not list(exports.iterdir())
