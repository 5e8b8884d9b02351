"""Outlines a lesion anew while a clinician moves the box or clicks: the picture is encoded once. It files nothing."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dermscan.analysis.features import measure
from dermscan.analysis.preparation import PromptPoint
from dermscan.analysis.runtime import Models, load_models
from dermscan.analysis.segmentation import Embedding, decode, embed
from dermscan.bundle.choosing import choose
from dermscan.bundle.loading import Bundle
from dermscan.domain import Frame, LesionFeatures, LesionMask, Roi, Scan
from dermscan.settings import ModelSettings

MARGIN = 0.5
"""Share of its size by which the encoded part reaches beyond the first box on each side: room to move it in."""

SHOWN = 1024
"""Pixels of the longer side at which an outline is sought while the box is moved; it is filed at the frame's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A scan that is being outlined anew.

    Attributes:
        scan_id: The scan.
        frame: Its picture.
        embedding: What the encoder made of it.
        start: The box it began with.
        scale: Size in which an outline is shown, as a share of the frame's.
    """

    scan_id: str
    frame: Frame
    embedding: Embedding
    start: Roi
    scale: float


class Outliner:
    """The segmenting networks of the bundle, loaded at the first need."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._models: Models | None = None

    def begin(self, scan: Scan) -> Sketch:
        """Encode a scan's picture.

        Raises:
            BundleError: The model bundle cannot be used.
        """
        frame, start = scan.frame, scan.assessment.roi
        whole = Roi(0, 0, frame.width, frame.height)
        box = start or whole
        embedding = embed(frame, _wider(box, whole), self._ready())
        return Sketch(scan.scan_id, frame, embedding, box, min(SHOWN / max(frame.width, frame.height), 1.0))

    @property
    def takes_points(self) -> bool:
        """Whether the bundle's segmenter takes points; otherwise a click moves the box (`clicked`)."""
        return self._ready().point_slots > 0

    def outline(self, sketch: Sketch, box: Roi, points: Sequence[PromptPoint] = ()) -> LesionMask | None:
        """Outline the lesion in a box, mended by points where the segmenter takes any; None when nothing is found."""
        models = self._ready()
        latest = tuple(points)[-models.point_slots :] if models.point_slots else ()
        return decode(sketch.embedding, box, models, points=latest)

    def preview(self, sketch: Sketch, box: Roi, points: Sequence[PromptPoint] = ()) -> LesionMask | None:
        """As `outline`, but of `sketch.scale` times the frame's size: a frame of twelve megapixels takes its time."""
        scale = sketch.scale
        small = replace(sketch, embedding=_scaled(sketch.embedding, scale))
        moved = [PromptPoint(scale * point.x, scale * point.y, point.lesion) for point in points]
        return self.outline(small, Roi(scale * box.x0, scale * box.y0, scale * box.x1, scale * box.y1), moved)

    def measure(self, sketch: Sketch, mask: LesionMask) -> LesionFeatures:
        """Measure A, B, C and D on a new outline."""
        return measure(sketch.frame, mask)

    def _ready(self) -> Models:
        with self._lock:
            if self._models is None:
                self._models = choose(self._settings, self._load).loaded
            return self._models

    def _load(self, bundle: Bundle) -> Models:
        return load_models(bundle, self._settings)


def _scaled(embedding: Embedding, scale: float) -> Embedding:
    """The same embedding, as if its frame had been of another size."""
    view, (height, width) = embedding.view, embedding.frame_shape
    rows, columns = max(round(scale * height), 1), max(round(scale * width), 1)
    x0, y0 = min(round(scale * view.x0), columns - 1), min(round(scale * view.y0), rows - 1)
    wide = min(max(round(scale * view.side_w), 1), columns - x0)
    high = min(max(round(scale * view.side_h), 1), rows - y0)
    return replace(embedding, view=replace(view, x0=x0, y0=y0, side_w=wide, side_h=high), frame_shape=(rows, columns))


def _wider(box: Roi, whole: Roi) -> Roi:
    more, higher = MARGIN * box.width, MARGIN * box.height
    return Roi(
        max(box.x0 - more, whole.x0),
        max(box.y0 - higher, whole.y0),
        min(box.x1 + more, whole.x1),
        min(box.y1 + higher, whole.y1),
    )


def clicked(box: Roi, x: float, y: float, *, on: bool) -> Roi:
    """The box after a click: one on the lesion takes the point in, one beside it draws the nearest edge up to it.

    Args:
        box: The box before.
        x: Where was clicked, pixels of the frame.
        y: The same, downwards.
        on: Whether the point is on the lesion.
    """
    if on:
        return Roi(min(box.x0, x), min(box.y0, y), max(box.x1, x), max(box.y1, y))
    if not (box.x0 < x < box.x1 and box.y0 < y < box.y1):
        return box
    drawn = (
        Roi(x, box.y0, box.x1, box.y1),
        Roi(box.x0, box.y0, x, box.y1),
        Roi(box.x0, y, box.x1, box.y1),
        Roi(box.x0, box.y0, box.x1, y),
    )
    return max(drawn, key=lambda smaller: smaller.area)
