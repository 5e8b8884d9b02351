"""The figure on which a lesion's site is chosen: regions of the front and the back with their codes. It draws no face.

The shapes are our own, on a field of 200 by 440. Seen from the front the person's right is on the left of the drawing.
"""

from dataclasses import dataclass

from dermscan.domain import Laterality

WIDTH, HEIGHT = 200, 440


@dataclass(frozen=True, slots=True)
class Region:
    """One region of the figure.

    Attributes:
        code: Its code in DICOM CID 4029.
        side: The side of the body.
        shape: Data of an SVG path.
    """

    code: str
    side: Laterality
    shape: str


_MIDDLE_FRONT = {
    "43067004": "M82 30C82 6 118 6 118 30Z",
    "73897004": "M82 30L118 30C120 52 112 64 100 64C88 64 80 52 82 30Z",
    "11584001": "M90 62C96 66 104 66 110 62L113 80L87 80Z",
    "75093004": "M70 134L130 134L127 190L73 190Z",
    "60944009": "M88 198L112 198L106 222L94 222Z",
}
_LEFT_HALF_FRONT = {
    "244106003": "M100 80L87 80C74 82 64 86 62 92L70 134L100 134Z",
    "39687006": "M73 190L100 190L100 198L88 198L94 222L71 206Z",
    "45981001": "M61 92C52 96 48 104 47 116L42 158L58 162L69 128Z",
    "70559009": "M42 160L58 164L47 212L33 209Z",
    "70887009": "M33 211L47 214C48 228 44 242 38 244C30 244 28 226 33 211Z",
    "61248009": "M70 207L99 222L96 290L76 290Z",
    "181553006": "M76 291L96 291L95 312L77 312Z",
    "25763004": "M77 313L95 313L92 388L81 388Z",
    "60496002": "M81 389L92 389L94 406C94 416 70 418 70 409Z",
}
_MIDDLE_BACK = {
    "79951008": "M82 36C80 4 120 4 118 36C118 54 112 64 100 64C88 64 82 54 82 36Z",
    "4658004": "M90 62C96 66 104 66 110 62L113 80L87 80Z",
}
_LEFT_HALF_BACK = {
    "244111001": "M100 80L87 80C74 82 64 86 62 92L70 140L100 140Z",
    "113182001": "M70 140L100 140L100 180L74 180Z",
    "22180002": "M74 180L100 180L100 220C88 224 74 220 71 208Z",
    "72939005": "M61 92C52 96 48 104 47 116L44 144L60 148L69 128Z",
    "181536004": "M44 145L60 149L57 166L41 162Z",
    "41550009": "M41 163L57 167L47 212L33 209Z",
    "281642007": "M33 211L47 214C48 228 44 242 38 244C30 244 28 226 33 211Z",
    "4578000": "M71 210C76 222 88 225 99 222L96 286L76 286Z",
    "84507004": "M76 287L96 287L95 310L77 310Z",
    "47224004": "M77 311L95 311L92 388L81 388Z",
    "84607009": "M81 389L92 389L93 404C92 412 80 412 80 404Z",
}


def _mirrored(shape: str) -> str:
    """The shape on the other side of the middle line: absolute commands, x and y in turn."""
    parts: list[str] = []
    number, is_x = "", True
    for letter in f"{shape} ":
        if letter.isdigit() or letter == ".":
            number += letter
            continue
        if number:
            parts.append(f"{WIDTH - float(number):g}" if is_x else number)
            number, is_x = "", not is_x
        parts.append(letter)
    return "".join(parts).strip()


def _figure(middle: dict[str, str], half: dict[str, str], near: Laterality, far: Laterality) -> tuple[Region, ...]:
    whole = [Region(code, Laterality.UNPAIRED, shape) for code, shape in middle.items()]
    left = [Region(code, near, shape) for code, shape in half.items()]
    right = [Region(code, far, _mirrored(shape)) for code, shape in half.items()]
    return (*whole, *left, *right)


FRONT = _figure(_MIDDLE_FRONT, _LEFT_HALF_FRONT, Laterality.RIGHT, Laterality.LEFT)
BACK = _figure(_MIDDLE_BACK, _LEFT_HALF_BACK, Laterality.LEFT, Laterality.RIGHT)
