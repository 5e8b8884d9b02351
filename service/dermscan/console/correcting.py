"""Corrects a scan's outline: a box is moved, points are clicked, the answer comes at once. It files when told to."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dermscan.analysis.preparation import PromptPoint
from dermscan.console.drawing import outline, traced
from dermscan.console.outlining import Sketch, clicked
from dermscan.console.role import Role
from dermscan.console.visit import Refusal, Refused, Visit, page_for
from dermscan.domain import LesionFeatures, LesionMask, Roi

MOST_CLICKS = 40


def correction_page(visit: Visit) -> Response:
    """The scan's picture with the box that prompted its outline; the picture is encoded for what follows."""
    history, scan_id = visit.desk.door.reading(), visit.target("scan")
    sketch = _sketch(visit, scan_id)
    mask = history.load_reviewed(scan_id)[0].assessment.mask
    drawn = None if mask is None else outline(mask)
    return visit.page("correct", scan=history.find(scan_id), box=sketch.start, outline=drawn)


def outlined(visit: Visit) -> Response:
    """The outline in the box and by the points that a script sent."""
    sketch = _sketch(visit, visit.target("scan"))
    box, points = _prompt(visit, visit.sent, sketch)
    mask = visit.desk.outliner.preview(sketch, box, points)
    said: dict[str, Any] = {
        "box": [box.x0, box.y0, box.x1, box.y1],
        "keep": bool(points),
        "path": "",
        "text": visit.wording("correct.none"),
    }
    if mask is not None:
        share = visit.wording.number(100 * mask.confidence)
        said |= {"path": traced(mask, 1 / sketch.scale), "text": visit.wording("correct.found", share=share)}
    return JSONResponse(said)


def file_outline(visit: Visit) -> Response:
    """File the outline in the box and by the points that the form sends, as a correction."""
    scan_id = visit.target("scan")
    sketch = _sketch(visit, scan_id)
    box, points = _prompt(visit, {**visit.form, "clicks": _clicks(visit.form.get("clicks", "[]"))}, sketch)
    mask = visit.desk.outliner.outline(sketch, box, points)
    if mask is None:
        raise Refused(Refusal.MALFORMED)
    _file(visit, scan_id, mask, visit.desk.outliner.measure(sketch, mask))
    visit.who.kept.pop("embedding", None)
    return visit.to(f"/scan/{visit.name('scan', scan_id)}")


def _clicks(text: str) -> object:
    try:
        return json.loads(text or "[]")
    except (ValueError, RecursionError):
        raise Refused(Refusal.MALFORMED) from None


def _file(visit: Visit, scan_id: str, mask: LesionMask, features: LesionFeatures) -> None:
    with visit.desk.door.writing() as history:
        said = replace(
            history.review(scan_id), features=features, reviewed_at=datetime.now(UTC), reviewer=visit.who.person
        )
        history.file_review(scan_id, said, mask)


def _sketch(visit: Visit, scan_id: str) -> Sketch:
    """The session's encoded picture; it is encoded where it is not the one that was asked for last."""
    kept = visit.who.kept.get("embedding")
    if isinstance(kept, Sketch) and kept.scan_id == scan_id:
        return kept
    sketch = visit.desk.outliner.begin(visit.desk.door.reading().load(scan_id))
    visit.who.kept["embedding"] = sketch
    return sketch


def _prompt(visit: Visit, sent: Mapping[str, Any], sketch: Sketch) -> tuple[Roi, list[PromptPoint]]:
    """The box as it was drawn, within the frame, and the points; where points are not taken they have moved the box.

    Raises:
        Refused: It is no such prompt.
    """
    width, height = sketch.frame.width, sketch.frame.height
    try:
        x0, y0, x1, y1 = (float(sent[key]) for key in ("x0", "y0", "x1", "y1"))
        box = Roi(max(min(x0, x1), 0), max(min(y0, y1), 0), min(max(x0, x1), width), min(max(y0, y1), height))
        points = [_point(click, width, height) for click in list(sent.get("clicks", ()))[-MOST_CLICKS:]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused(Refusal.MALFORMED) from None
    if visit.desk.outliner.takes_points:
        return box, points
    for point in points:
        box = clicked(box, point.x, point.y, on=point.lesion)
    return box, []


def _point(click: Any, width: int, height: int) -> PromptPoint:
    x, y, on = click
    if not (math.isfinite(float(x)) and math.isfinite(float(y))):
        message = "a point is somewhere"
        raise ValueError(message)
    return PromptPoint(min(max(float(x), 0), width), min(max(float(y), 0), height), bool(on))


ROUTES: list[Route] = [
    page_for(Role.CLINICIAN, "/correct/{handle}", correction_page),
    page_for(Role.CLINICIAN, "/correct/{handle}/outline", outlined, method="POST"),
    page_for(Role.CLINICIAN, "/correct/{handle}/file", file_outline, method="POST"),
]
