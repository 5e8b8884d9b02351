"""Which release of FHIR a bundle is of, and how resources of R4 are worded in R5. It adds and loses nothing."""

from collections.abc import Callable
from enum import StrEnum

from dermscan.reporting.coding import Resource


class Release(StrEnum):
    """A release of FHIR."""

    R4 = "R4"
    R5 = "R5"


def worded(resource: Resource, release: Release) -> Resource:
    """A resource as a release words it.

    Args:
        resource: The resource as R4 (4.0.1) words it.
        release: The release that is wanted; R5 is 5.0.0.
    """
    if release is Release.R4:
        return resource
    change = _CHANGES.get(resource["resourceType"])
    return resource if change is None else change(dict(resource))


def _body_structure(found: Resource) -> Resource:
    structure = {"structure": found.pop("location")}
    qualifiers = found.pop("locationQualifier", [])
    sided = structure if not qualifiers else {**structure, "laterality": qualifiers[0]}
    return {**found, "includedStructure": [sided]}


def _device(found: Resource) -> Resource:
    names = found.pop("deviceName")
    return {**found, "name": [{"value": name["name"], "type": "registered-name"} for name in names]}


def _imaging_study(found: Resource) -> Resource:
    return {**found, "series": [_series(dict(series)) for series in found["series"]]}


def _series(found: Resource) -> Resource:
    found["modality"] = {"coding": [found["modality"]]}
    found["bodySite"] = {"concept": {"coding": [found["bodySite"]]}}
    if "laterality" in found:
        found["laterality"] = {"coding": [found["laterality"]]}
    return found


def _diagnostic_report(found: Resource) -> Resource:
    studies = found.pop("imagingStudy")
    return {**found, "study": studies}


_CHANGES: dict[str, Callable[[Resource], Resource]] = {
    "BodyStructure": _body_structure,
    "Device": _device,
    "ImagingStudy": _imaging_study,
    "DiagnosticReport": _diagnostic_report,
}
