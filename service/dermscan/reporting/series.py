"""What a report draws over time: each measure's points with the finding of their scans. It draws nothing itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dermscan.domain import RiskBand
from dermscan.domain.evolution import ChangeBand
from dermscan.reporting.report import LesionReport, Visit


class Measure(StrEnum):
    """What is followed over time."""

    RISK = "risk"
    DIAMETER_MM = "diameter_mm"
    DIAMETER = "diameter"
    AREA = "area"
    COLOR = "color"


@dataclass(frozen=True, slots=True)
class Point:
    """One scan's value.

    Attributes:
        at: When the scan was taken.
        value: The value, in the measure's own unit.
        band: The scan's change band; None for the baseline and where nothing was compared.
        number: The scan's number in the report, from 1.
    """

    at: datetime
    value: float
    band: ChangeBand | None
    number: int


@dataclass(frozen=True, slots=True)
class Series:
    """One measure over all scans; scans without it have no point."""

    measure: Measure
    points: tuple[Point, ...]


def series(report: LesionReport) -> tuple[Series, ...]:
    """The curves of a report: risk, diameter, area and colour. Millimetres where every measured scan has a scale."""
    features = [visit.assessment.features for visit in report.visits if visit.excluded is None]
    calibrated = all(found is None or found.diameter_mm is not None for found in features) and any(features)
    diameter = Measure.DIAMETER_MM if calibrated else Measure.DIAMETER
    return tuple(
        Series(measure, _points(report, measure)) for measure in (Measure.RISK, diameter, Measure.AREA, Measure.COLOR)
    )


def _points(report: LesionReport, measure: Measure) -> tuple[Point, ...]:
    values = [_value(report, number, measure) for number in range(len(report.visits))]
    return tuple(
        Point(visit.taken_at, value, None if visit.evolution is None else visit.evolution.band, number)
        for number, (visit, value) in enumerate(zip(report.visits, values, strict=True), start=1)
        if value is not None
    )


def _value(report: LesionReport, number: int, measure: Measure) -> float | None:
    visit = report.visits[number]
    if visit.excluded is not None:
        return None
    if measure is Measure.RISK:
        return shown_risk(visit)
    if measure is Measure.DIAMETER_MM:
        return None if visit.assessment.features is None else visit.assessment.features.diameter_mm
    if number == report.baseline:
        return _at_baseline(visit, measure)
    return _since_baseline(visit, measure)


def _at_baseline(visit: Visit, measure: Measure) -> float | None:
    if visit.assessment.features is None:
        return None
    return 0.0 if measure is Measure.COLOR else 100.0


def _since_baseline(visit: Visit, measure: Measure) -> float | None:
    found = visit.evolution
    if found is None:
        return None
    if measure is Measure.COLOR:
        return None if found.color is None else found.color.overall
    if found.growth is None:
        return None
    return 100 * (1 + (found.growth.area if measure is Measure.AREA else found.growth.diameter))


def shown_risk(visit: Visit) -> float | None:
    """The risk in per cent where it may be shown: an assessment that abstains shows none."""
    said = visit.assessment
    return None if said.band is RiskBand.INDETERMINATE else said.risk
