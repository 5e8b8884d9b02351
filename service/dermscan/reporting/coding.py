"""The codes of FHIR resources: a standard's where one truly fits, our own beside it or alone. It holds no figures."""

from typing import Any

from dermscan.domain import MALIGNANT, DiagnosisCode, IndeterminateReason, Laterality, RiskBand
from dermscan.domain.evolution import ChangeBand, ChangeReason
from dermscan.domain.sites import AnatomicSite
from dermscan.reporting.identity import uid

Resource = dict[str, Any]
"""A FHIR resource or a part of one, JSON-ready."""

OWN = f"urn:oid:{uid('code system', 'dermscan')}"
"""Our own code system; the bundle carries its definition."""
SNOMED, DICOM = "http://snomed.info/sct", "http://dicom.nema.org/resources/ontology/DCM"
UCUM = "http://unitsofmeasure.org"
SYSTEMS = {"SCT": SNOMED, "DCM": DICOM, "FMA": "urn:oid:2.16.840.1.113883.6.119"}

MEASURES = {
    "risk": "Calibrated probability of malignancy (MEL, BCC, SCC)",
    "abcd": "A, B, C and D of the ABCD rule of dermoscopy, as measured by a program",
    "change": "Change of the lesion since its baseline",
    "report": "Report of one lesion",
    "asymmetry": "Axes, of two, across which the lesion is asymmetric",
    "asymmetry-index": "Non-overlapping share of the area when folded on the better axis",
    "border": "Sectors, of eight, that end abruptly",
    "border-irregularity": "Perimeter squared over 4 pi area",
    "color": "Colours, of six, that are present",
    "diameter": "Greatest diameter of the lesion",
    "area": "Area of the lesion",
    "tds": "Total dermoscopy score (Stolz), a range as structures are not assessed",
    "area-growth": "Growth of the area since the baseline",
    "diameter-growth": "Growth of the greatest diameter since the baseline",
    "color-difference": "Colour difference (CIEDE2000) from the baseline",
    "overlap": "Overlap (Dice) of the outlines",
}
_NAMES = {
    DiagnosisCode.MEL: "Melanoma",
    DiagnosisCode.NV: "Melanocytic nevus",
    DiagnosisCode.BCC: "Basal cell carcinoma",
    DiagnosisCode.AK: "Actinic keratosis",
    DiagnosisCode.BKL: "Benign keratosis (solar lentigo, seborrheic keratosis, lichen planus-like keratosis)",
    DiagnosisCode.DF: "Dermatofibroma",
    DiagnosisCode.VASC: "Vascular lesion",
    DiagnosisCode.SCC: "Squamous cell carcinoma",
}
_FITTING = {
    "diameter": (SNOMED, "81827009", "Diameter"),
    "area": (SNOMED, "42798000", "Area"),
    "risk": (DICOM, "111047", "Probability of cancer"),
    DiagnosisCode.BCC: (SNOMED, "254701007", "Basal cell carcinoma of skin"),
    DiagnosisCode.AK: (SNOMED, "201101007", "Actinic keratosis"),
    DiagnosisCode.SCC: (SNOMED, "254651007", "Squamous cell carcinoma of skin"),
}
_VOCABULARIES = {
    "risk-band": RiskBand,
    "abstention": IndeterminateReason,
    "change-band": ChangeBand,
    "change-reason": ChangeReason,
}
_SIDES = {
    Laterality.RIGHT: ("24028007", "Right"),
    Laterality.LEFT: ("7771000", "Left"),
    Laterality.BOTH: ("51440002", "Right and left"),
}


def concept(*codings: Resource, text: str | None = None) -> Resource:
    """A CodeableConcept."""
    return {"coding": list(codings)} | ({} if text is None else {"text": text})


def coding(system: str, code: str, display: str) -> Resource:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def measured(name: str) -> Resource:
    """The code of a measure: ours, and the standard's where one fits."""
    fitting = [coding(*_FITTING[name])] if name in _FITTING else []
    return concept(*fitting, coding(OWN, name, MEASURES[name]))


def diagnosis(code: DiagnosisCode) -> Resource:
    """The code of a class of the classifier."""
    fitting = [coding(*_FITTING[code])] if code in _FITTING else []
    mark = " (counted as malignant)" if code in MALIGNANT else ""
    return concept(*fitting, coding(OWN, f"class-{code.lower()}", f"{_NAMES[code]}{mark}"))


def own(kind: str, value: RiskBand | IndeterminateReason | ChangeBand | ChangeReason) -> Resource:
    """A value of one of our closed vocabularies: kind `risk-band`, `abstention`, `change-band` or `change-reason`."""
    return concept(coding(OWN, _code(kind, value), _display(value)))


def region(site: AnatomicSite) -> Resource:
    """A body site of DICOM CID 4029."""
    return concept(coding(SYSTEMS[site.scheme], site.code, site.meaning))


def side(laterality: Laterality | None) -> Resource | None:
    """A side of the body; None where there is none to tell."""
    if laterality not in _SIDES:
        return None
    code, display = _SIDES[laterality]
    return coding(SNOMED, code, display)


def quantity(value: float, unit: str, display: str | None = None) -> Resource:
    """A Quantity in a unit of UCUM."""
    return {"value": _shortest(value), "unit": display or unit, "system": UCUM, "code": unit}


def code_system() -> Resource:
    """The definition of our own codes."""
    concepts = dict(MEASURES) | {f"class-{code.lower()}": name for code, name in _NAMES.items()}
    for kind, values in _VOCABULARIES.items():
        concepts |= {_code(kind, value): _display(value) for value in values}
    return {
        "resourceType": "CodeSystem",
        "url": OWN,
        "name": "DermScan",
        "title": "Codes of Derm-Scan",
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
        "concept": [{"code": code, "display": display} for code, display in concepts.items()],
    }


def _code(kind: str, value: str) -> str:
    return f"{kind}-{value.replace('_', '-')}"


def _display(value: str) -> str:
    return value.replace("_", " ")


def _shortest(value: float) -> float:
    """Six digits that count: more than any figure here is worth, and no noise of binary fractions."""
    return float(f"{value:.6g}")
