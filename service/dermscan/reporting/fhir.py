"""Writes a report of one lesion as a FHIR bundle under a pseudonym. It sends nothing to any server.

FHIR R4 (4.0.1) or R5 (5.0.0). The bundle is built as JSON and passes the models of fhir.resources on its way out; for
R4 those of R4B, in which the resources that are used here are the same.
"""

from itertools import groupby
from typing import BinaryIO
from uuid import UUID

from fhir.resources.bundle import Bundle as BundleR5
from fhir.resources.R4B.bundle import Bundle as BundleR4

from dermscan.reporting import observations
from dermscan.reporting.coding import DICOM, SNOMED, Resource, code_system, coding, concept, measured, region, side
from dermscan.reporting.identity import (
    derived,
    image_series_uid,
    image_uid,
    lesion_uid,
    segmentation_series_uid,
    segmentation_uid,
    study_uid,
)
from dermscan.reporting.release import Release, worded
from dermscan.reporting.report import LesionReport, Visit
from dermscan.reporting.subject import ADJUNCTIVE, Modality, Subject, site_of

URI = "urn:ietf:rfc:3986"
PSEUDONYMS = "urn:uuid:" + str(derived("naming system", "subjects"))
DERMOSCOPIC, PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.7", "1.2.840.10008.5.1.4.1.1.77.1.4"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def write_fhir(
    report: LesionReport,
    subject: Subject,
    target: BinaryIO,
    modality: Modality = Modality.DERMOSCOPY,
    release: Release = Release.R4,
) -> None:
    """Write a report as a FHIR bundle, JSON, UTF-8.

    Args:
        report: What is said.
        subject: Whose lesion it is.
        target: Where the bytes go; it stays open.
        modality: Whether the device looks through a dermoscope.
        release: The release of FHIR.

    Raises:
        OSError: The target cannot take them.
    """
    target.write(bundle(report, subject, modality, release).model_dump_json(indent=2).encode() + b"\n")


def bundle(
    report: LesionReport,
    subject: Subject,
    modality: Modality = Modality.DERMOSCOPY,
    release: Release = Release.R4,
) -> BundleR4 | BundleR5:
    """A report as a FHIR bundle (type collection)."""
    made = _Collection(release)
    case = _Case(made, report, subject, modality)
    printed = report.printed_at.isoformat()
    identifier = {"system": URI, "value": f"urn:uuid:{derived('bundle', subject.lesion.lesion_id, printed)}"}
    case.report()
    whole = {"resourceType": "Bundle", "type": "collection", "identifier": identifier, "timestamp": printed}
    kind = BundleR4 if release is Release.R4 else BundleR5
    return kind.model_validate({**whole, "entry": made.entries})


class _Collection:
    """The entries of a bundle, which refer to each other by UUIDs that what they are of determines."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.entries: list[Resource] = []
        self._known: set[UUID] = set()

    def add(self, resource: Resource, *of: str) -> Resource:
        """Add a resource once, and give a reference to it."""
        identifier = derived(resource["resourceType"], *of)
        if identifier not in self._known:
            self._known.add(identifier)
            told = {**worded(resource, self._release), "id": str(identifier)}
            self.entries.append({"fullUrl": f"urn:uuid:{identifier}", "resource": told})
        return {"reference": f"urn:uuid:{identifier}"}


class _Case:
    """One lesion's report on its way into a bundle."""

    def __init__(self, made: _Collection, report: LesionReport, subject: Subject, modality: Modality) -> None:
        self._made = made
        self._report = report
        self._subject = subject
        self._modality = modality
        self._lesion = subject.lesion
        made.add(code_system(), "codes")
        self._patient = made.add(_patient(subject), subject.pseudonym)
        self._body = made.add(_body_structure(subject, self._patient), self._lesion.lesion_id)

    def report(self) -> None:
        """Add the report and everything that it refers to; of a scan that was excluded the pictures alone."""
        visits = self._report.visits
        counted = [visit for visit in visits if visit.excluded is None]
        studies = {day: self._study(list(found)) for day, found in groupby(visits, key=lambda v: v.taken_at.date())}
        results = [result for visit in counted for result in self._results(visit, studies[visit.taken_at.date()])]
        said = self._made.add(_diagnostic_report(self, results, list(studies.values())), *self._key())
        for visit in counted:
            self._made.add(_provenance(self._report, visit, said, self._device(visit)), *self._key(), visit.scan_id)

    def header(self) -> Resource:
        """What the report itself says, without what it refers to."""
        visits = self._report.visits
        return {
            "subject": self._patient,
            "effectivePeriod": {
                "start": visits[0].taken_at.isoformat(),
                "end": visits[-1].taken_at.isoformat(),
            },
            "issued": self._report.printed_at.isoformat(),
        }

    def _key(self) -> tuple[str, str]:
        return self._lesion.lesion_id, self._report.printed_at.isoformat()

    def _results(self, visit: Visit, study: Resource) -> list[Resource]:
        about = {
            "subject": self._patient,
            "focus": [self._body],
            "bodySite": region(site_of(self._lesion)),
            "device": self._device(visit),
            "derivedFrom": [study],
        }
        makers = {"risk": observations.risk, "abcd": observations.abcd, "change": observations.change}
        made = {name: make(visit, about) for name, make in makers.items()}
        return [self._made.add(found, name, visit.scan_id) for name, found in made.items() if found is not None]

    def _device(self, visit: Visit) -> Resource:
        by = visit.provenance
        return self._made.add(_device(visit), visit.device, by.software_version, by.bundle_hash)

    def _study(self, visits: list[Visit]) -> Resource:
        identifier = study_uid(self._lesion.lesion_id, visits[0].taken_at)
        study = _imaging_study(identifier, visits, self._subject, self._modality)
        return self._made.add({**study, "subject": self._patient}, identifier)


def _patient(subject: Subject) -> Resource:
    """A pseudonym and nothing else."""
    label = coding("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "PSEUDED", "pseudonymized")
    identifier = {"system": PSEUDONYMS, "value": subject.pseudonym}
    return {"resourceType": "Patient", "meta": {"security": [label]}, "identifier": [identifier]}


def _body_structure(subject: Subject, patient: Resource) -> Resource:
    lesion = subject.lesion
    qualifier = side(lesion.laterality)
    made = {
        "resourceType": "BodyStructure",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{lesion_uid(lesion.lesion_id)}"}],
        "morphology": concept(coding(SNOMED, "95324001", "Skin lesion")),
        "location": region(site_of(lesion)),
        "patient": patient,
    }
    return made if qualifier is None else {**made, "locationQualifier": [concept(qualifier)]}


def _device(visit: Visit) -> Resource:
    by = visit.provenance
    return {
        "resourceType": "Device",
        "manufacturer": "Derm-Scan",
        "serialNumber": visit.device,
        "deviceName": [{"name": "Derm-Scan", "type": "model-name"}],
        "version": [
            {"type": concept(text="software"), "value": by.software_version},
            {"type": concept(text="model bundle"), "value": by.bundle_id},
            {"type": concept(text="SHA-256 of the model bundle's manifest"), "value": by.bundle_hash},
        ],
    }


def _imaging_study(identifier: str, visits: list[Visit], subject: Subject, modality: Modality) -> Resource:
    series = [part for visit in visits for part in _series(visit, subject, modality)]
    return {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{identifier}"}],
        "status": "available",
        "started": visits[0].taken_at.isoformat(),
        "numberOfSeries": len(series),
        "numberOfInstances": len(series),
        "series": series,
    }


def _series(visit: Visit, subject: Subject, modality: Modality) -> list[Resource]:
    """The picture and, where there is one, the mask."""
    dermoscopy = modality is Modality.DERMOSCOPY
    kind = coding(DICOM, "DMS", "Dermoscopy") if dermoscopy else coding(DICOM, "XC", "External-camera Photography")
    sop_class = DERMOSCOPIC if dermoscopy else PHOTOGRAPHIC
    picture = _one(image_series_uid(visit.scan_id), 1, kind, image_uid(visit.scan_id), sop_class)
    found = [picture]
    if visit.mask_digest is not None:
        mask = segmentation_uid(visit.scan_id, visit.mask_digest)
        kind = coding(DICOM, "SEG", "Segmentation")
        found.append(_one(segmentation_series_uid(visit.scan_id), 2, kind, mask, SEGMENTATION))
    place = {"started": visit.taken_at.isoformat(), "bodySite": region(site_of(subject.lesion))["coding"][0]}
    qualifier = side(subject.lesion.laterality)
    return [part | place | ({} if qualifier is None else {"laterality": qualifier}) for part in found]


def _one(series: str, number: int, kind: Resource, instance: str, sop_class: str) -> Resource:
    """A series of one instance."""
    return {
        "uid": series,
        "number": number,
        "modality": kind,
        "numberOfInstances": 1,
        "instance": [{"uid": instance, "number": 1, "sopClass": {"system": URI, "code": f"urn:oid:{sop_class}"}}],
    }


def _diagnostic_report(case: _Case, results: list[Resource], studies: list[Resource]) -> Resource:
    imaging = coding("http://terminology.hl7.org/CodeSystem/v2-0074", "IMG", "Diagnostic Imaging")
    return {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [concept(imaging)],
        "code": measured("report"),
        **case.header(),
        "result": results,
        "imagingStudy": studies,
        "conclusion": ADJUNCTIVE,
    }


def _provenance(report: LesionReport, visit: Visit, said: Resource, device: Resource) -> Resource:
    by = visit.provenance
    kind = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "assembler", "Assembler")
    source = {"system": URI, "value": f"urn:uuid:{derived('model bundle', by.bundle_hash)}"}
    return {
        "resourceType": "Provenance",
        "target": [said],
        "occurredDateTime": visit.taken_at.isoformat(),
        "recorded": report.printed_at.isoformat(),
        "agent": [{"type": concept(kind), "who": device}],
        "entity": [{"role": "source", "what": {"identifier": source, "display": f"{by.bundle_id} {by.bundle_hash}"}}],
    }
