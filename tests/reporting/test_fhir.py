import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.bundle import Bundle as BundleR5
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermscan.domain import DiagnosisCode, IndeterminateReason, Laterality, Lesion, Scan
from dermscan.domain.review import ExclusionReason
from dermscan.domain.sites import SITES
from dermscan.reporting.coding import OWN, code_system
from dermscan.reporting.dicom import image
from dermscan.reporting.fhir import write_fhir
from dermscan.reporting.release import Release
from dermscan.reporting.report import LesionReport
from dermscan.reporting.segmentation import segmentation
from dermscan.reporting.subject import ADJUNCTIVE, Modality, subject_of

MakeReport = Callable[..., LesionReport]
MakeScan = Callable[..., Scan]


def written(
    report: LesionReport, modality: Modality = Modality.DERMOSCOPY, release: Release = Release.R4
) -> dict[str, Any]:
    stream = io.BytesIO()
    write_fhir(report, subject_of(report.lesion), stream, modality, release)
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


def resources(whole: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in whole["entry"] if entry["resource"]["resourceType"] == kind]


def observations(whole: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = resources(whole, "Observation")
    return [one for one in found if {"system": OWN, "code": name} in [plain(code) for code in one["code"]["coding"]]]


def plain(code: dict[str, str]) -> dict[str, str]:
    return {"system": code["system"], "code": code["code"]}


def everything(value: object, key: str) -> Iterator[Any]:
    """Every value under a key, anywhere."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from everything(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from everything(inner, key)


def test_it_is_read_back_as_it_was_written(make_report: MakeReport) -> None:
    whole = written(make_report(3, mm_per_pixel=0.05))
    again = json.loads(Bundle.model_validate(whole).model_dump_json())
    assert again == whole


@pytest.mark.parametrize("side", [None, Laterality.LEFT])
def test_the_next_release_says_the_same_in_its_own_words(
    make_report: MakeReport, lesion: Lesion, side: Laterality | None
) -> None:
    report = replace(make_report(3, mm_per_pixel=0.05), lesion=replace(lesion, laterality=side))
    now, later = written(report), written(report, release=Release.R5)
    assert json.loads(BundleR5.model_validate(later).model_dump_json()) == later
    assert [entry["fullUrl"] for entry in later["entry"]] == [entry["fullUrl"] for entry in now["entry"]]
    assert sorted(map(str, everything(later, "code"))) == sorted(map(str, everything(now, "code")))
    assert set(everything(later, "reference")) == set(everything(now, "reference"))
    (place,) = resources(later, "BodyStructure")[0]["includedStructure"]
    assert ("laterality" in place) == (side is not None)


def test_it_holds_what_belongs_together(make_report: MakeReport) -> None:
    whole = written(make_report(3))
    counts = {kind: len(resources(whole, kind)) for kind in ("Patient", "BodyStructure", "ImagingStudy", "Device")}
    assert counts == {"Patient": 1, "BodyStructure": 1, "ImagingStudy": 3, "Device": 1}
    assert {name: len(observations(whole, name)) for name in ("risk", "abcd", "change")} == {
        "risk": 3,
        "abcd": 3,
        "change": 2,
    }
    (report,) = resources(whole, "DiagnosticReport")
    assert len(report["result"]) == 8
    assert len(resources(whole, "Provenance")) == 3


def test_every_reference_leads_somewhere_and_every_entry_is_there_once(make_report: MakeReport) -> None:
    whole = written(make_report(4))
    places = [entry["fullUrl"] for entry in whole["entry"]]
    assert len(set(places)) == len(places)
    assert set(everything(whole, "reference")) <= set(places)


def test_everything_said_of_the_lesion_is_preliminary_and_no_diagnosis(make_report: MakeReport) -> None:
    whole = written(make_report(2))
    for said in resources(whole, "Observation"):
        assert said["status"] == "preliminary"
        assert said["note"][0]["text"] == ADJUNCTIVE
    (report,) = resources(whole, "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert report["conclusion"] == ADJUNCTIVE
    assert resources(whole, "Condition") == []


def test_the_risk_has_its_band_and_its_classes(make_report: MakeReport) -> None:
    (risk,) = observations(written(make_report(1, risk=62.0)), "risk")
    assert risk["valueQuantity"] == {"value": 62.0, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    assert risk["interpretation"][0]["coding"][0]["code"] == "risk-band-moderate"
    assert len(risk["component"]) == len(DiagnosisCode)
    assert sum(part["valueQuantity"]["value"] for part in risk["component"]) == pytest.approx(100)
    melanoma = next(part for part in risk["component"] if part["code"]["coding"][-1]["code"] == "class-mel")
    assert melanoma["valueQuantity"]["value"] == 55.0


def test_an_abstention_has_no_value_but_its_reason(make_report: MakeReport) -> None:
    for reason in IndeterminateReason:
        (risk,) = observations(written(make_report(1, reason=reason)), "risk")
        assert not {"valueQuantity", "component"} & risk.keys()
        codes = [code["code"] for code in risk["dataAbsentReason"]["coding"]]
        assert codes == ["unknown", f"abstention-{reason.replace('_', '-')}"]


def test_lengths_are_in_millimetres_where_there_is_a_scale(make_report: MakeReport) -> None:
    for scale, units in ((0.05, {"mm", "mm2"}), (None, {"{pixels}"})):
        (found,) = observations(written(make_report(1, mm_per_pixel=scale)), "abcd")
        sizes = [part for part in found["component"] if part["code"]["coding"][-1]["code"] in {"diameter", "area"}]
        assert {part["valueQuantity"]["code"] for part in sizes} == units
    (score,) = [part["valueRange"] for part in found["component"] if "valueRange" in part]
    assert (score["low"]["value"], score["high"]["value"]) == (3.6, 5.6)


def test_a_scan_without_a_lesion_has_no_figures(make_report: MakeReport) -> None:
    whole = written(make_report(1, masked=False))
    assert observations(whole, "abcd") == []
    (study,) = resources(whole, "ImagingStudy")
    assert [series["modality"]["code"] for series in study["series"]] == ["DMS"]


def test_a_change_has_its_grounds(make_report: MakeReport) -> None:
    (found,) = observations(written(make_report(2)), "change")
    assert found["valueCodeableConcept"]["coding"][0]["code"] == "change-band-changed"
    assert found["interpretation"][0]["coding"][0]["code"] == "change-reason-asymmetric-enlargement"


def test_the_studies_are_those_of_the_dicom_export(make_report: MakeReport, make_scan: MakeScan) -> None:
    report = make_report(1)
    scan = make_scan()
    assert scan.scan_id == report.visits[0].scan_id
    subject = subject_of(report.lesion)
    picture = image(scan, subject)
    assert scan.assessment.mask is not None
    mask = segmentation(scan, scan.assessment.mask, subject, picture)
    (study,) = resources(written(report), "ImagingStudy")
    assert study["identifier"][0]["value"] == f"urn:oid:{picture.StudyInstanceUID}"
    for series, made in zip(study["series"], (picture, mask), strict=True):
        assert series["uid"] == made.SeriesInstanceUID
        assert series["instance"][0]["uid"] == made.SOPInstanceUID
        assert series["instance"][0]["sopClass"]["code"] == f"urn:oid:{made.SOPClassUID}"
        assert series["modality"]["code"] == made.Modality


def test_of_an_excluded_scan_the_pictures_alone_are_told(make_report: MakeReport) -> None:
    report = make_report(3)
    dropped = replace(report.visits[1], excluded=ExclusionReason.OTHER_LESION)
    whole = written(replace(report, visits=(report.visits[0], dropped, report.visits[2])))
    assert len(resources(whole, "ImagingStudy")) == 3
    assert len(observations(whole, "risk")) == len(resources(whole, "Provenance")) == 2
    assert len(observations(whole, "change")) == 1


def test_nothing_that_counts_is_still_a_report(make_report: MakeReport) -> None:
    report = make_report(1)
    dropped = replace(report.visits[0], excluded=ExclusionReason.TEST)
    (said,) = resources(written(replace(report, visits=(dropped,))), "DiagnosticReport")
    assert "result" not in said


def test_a_photograph_is_one(make_report: MakeReport) -> None:
    (study,) = resources(written(make_report(1), Modality.PHOTOGRAPH), "ImagingStudy")
    assert study["series"][0]["modality"]["code"] == "XC"


def test_the_subject_is_a_pseudonym_and_nothing_else(make_report: MakeReport) -> None:
    report = make_report(2)
    (patient,) = resources(written(report), "Patient")
    assert patient.keys() == {"resourceType", "id", "meta", "identifier"}
    assert patient["meta"]["security"][0]["code"] == "PSEUDED"
    text = json.dumps(written(report))
    assert report.lesion.subject_alias is not None
    assert report.lesion.subject_alias not in text
    assert "Example" not in text


def test_our_own_codes_are_defined_in_the_bundle(make_report: MakeReport) -> None:
    whole = written(make_report(3))
    defined = {concept["code"] for concept in code_system()["concept"]}
    used = {code["code"] for code in codings(whole) if code["system"] == OWN}
    assert used <= defined
    assert len(defined) == len(code_system()["concept"])
    assert resources(whole, "CodeSystem")[0]["url"] == OWN


def codings(whole: dict[str, Any]) -> list[dict[str, str]]:
    return [code for found in everything(whole, "coding") for code in found]


def test_the_same_report_gives_the_same_bytes(make_report: MakeReport) -> None:
    assert written(make_report(2)) == written(make_report(2))


def test_fifty_scans_and_two_on_one_day(make_report: MakeReport) -> None:
    report = make_report(50)
    near = [replace(visit, taken_at=report.visits[0].taken_at) for visit in report.visits[:2]]
    whole = written(replace(report, visits=(*near, *report.visits[2:])))
    assert len(resources(whole, "ImagingStudy")) == 49
    assert resources(whole, "ImagingStudy")[0]["numberOfSeries"] == 4
    assert len(observations(whole, "risk")) == 50


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 3),
    site=st.none() | st.sampled_from(sorted(SITES)),
    side=st.none() | st.sampled_from(list(Laterality)),
    how=st.fixed_dictionaries(
        {
            "mm_per_pixel": st.none() | st.floats(1e-6, 10),
            "masked": st.booleans(),
            "reason": st.none() | st.sampled_from(list(IndeterminateReason)),
            "risk": st.floats(0, 100),
        }
    ),
)
def test_any_report_is_valid(
    make_report: MakeReport,
    lesion: Lesion,
    count: int,
    site: str | None,
    side: Laterality | None,
    how: dict[str, object],
) -> None:
    report = make_report(count, **how)
    whole = written(replace(report, lesion=replace(lesion, anatomic_site=site, laterality=side)))
    assert json.loads(Bundle.model_validate(whole).model_dump_json()) == whole
