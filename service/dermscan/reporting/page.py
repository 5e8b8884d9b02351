"""Lays a report out as one HTML page for paper; everything is in it, nothing is loaded from outside."""

import base64
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path

import jinja2

from dermscan.domain import MALIGNANT, DiagnosisCode
from dermscan.domain.evolution import ChangeBand
from dermscan.reporting import facts
from dermscan.reporting.charts import curve, mark_alone, risk_scale
from dermscan.reporting.pictures import Picture
from dermscan.reporting.report import LesionReport, Visit
from dermscan.reporting.series import Point, Series, series, shown_risk
from dermscan.reporting.wording import Wording, wording

PAGE = Path(__file__).parent / "page"
SCALE_BARS = (50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1)
"""Lengths of a scale bar in millimetres, longest first."""
PLACE = (56.0, 54.0)
"""Greatest width and height of a picture on the paper in millimetres."""
POINTS_TOLD = 12
"""Points of a curve that its text alternative tells; the table has all of them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture in the page.

    Attributes:
        source: The picture as a data URI.
        text: What it shows, for somebody who does not see it.
        caption: The line under it.
        width_mm: How wide it is shown on the paper; 0 where the page decides.
        bar: Length of the scale bar as text and in millimetres on the paper; None without a scale.
    """

    source: str
    text: str
    caption: str = ""
    width_mm: float = 0.0
    bar: tuple[str, float] | None = None


def html(report: LesionReport) -> str:
    """The report as HTML."""
    say = wording(report.language)
    layout = Layout(report, say)
    printed = report.printed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _template().render(report=report, say=say, layout=layout, facts=facts, fonts=PAGE.as_uri(), printed=printed)


class Layout:
    """What the template asks for."""

    def __init__(self, report: LesionReport, say: Wording) -> None:
        """Take the report and its words."""
        self.report = report
        self.say = say
        self.latest = next((one for one in reversed(report.visits) if one.excluded is None), report.visits[-1])
        self.baseline = report.visits[report.baseline]
        self.limits = report.limits

    def risk(self, visit: Visit) -> str | None:
        """The risk as text; None where none is shown."""
        risk = shown_risk(visit)
        return None if risk is None else self.say.number(risk)

    def risk_scale(self) -> Shown:
        """The latest risk on its scale."""
        band, risk = self.latest.assessment.band, self.risk(self.latest)
        key = "alt.risk_none" if risk is None else "alt.risk"
        text = self.say(key, risk=risk, band=self.say(f"band.{band}"))
        return Shown(svg(risk_scale(shown_risk(self.latest), band, self.limits, self.say)), text)

    def pictures(self, visit: Visit) -> list[Shown]:
        """Close-up, outline and overview of a scan; the whole picture alone when there is no outline."""
        found = visit.pictures
        if found.outlined is None:
            return [self._shown(visit, "whole", found.close_up)]
        return [
            self._shown(visit, "close_up", found.close_up),
            self._shown(visit, "outlined", found.outlined),
            self._shown(visit, "overview", found.overview),
        ]

    def compared(self, visit: Visit) -> Shown:
        """One scan of a comparison, outlined."""
        found = visit.pictures
        kind = "outlined" if found.outlined else "whole"
        return self._shown(visit, kind, found.outlined or found.close_up)

    def thumbnail(self, visit: Visit) -> Shown:
        """A scan in the table of all."""
        return Shown(jpeg(visit.pictures.thumbnail), self.say("alt.thumbnail", number=self.number(visit)))

    def number(self, visit: Visit) -> int:
        """A scan's number, from 1."""
        return self.report.visits.index(visit) + 1

    def probabilities(self) -> list[tuple[str, str, str, float, bool]]:
        """Code, name, per cent as text and as number, and whether it counts as malignant; likeliest first."""
        shares = self.latest.assessment.probabilities
        ranked = sorted(shares, key=lambda code: (-shares[code], list(DiagnosisCode).index(code)))
        percent = [(code, 100 * shares[code]) for code in ranked]
        return [(code, self.say(f"code.{code}"), self.say.number(p, 1), p, code in MALIGNANT) for code, p in percent]

    def curves(self) -> list[Shown]:
        """The curves over all scans."""
        visits = self.report.visits
        span = Point(visits[0].taken_at, 0.0, None, 1), Point(visits[-1].taken_at, 0.0, None, len(visits))
        return [
            Shown(svg(curve(found, span, self.limits, self.say)), self._told(found)) for found in series(self.report)
        ]

    def legend(self) -> list[tuple[str, str]]:
        """The marks and what they mean."""
        meant = [(None, self.say("legend.baseline")), *((band, self.say(f"change_band.{band}")) for band in ChangeBand)]
        return [(svg(mark_alone(band)), text) for band, text in meant]

    def mark(self, visit: Visit) -> str:
        """The mark of a scan's finding as a data URI; the finding is told beside it."""
        return svg(mark_alone(None if visit.evolution is None else visit.evolution.band))

    def _told(self, found: Series) -> str:
        title = self.say(f"curve.{found.measure}")
        if not found.points:
            return self.say("alt.curve_none", title=title)
        told = [f"{self.say.date(p.at)} {self.say.number(p.value, 1)}" for p in found.points[:POINTS_TOLD]]
        left_out = len(found.points) - POINTS_TOLD
        points = "; ".join([*told, *([self.say("more", count=left_out)] if left_out > 0 else [])])
        return self.say("alt.curve", title=title, points=points)

    def _shown(self, visit: Visit, kind: str, picture: Picture) -> Shown:
        caption = self.say("picture.corrected" if kind == "outlined" and visit.corrected else f"picture.{kind}")
        text = self.say(f"alt.{kind}", number=self.number(visit), date=self.say.date(visit.taken_at))
        wide, high = PLACE
        width = min(wide, high * picture.width / picture.height)
        return Shown(jpeg(picture), text, caption, width, self._bar(visit, picture, width))

    def _bar(self, visit: Visit, picture: Picture, paper: float) -> tuple[str, float] | None:
        """The longest round length that takes up to a third of the picture; the scale is the paper's own."""
        if visit.mm_per_pixel is None:
            return None
        width = picture.width / picture.reduction * visit.mm_per_pixel
        length = next((bar for bar in SCALE_BARS if bar <= width / 3), None)
        if length is None:
            return None
        return self.say("scale_bar", length=self.say.number(length, 0 if length >= 1 else 1)), paper * length / width


def svg(drawn: str) -> str:
    """A drawing as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode()


def jpeg(picture: Picture) -> str:
    """A picture as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(PAGE)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return made.get_template("report.html")
