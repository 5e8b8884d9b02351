"""A report's figures as labelled texts in its language. What is unknown is said to be, never guessed."""

import math

from dermscan.domain import LesionFeatures
from dermscan.domain.evolution import Evolution
from dermscan.domain.sites import SITES
from dermscan.reporting.report import BandLimits, LesionReport, Visit
from dermscan.reporting.series import shown_risk
from dermscan.reporting.wording import Wording

Facts = list[tuple[str, str]]


def short(identifier: str) -> str:
    """The beginning of an identifier, as people name it."""
    return identifier[:8]


def lesion_facts(report: LesionReport, say: Wording) -> Facts:
    """Who and what: alias, site, side, device."""
    lesion, visits = report.lesion, report.visits
    first, last = say.date(visits[0].taken_at), say.date(visits[-1].taken_at)
    span = say("scans_span", count=len(visits), first=first, last=last)
    return [
        (say("subject"), lesion.subject_alias or say("unassigned")),
        (say("lesion"), short(lesion.lesion_id)),
        (say("site"), site(lesion.anatomic_site, say)),
        (say("side"), say(f"side.{lesion.laterality}")),
        (say("recorded"), say.date(lesion.created_at)),
        (say("scans"), span if len(visits) > 1 else say("scans_one", first=first)),
        (say("device"), ", ".join(sorted({visit.device for visit in visits}))),
    ]


def site(code: str | None, say: Wording) -> str:
    """A body site in the report's language, or by its English name where the language has none for it."""
    if code is None:
        return say("site_unknown")
    return say.site(code) or (SITES[code].meaning if code in SITES else code)


def certainty(visit: Visit) -> float | None:
    """How far one class stands out, per cent: one minus the entropy of the probabilities over that of equal ones."""
    shares = [share for share in visit.assessment.probabilities.values() if share > 0]
    if len(visit.assessment.probabilities) < 2:
        return None
    entropy = -sum(share * math.log(share) for share in shares)
    return 100 * min(max(1 - entropy / math.log(len(visit.assessment.probabilities)), 0.0), 1.0)


def risk_facts(visit: Visit, limits: BandLimits | None, say: Wording) -> Facts:
    """How certain the risk is."""
    said, risk, sure = visit.assessment, shown_risk(visit), certainty(visit)
    facts = []
    if risk is not None and limits is not None:
        points = min(abs(risk - limits.moderate_from), abs(risk - limits.high_from))
        facts += [(say("margin"), say("margin_text", points=say.number(points, 1)))]
    if sure is not None:
        facts += [(say("certainty"), say("certainty_text", share=say.number(sure)))]
    if risk is not None and said.pre_malignant is not None:
        facts += [(say("pre_malignant"), f"{say.number(said.pre_malignant, 1)}\N{NO-BREAK SPACE}%")]
    if visit.mask_confidence is not None:
        facts += [(say("outline_confidence"), f"{say.number(100 * visit.mask_confidence)}\N{NO-BREAK SPACE}%")]
    return facts


def feature_facts(visit: Visit, say: Wording) -> Facts:
    """A, B, C and D, area and score; empty where nothing was measured."""
    found = visit.assessment.features
    if found is None:
        return []
    low, high = say.number(found.tds_low, 1), say.number(found.tds_high, 1)
    index, irregular = say.number(found.asymmetry_index, 2), say.number(found.border_irregularity, 2)
    return [
        (f"A  {say('A')}", say("A_text", axes=found.asymmetry, index=index)),
        (f"B  {say('B')}", say("B_text", sectors=found.border, irregularity=irregular)),
        (f"C  {say('C')}", say("C_text", colors=found.color)),
        (f"D  {say('D')}", diameter(found, say)),
        (say("area"), area(visit, found, say)),
        (say("tds"), say("tds_text", low=low, high=high)),
    ]


def diameter(found: LesionFeatures, say: Wording) -> str:
    """The greatest diameter in millimetres, or in pixels where there is no scale."""
    if found.diameter_mm is None:
        return say("D_px", px=say.number(found.diameter_px))
    return say("D_mm", mm=say.number(found.diameter_mm, 1))


def area(visit: Visit, found: LesionFeatures, say: Wording) -> str:
    """The area in square millimetres, or in pixels where there is no scale."""
    if visit.mm_per_pixel is None:
        return say("area_px", px=say.number(found.area_px))
    return say("area_mm2", mm2=say.number(found.area_px * visit.mm_per_pixel**2, 1))


def finding(visit: Visit, say: Wording, *, is_baseline: bool = False) -> str:
    """The change band with its grounds."""
    if visit.excluded is not None:
        return say("excluded", reason=say(f"excluded.{visit.excluded}"))
    if visit.evolution is None:
        return say("baseline_finding") if is_baseline else say("not_compared_finding")
    grounds = ", ".join(say(f"change.{reason}") for reason in visit.evolution.reasons)
    band = say(f"change_band.{visit.evolution.band}")
    return f"{band}: {grounds}" if grounds else band


def change_facts(found: Evolution, say: Wording) -> Facts:
    """The figures of a change."""
    facts = [
        (say("interval"), say("days", days=say.number(found.interval_days))),
        (say("rules"), say(f"window.{found.window}")),
        *_growth_facts(found, say),
    ]
    if found.contour is not None:
        facts += [(say("overlap"), say.number(found.contour.dice, 2))]
    if found.color is not None:
        facts += [(say("color_change"), say.number(found.color.overall, 1))]
        facts += [(say("focal"), f"{say.number(100 * found.color.focal_share)}\N{NO-BREAK SPACE}%")]
    return facts


def _growth_facts(found: Evolution, say: Wording) -> Facts:
    growth = found.growth
    if growth is None:
        return []
    absolute = None if growth.area_mm2 is None else say("growth_mm2", mm=say.change(growth.area_mm2, 1))
    longer = None if growth.diameter_mm is None else say("growth_mm", mm=say.change(growth.diameter_mm, 1))
    return [
        (say("growth_area"), _grown(growth.area, absolute, growth.area_month, say)),
        (say("growth_diameter"), _grown(growth.diameter, longer, growth.diameter_month, say)),
    ]


def _grown(share: float, absolute: str | None, monthly: float | None, say: Wording) -> str:
    parts = [say("growth_text", change=say.change(100 * share))]
    parts += [] if absolute is None else [absolute]
    parts += [] if monthly is None else [say("growth_month", change=say.change(100 * monthly, 1))]
    return ", ".join(parts)


def quality_facts(visit: Visit, say: Wording) -> Facts:
    """The quality gate's figures and the scale."""
    found = visit.assessment.quality
    result = ", ".join(say(f"reject.{reason}") for reason in found.reasons) or say("quality.passed")
    scale = visit.mm_per_pixel
    text = say("calibration_none") if scale is None else say("calibration_text", um=say.number(1000 * scale, 1))
    return [
        (say("quality.result"), result),
        (say("quality.focus"), say.number(found.focus, 1)),
        (say("quality.exposure"), f"{say.number(100 * found.exposure)}\N{NO-BREAK SPACE}%"),
        (say("quality.glare"), f"{say.number(100 * found.glare, 1)}\N{NO-BREAK SPACE}%"),
        (say("quality.lesion_share"), f"{say.number(100 * found.lesion_share, 1)}\N{NO-BREAK SPACE}%"),
        (say("calibration"), text),
    ]


def provenance_facts(report: LesionReport, say: Wording) -> list[Facts]:
    """What made the assessments: one block for each set of bundle, software and settings, with the scans it made."""
    made: dict[object, list[int]] = {}
    for number, visit in enumerate(report.visits, start=1):
        made.setdefault(visit.provenance, []).append(number)
    blocks = []
    for numbers in made.values():
        by = report.visits[numbers[0] - 1].provenance
        blocks.append(
            [
                (say("of_scans"), _ranges(numbers)),
                (say("bundle"), by.bundle_id),
                (say("bundle_hash"), by.bundle_hash),
                (say("software"), f"dermscan {by.software_version}"),
                (say("settings"), by.settings_hash),
            ]
        )
    return blocks


def _ranges(numbers: list[int]) -> str:
    """Numbers as `1-3, 5`."""
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return ", ".join(str(a) if a == b else f"{a}\N{EN DASH}{b}" for a, b in zip(starts, ends, strict=True))
