"""Draws docs/figures/house.svg: the processes of the appliance, and a frame's way through the rooms."""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

TARGET = Path(__file__).with_name("house.svg")
WIDTH, HEIGHT = 1180, 640
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2933; }
.title { font-weight: 600; }
.small { font-size: 12px; fill: #52606d; }
.process { fill: #f5f7fa; stroke: #9aa5b1; }
.room { fill: #ffffff; stroke: #3e7cb1; }
.store { fill: #fff8e6; stroke: #c99a2e; }
.person { fill: #eaf6ec; stroke: #4c9a5b; }
.way { stroke: #1f2933; fill: none; stroke-width: 1.6; marker-end: url(#tip); }
.quiet { stroke: #52606d; fill: none; stroke-dasharray: 5 4; marker-end: url(#tip); }
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a title and a second line.

    Attributes:
        kind: Class of the style: process, room, store or person.
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height.
        title: First line; a process has it in its corner.
        more: Second line.
    """

    kind: str
    x: int
    y: int
    width: int
    height: int
    title: str
    more: str = ""

    def drawn(self) -> str:
        """As SVG."""
        frame = (
            f'<rect class="{self.kind}" x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="8"/>'
        )
        corner = self.kind == "process"
        x, anchor = (self.x + 14, "start") if corner else (self.x + self.width // 2, "middle")
        y = self.y + 24 if corner else self.y + self.height // 2 + (-4 if self.more else 5)
        lines = [frame, _text("title", x, y, anchor, self.title)]
        if self.more:
            lines.append(_text("small", x, y + 18, anchor, self.more))
        return "\n".join(lines)


BOXES = (
    Box("process", 20, 20, 860, 350, "dermscan.service", "no network: a Unix socket to the broker is all it has"),
    Box("room", 44, 90, 130, 60, "capture", "camera, phantom"),
    Box("room", 44, 210, 130, 60, "watcher", "thread “camera”"),
    Box("room", 214, 90, 150, 60, "analysis", "quality, region"),
    Box("room", 214, 210, 150, 60, "hold still?", "sharpest of a burst"),
    Box("room", 404, 90, 140, 60, "segmentation", "Med-SAM edge"),
    Box("room", 404, 210, 140, 60, "features", "A B C D, mm"),
    Box("room", 584, 90, 130, 60, "classification", "risk, or abstains"),
    Box("room", 584, 210, 130, 60, "analyst", "thread “analysis”"),
    Box("room", 744, 210, 112, 60, "board", "state, health"),
    Box("room", 744, 90, 112, 60, "bundle", "signed, proven"),
    Box("store", 584, 300, 130, 56, "history", "AES-256-GCM"),
    Box("process", 920, 20, 240, 150, "Mosquitto", "who may say and hear what"),
    Box("room", 944, 90, 192, 60, "bus", "a closed set of events"),
    Box("person", 944, 220, 192, 60, "bedside display", "ready, hold still, done"),
    Box("process", 20, 410, 860, 150, "dermscan-console.service", "loopback, or TLS where it is configured"),
    Box("room", 404, 480, 140, 60, "console", "pages, sessions"),
    Box("room", 584, 480, 130, 60, "evolution", "since the baseline"),
    Box("room", 214, 480, 150, 60, "reporting", "PDF, DICOM, FHIR"),
    Box("person", 44, 480, 130, 60, "a folder", "deliberate, audited"),
    Box("person", 944, 480, 192, 60, "clinician", "contour, risk, change"),
    Box("person", 944, 320, 192, 60, "technician", "systemctl, dermscan status"),
)
WAYS = (
    ("way", "M109 150 V210"),
    ("way", "M174 225 H194 V120 H214"),
    ("way", "M289 150 V210"),
    ("way", "M364 240 H384 V120 H404"),
    ("way", "M474 150 V210"),
    ("way", "M544 240 H564 V120 H584"),
    ("way", "M649 150 V210"),
    ("way", "M649 270 V300"),
    ("way", "M714 240 H744"),
    ("way", "M856 240 H900 V120 H944"),
    ("way", "M1040 150 V220"),
    ("quiet", "M744 120 H714"),
    ("quiet", "M856 255 H912 V350 H944"),
    ("way", "M649 356 V480"),
    ("way", "M584 510 H544"),
    ("way", "M404 510 H364"),
    ("way", "M214 510 H174"),
    ("way", "M474 540 V574 H1040 V540"),
    ("quiet", "M500 480 V392 H900 V136 H944"),
)
NOTES = (
    (404, 332, "filed: complete, or not at all"),
    (662, 387, "a one-time ticket asks for a scan"),
    (1050, 192, "status alone: no pixel"),
)


def _text(kind: str, x: int, y: int, anchor: str, words: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def drawing() -> str:
    """The whole picture, SVG."""
    tip = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#1f2933"/></marker>'
    )
    parts = [box.drawn() for box in BOXES]
    parts += [f'<path class="{kind}" d="{way}"/>' for kind, way in WAYS]
    parts += [_text("small", x, y, "start", words) for x, y, words in NOTES]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT - 40}" role="img">'
    title = "<title>The processes of the appliance, and a frame's way through the rooms</title>"
    ground = f'<rect width="{WIDTH}" height="{HEIGHT - 40}" fill="#ffffff"/>'
    return "\n".join([head, title, f"<style>{STYLE}</style><defs>{tip}</defs>", ground, *parts, "</svg>\n"])


if __name__ == "__main__":
    TARGET.write_text(drawing(), encoding="utf-8")
