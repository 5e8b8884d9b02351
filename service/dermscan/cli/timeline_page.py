"""Draws a lesion's timeline as one self-contained HTML page, or as one PNG picture. It loads nothing from outside."""

import base64
from html import escape

import cv2
import numpy as np

from dermscan.cli.presentation import ADJUNCTIVE
from dermscan.cli.timeline import THUMBNAIL, Visit, area_curve, color_curve, finding
from dermscan.domain import RgbImage
from dermscan.history.evolution.rules import AREA_LIMIT, OVERALL_LIMIT

Curve = list[tuple[float, float]]

CHART = (640, 200)
"""Width and height of a chart in pixels."""
EDGE = 46
"""Pixels of a chart that its labels take on every side."""
HEAD = 70
"""Pixels of the picture above the charts."""
CELL = (270, 830)
"""Width and height of a visit's part of the picture in pixels."""
WORDS = 80
"""Pixels of a visit's part that its words take."""
INK, LINE, PAPER = (30, 30, 30), (0, 90, 170), 255
BAND = (232, 232, 232)
"""Colour of the values that are within the measurement's own uncertainty."""
AREA, COLOR = "Area, % of the baseline", "Colour difference from the baseline (CIEDE2000)"
USUAL = {AREA: (100 * (1 - AREA_LIMIT), 100 * (1 + AREA_LIMIT)), COLOR: (0.0, OVERALL_LIMIT)}
"""Values of a curve that the rules take for no change."""
LEGEND = (
    "Grey band: no change, as far as can be measured. Below a visit: the same laid over the baseline, outlines of the",
    "baseline (blue) and of the visit (orange); then, in red, what changed beyond the overall change of colour.",
)
STYLE = """body{font:15px sans-serif;margin:2em;color:#1e1e1e}figure{display:inline-block;margin:.5em;width:250px;
vertical-align:top}figcaption{font-size:13px}svg{margin-right:2em}"""


def page(shown: tuple[Visit, ...]) -> bytes:
    """The timeline as HTML, UTF-8."""
    figures = "".join(_figure(visit) for visit in shown)
    charts = _svg(AREA, area_curve(shown)) + _svg(COLOR, color_curve(shown))
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evolution of a lesion</title><style>{STYLE}</style></head>
<body><h1>Evolution of a lesion</h1><p>{escape(ADJUNCTIVE)}</p><p>{escape(" ".join(LEGEND))}</p>
<div>{charts}</div><div>{figures}</div></body></html>
"""
    return html.encode()


def _figure(visit: Visit) -> str:
    lines = [f"<b>{visit.taken_at:%Y-%m-%d}</b>", escape(finding(visit)), escape(visit.diameter)]
    caption = "<br>".join(line for line in lines if line)
    images = "".join(_image(text, pixels) for text, pixels in _pictures(visit))
    return f"<figure>{images}<figcaption>{caption}</figcaption></figure>"


def _image(text: str, pixels: RgbImage) -> str:
    return f'<img alt="{text}" title="{text}" src="data:image/png;base64,{base64.b64encode(_png(pixels)).decode()}">'


def _pictures(visit: Visit) -> list[tuple[str, RgbImage]]:
    """What there is to see of a visit, and what it is."""
    shown = [("as taken", visit.thumbnail)]
    if visit.closeup is not None:
        shown.append(("laid over the baseline", visit.closeup.outlines))
        if visit.closeup.changes is not None:
            shown.append(("what changed", visit.closeup.changes))
    return shown


def _svg(title: str, curve: Curve) -> str:
    width, height = CHART
    points, band = _placed(curve, USUAL[title]), _band(curve, USUAL[title])
    line = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="4" fill="#005aaa"/>' for x, y in points)
    labels = "".join(
        f'<text x="{x}" y="{y - 9}" font-size="12" text-anchor="middle">{value:.1f}</text>'
        f'<text x="{x}" y="{height - 8}" font-size="11" text-anchor="middle">{days:.0f} d</text>'
        for (x, y), (days, value) in zip(points, curve, strict=True)
    )
    return (
        f'<svg width="{width}" height="{height}" role="img"><title>{title}</title>'
        f'<text x="8" y="16" font-size="13">{title}</text>'
        f'<rect x="{EDGE}" y="{band[0]}" width="{width - 2 * EDGE}" height="{band[1] - band[0]}" fill="#e8e8e8"/>'
        f'<polyline points="{line}" fill="none" stroke="#005aaa" stroke-width="2"/>{dots}{labels}</svg>'
    )


def _range(curve: Curve, usual: tuple[float, float]) -> tuple[float, float]:
    """Least and greatest value that a chart shows: the curve's, and the usual ones."""
    values = [value for _, value in curve]
    return min(*values, usual[0]), max(*values, usual[1])


def _height(value: float, shown: tuple[float, float]) -> int:
    """Where a value is drawn, pixels from the upper edge of a chart."""
    return round(CHART[1] - EDGE - (value - shown[0]) / (shown[1] - shown[0]) * (CHART[1] - 2 * EDGE))


def _placed(curve: Curve, usual: tuple[float, float]) -> list[tuple[int, int]]:
    """Where the points of a curve are drawn in a chart."""
    shown, last = _range(curve, usual), max(1.0, *(days for days, _ in curve))
    return [(round(EDGE + days / last * (CHART[0] - 2 * EDGE)), _height(value, shown)) for days, value in curve]


def _band(curve: Curve, usual: tuple[float, float]) -> tuple[int, int]:
    """Upper and lower edge of the usual values in a chart."""
    shown = _range(curve, usual)
    return _height(usual[1], shown), _height(usual[0], shown)


def picture(shown: tuple[Visit, ...]) -> bytes:
    """The timeline as PNG."""
    width = max(2 * CHART[0], CELL[0] * len(shown))
    canvas = np.full((HEAD + CHART[1] + CELL[1], width, 3), PAPER, np.uint8)
    for number, line in enumerate((ADJUNCTIVE, *LEGEND)):
        _write(canvas, line, (8, 18 + 17 * number))
    _draw_chart(canvas[HEAD : HEAD + CHART[1], : CHART[0]], AREA, area_curve(shown))
    _draw_chart(canvas[HEAD : HEAD + CHART[1], CHART[0] : 2 * CHART[0]], COLOR, color_curve(shown))
    for number, visit in enumerate(shown):
        left = number * CELL[0]
        _draw_visit(canvas[HEAD + CHART[1] :, left : left + CELL[0]], visit)
    return _png(canvas)


def _draw_chart(part: RgbImage, title: str, curve: Curve) -> None:
    points, (upper, lower) = _placed(curve, USUAL[title]), _band(curve, USUAL[title])
    part[upper:lower, EDGE:-EDGE] = BAND
    _write(part, title, (8, 16))
    cv2.polylines(part, [np.array(points, np.int32)], False, LINE, 2, cv2.LINE_AA)
    for (x, y), (days, value) in zip(points, curve, strict=True):
        cv2.circle(part, (x, y), 4, LINE, cv2.FILLED, cv2.LINE_AA)
        _write(part, f"{value:.1f}", (x - 16, y - 9))
        _write(part, f"{days:.0f} d", (x - 16, CHART[1] - 8))


def _draw_visit(part: RgbImage, visit: Visit) -> None:
    words = [
        f"{visit.taken_at:%Y-%m-%d}",
        *finding(visit).replace(" (", "|").replace(")", "").split("|"),
        visit.diameter,
    ]
    for number, line in enumerate(words):
        _write(part, line, (8, 16 + 17 * number))
    for number, (_, pixels) in enumerate(_pictures(visit)):
        height, width = pixels.shape[:2]
        upper = WORDS + number * (THUMBNAIL + 8)
        part[upper : upper + height, 8 : 8 + width] = pixels


def _write(part: RgbImage, text: str, place: tuple[int, int]) -> None:
    cv2.putText(part, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)


def _png(pixels: RgbImage) -> bytes:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return bytes(encoded)
