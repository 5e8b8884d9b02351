import io
import json
import re
import sys
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pydicom
import pypdf
import pytest
from fhir.resources.bundle import Bundle as BundleR5
from fhir.resources.R4B.bundle import Bundle

from appliance import Appliance
from dermscan.domain import Lesion, LesionFeatures, LesionMask
from dermscan.domain.review import ExclusionReason, Review
from dermscan.errors import OutputError
from dermscan.exporting import lesion as lesion_export
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.reporting.identity import pseudonym
from dermscan.settings import HistorySettings


@pytest.fixture
def assigned(appliance: Appliance, filed_history: Path) -> Appliance:
    """An appliance whose one scan belongs to a subject, alias `heron-7`, with a note that names somebody."""
    key = load_master_key(HistorySettings(folder=filed_history, key_file=appliance.key_file))
    with History.open(filed_history, key) as history:
        (scan,) = history.latest()
        history.assign_lesion(scan.lesion_id, "heron-7", anatomic_site="66643007")
        history.annotate_lesion(scan.lesion_id, "Mrs Example asked about it")
    return appliance


@pytest.fixture
def followed(assigned: Appliance) -> Appliance:
    """The same with four more scans: the second excluded, the third the baseline by hand, the fourth corrected."""
    key = load_master_key(HistorySettings(folder=assigned.history, key_file=assigned.key_file))
    with History.open(assigned.history, key) as history:
        (first,) = history.latest()
        scan = history.load(first.scan_id)
        for number in range(1, 5):
            later = replace(scan.frame, taken_at=scan.taken_at + timedelta(days=100 * number))
            history.file_scan(
                replace(scan, scan_id=str(uuid.UUID(int=number, version=4)), frame=later), first.lesion_id
            )
        _, second, third, fourth, _ = history.timeline(first.lesion_id)
        history.set_baseline(first.lesion_id, third.scan_id)
        history.file_review(second.scan_id, Review(excluded=ExclusionReason.POOR_PICTURE))
        other = np.zeros((48, 64), np.bool_)
        other[5:25, 20:40] = True
        measured = LesionFeatures(1, 0.1, 2, 1.2, 3, 28.3, None, 400, 2.0, 4.0)
        history.file_review(fourth.scan_id, Review(features=measured), LesionMask(other, 1.0))
    return assigned


def exported(appliance: Appliance, folder: Path, *options: str) -> list[Path]:
    done = appliance.call("history", "export", str(folder), "--subject", "heron-7", "--yes", *options)
    assert done.returncode == 0, done.stderr
    assert "nothing there is encrypted" in done.stdout
    return sorted(folder.iterdir())


def pseudonym_of_alias(alias: str) -> str:
    return pseudonym(Lesion("", alias, None, datetime.now(UTC)))


def test_a_report_on_paper(assigned: Appliance, tmp_path: Path) -> None:
    (path,) = exported(assigned, tmp_path / "out", "--format", "pdf", "--language", "de")
    assert path.name == "lesion-1.pdf"
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(path.read_bytes())).pages)
    assert "dies ist keine Diagnose" in text
    assert "heron-7" in text
    assert "Example" not in text


def test_dicom_objects(assigned: Appliance, tmp_path: Path) -> None:
    mask, picture = exported(assigned, tmp_path / "out", "--format", "dicom", "--modality", "photograph")
    assert (mask.name, picture.name) == ("lesion-1-scan-001-mask.dcm", "lesion-1-scan-001.dcm")
    assert pydicom.dcmread(picture).SOPClassUID.name == "VL Photographic Image Storage"
    assert pydicom.dcmread(picture).pixel_array.shape == (48, 64, 3)
    assert int(pydicom.dcmread(mask).pixel_array.sum()) == 400


def test_a_fhir_bundle_and_dicom_objects_name_the_same_subject_by_no_guessable_hash(
    assigned: Appliance, tmp_path: Path
) -> None:
    (path,) = exported(assigned, tmp_path / "fhir", "--format", "fhir")
    whole = json.loads(path.read_bytes())
    Bundle.model_validate(whole)
    (patient,) = [one["resource"] for one in whole["entry"] if one["resource"]["resourceType"] == "Patient"]
    _, picture = exported(assigned, tmp_path / "dicom", "--format", "dicom")
    pseudonym = patient["identifier"][0]["value"]
    assert pydicom.dcmread(picture).PatientID == pseudonym
    assert pseudonym != pseudonym_of_alias("heron-7")
    for content in (path.read_bytes(), picture.read_bytes()):
        assert b"heron" not in content
        assert b"Example" not in content


def test_it_asks_and_takes_no_for_an_answer(assigned: Appliance, tmp_path: Path) -> None:
    done = assigned.call("history", "export", str(tmp_path / "out"), "--subject", "heron-7", typed="n\n")
    assert done.returncode == 1
    assert "unencrypted and readable by anybody?" in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()
    actions = [one["action"] for one in json.loads(assigned.call("history", "audit", "--json").stdout)["entries"]]
    assert "scans_exported" not in actions


def test_a_folder_with_something_in_it_is_refused_and_kept(assigned: Appliance, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "letter").write_text("dear")
    done = assigned.call("history", "export", str(folder), "--subject", "heron-7", "--yes", "--format", "pdf")
    assert done.returncode == 12
    assert "it is not empty" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["letter"]


def test_a_library_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("dermscan.reporting.pdf", "weasyprint"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(OutputError, match="libraries for it are not installed"):
        lesion_export._library("pdf", tmp_path / "lesion-1")


def test_a_course_is_told_from_the_baseline_on_and_without_what_is_excluded(
    followed: Appliance, tmp_path: Path
) -> None:
    (path,) = exported(followed, tmp_path / "pdf", "--format", "pdf")
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    assert "excluded: poor picture" in text
    (path,) = exported(followed, tmp_path / "fhir", "--format", "fhir-r5")
    BundleR5.model_validate_json(path.read_bytes())
    codes = re.findall(r'"code": "(risk|abcd|change)"', path.read_text(encoding="utf-8"))
    # Each code stands once in the code system as well.
    assert Counter(codes) == {"risk": 5, "abcd": 2, "change": 3}


def test_a_corrected_mask_is_the_one_that_is_exported(followed: Appliance, tmp_path: Path) -> None:
    files = exported(followed, tmp_path / "out", "--format", "dicom")
    masks = [pydicom.dcmread(path) for path in files if path.name.endswith("-mask.dcm")]
    kinds = [mask.SegmentSequence[0].SegmentAlgorithmType for mask in masks]
    assert kinds == ["AUTOMATIC"] * 3 + ["SEMIAUTOMATIC", "AUTOMATIC"]
    assert masks[3].pixel_array[5:25, 20:40].all()
    assert not masks[3].pixel_array[25:].any()
