"""Draws the target as a PDF at true size, vectors only. It prints nothing itself."""

from io import BytesIO
from typing import Literal

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from dermscan.calibration.target import CELLS, FAR, GAP, NEAR, PATCHES, Target, cells

Paper = Literal["a4", "letter"]
SIZES = {"a4": A4, "letter": LETTER}

MARGIN_MM = 14.0
CONTROL_MM = 100.0
"""Length of the bar by which a person checks that the printer has not scaled the page."""
WORDS = (
    "Print at 100 % ('actual size'), in colour, on matt white paper. The bar must be 100 mm long: measure it, and",
    "tell 'dermscan camera calibrate --bar-mm' what you have measured. Lay the large target flat where the skin will",
    "be, or set the dermatoscope on the small one. Print anew when the colours have faded, at least once a year.",
)


def target_pdf(paper: Paper = "a4") -> bytes:
    """Draw the page: the large target, the small one, the control bar, and how to use them.

    Args:
        paper: Its size.

    Returns:
        The PDF; the same at every call.
    """
    width, height = SIZES[paper]
    stream = BytesIO()
    canvas = Canvas(stream, pagesize=(width, height), invariant=1)
    canvas.setTitle("Derm-Scan calibration target")
    # Millimetres from the upper left corner of the page, y downwards, as on the target
    canvas.transform(mm, 0, 0, -mm, 0, height)
    page_mm = width / mm
    _write(canvas, "Derm-Scan calibration target", MARGIN_MM, MARGIN_MM, 12)
    for number, line in enumerate(WORDS):
        _write(canvas, line, MARGIN_MM, MARGIN_MM + 7 + 4 * number, 8)
    upper = MARGIN_MM + 24
    _draw_target(canvas, FAR, (page_mm - FAR.width_mm) / 2, upper)
    lower = upper + FAR.height_mm + 12
    _draw_target(canvas, NEAR, (page_mm - FAR.width_mm) / 2, lower)
    _draw_bar(canvas, (page_mm + FAR.width_mm) / 2 - CONTROL_MM, lower + 8)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _write(canvas: Canvas, text: str, x: float, y: float, points: float) -> None:
    canvas.saveState()
    canvas.transform(1, 0, 0, -1, x, y)
    canvas.setFillGray(0)
    canvas.setFont("Helvetica", points / mm)
    canvas.drawString(0, 0, text)
    canvas.restoreState()


def _draw_target(canvas: Canvas, target: Target, x: float, y: float) -> None:
    """Draw a target whose upper left corner, that of the patches, is at (x, y)."""
    canvas.saveState()
    canvas.transform(target.square_mm, 0, 0, target.square_mm, x, y + (1 + GAP) * target.square_mm)
    _draw_board(canvas, target)
    for patch in PATCHES:
        canvas.setFillColorRGB(*(value / 255 for value in patch.rgb))
        canvas.rect(patch.x, patch.y, patch.side, patch.side, stroke=0, fill=1)
    canvas.restoreState()


def _draw_board(canvas: Canvas, target: Target) -> None:
    """Draw the black cells as one path, so that no hairline shows between them."""
    path = canvas.beginPath()
    for row, line in enumerate(cells(target)):
        for column, black in enumerate(line):
            if black:
                path.rect(column / CELLS, row / CELLS, 1 / CELLS, 1 / CELLS)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def _draw_bar(canvas: Canvas, x: float, y: float) -> None:
    canvas.setFillGray(0)
    canvas.rect(x, y, CONTROL_MM, 1.0, stroke=0, fill=1)
    for end in (x, x + CONTROL_MM - 0.3):
        canvas.rect(end, y - 2, 0.3, 5.0, stroke=0, fill=1)
    _write(canvas, f"{CONTROL_MM:.0f} mm", x + CONTROL_MM / 2 - 6, y + 6, 8)
