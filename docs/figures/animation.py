"""Makes docs/a-scan.gif for the README out of the photographs of display and console, in the order of a visit.

Run it after photograph_display.py and photograph_console.py.
"""

from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1]
SIZE = (800, 500)
GROUND = (24, 33, 41)
COLOURS = 64
VISIT = (
    ("display/ready.png", 1600),
    ("display/framing-too-dark-en.png", 1600),
    ("display/hold-still.png", 1600),
    ("display/analysing.png", 1200),
    ("display/done.png", 1800),
    ("console/lesions.png", 1800),
    ("console/scan.png", 3000),
    ("console/evolution.png", 3000),
    ("console/evolution-difference.png", 2400),
)
"""Photographs, and how many milliseconds each stands."""


def framed(path: Path) -> Image.Image:
    """A photograph in the middle of the animation's frame, as large as it fits."""
    photograph = Image.open(path).convert("RGB")
    scale = min(SIZE[0] / photograph.width, SIZE[1] / photograph.height)
    fitted = photograph.resize(
        (round(photograph.width * scale), round(photograph.height * scale)), Image.Resampling.LANCZOS
    )
    frame = Image.new("RGB", SIZE, GROUND)
    frame.paste(fitted, ((SIZE[0] - fitted.width) // 2, (SIZE[1] - fitted.height) // 2))
    return frame.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    first, *others = (framed(DOCS / name) for name, _ in VISIT)
    spans = [milliseconds for _, milliseconds in VISIT]
    first.save(DOCS / "a-scan.gif", save_all=True, append_images=others, duration=spans, loop=0, optimize=True)
