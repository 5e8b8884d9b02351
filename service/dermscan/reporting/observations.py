"""A scan's figures as FHIR Observations: risk, A B C D, change. All are preliminary, none diagnoses."""

from dermscan.domain import RiskBand
from dermscan.domain.evolution import Evolution
from dermscan.reporting.coding import Resource, coding, concept, diagnosis, measured, own, quantity
from dermscan.reporting.report import Visit
from dermscan.reporting.series import shown_risk
from dermscan.reporting.subject import ADJUNCTIVE

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "imaging", "Imaging"))


def risk(visit: Visit, about: Resource) -> Resource:
    """The risk with the probabilities it is the sum of; an assessment that abstains has its reason instead.

    Args:
        visit: The scan.
        about: What every observation of the scan has in common: subject, device, picture.
    """
    said, value = visit.assessment, shown_risk(visit)
    made = _observation("risk", visit, about)
    if value is None:
        reasons = [] if said.reason is None else own("abstention", said.reason)["coding"]
        made["dataAbsentReason"] = concept(coding(ABSENT, "unknown", "Unknown"), *reasons)
    else:
        made["valueQuantity"] = quantity(value, "%")
    made["interpretation"] = [own("risk-band", said.band)]
    if said.band is not RiskBand.INDETERMINATE:
        shares = said.probabilities.items()
        made["component"] = [
            {"code": diagnosis(code), "valueQuantity": quantity(100 * share, "%")} for code, share in shares
        ]
    return _without_nothing(made)


def abcd(visit: Visit, about: Resource) -> Resource | None:
    """A, B, C and D; None where nothing was measured."""
    found = visit.assessment.features
    if found is None:
        return None
    made = _observation("abcd", visit, about)
    figures = {
        "asymmetry": quantity(found.asymmetry, "{axes}", "axes"),
        "asymmetry-index": quantity(found.asymmetry_index, "1"),
        "border": quantity(found.border, "{sectors}", "sectors"),
        "border-irregularity": quantity(found.border_irregularity, "1"),
        "color": quantity(found.color, "{colors}", "colours"),
        "diameter": _length(found.diameter_px, found.diameter_mm),
        "area": _area(found.area_px, visit.mm_per_pixel),
    }
    made["component"] = [{"code": measured(name), "valueQuantity": value} for name, value in figures.items()]
    score = {"low": quantity(found.tds_low, "{score}", "score"), "high": quantity(found.tds_high, "{score}", "score")}
    made["component"].append({"code": measured("tds"), "valueRange": score})
    return made


def change(visit: Visit, about: Resource) -> Resource | None:
    """How the lesion changed since its baseline; None where nothing was compared."""
    found = visit.evolution
    if found is None:
        return None
    made = _observation("change", visit, about)
    made["valueCodeableConcept"] = own("change-band", found.band)
    made["interpretation"] = [own("change-reason", reason) for reason in found.reasons]
    made["component"] = [
        {"code": measured(name), "valueQuantity": value} for name, value in _change_figures(found).items()
    ]
    return _without_nothing(made)


def _change_figures(found: Evolution) -> dict[str, Resource]:
    figures = {}
    if found.growth is not None:
        figures["area-growth"] = quantity(100 * found.growth.area, "%")
        figures["diameter-growth"] = quantity(100 * found.growth.diameter, "%")
    if found.color is not None:
        figures["color-difference"] = quantity(found.color.overall, "{CIEDE2000}", "CIEDE2000")
    if found.contour is not None:
        figures["overlap"] = quantity(found.contour.dice, "1")
    return figures


def _observation(name: str, visit: Visit, about: Resource) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [CATEGORY],
        "code": measured(name),
        "effectiveDateTime": visit.taken_at.isoformat(),
        **about,
        "note": [{"text": ADJUNCTIVE}],
    }


def _length(pixels: float, millimetres: float | None) -> Resource:
    return quantity(pixels, "{pixels}", "pixels") if millimetres is None else quantity(millimetres, "mm")


def _area(pixels: int, mm_per_pixel: float | None) -> Resource:
    return quantity(pixels, "{pixels}", "pixels") if mm_per_pixel is None else quantity(pixels * mm_per_pixel**2, "mm2")


def _without_nothing(resource: Resource) -> Resource:
    """FHIR has no empty lists."""
    return {name: value for name, value in resource.items() if value != []}
