"""Med-SAM edge: a small network that is asked for a lesion's outline by a box and points, and names the eight codes.

The encoder is EfficientNet-Lite with a neck that gives one map at a quarter of the input's side. The decoder reads
that map and the prompt, which is drawn as fields over the map instead of attended to as tokens: a board has no time for
attention over 4096 places, and a box is a region, so that a field says it more plainly. Both run apart, as SAM's parts.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks import TRUNKS, Upward, backbone

STRIDE = 4
"""Input pixels for one place of the map that the decoder reads."""
WIDTH = 64
FIELDS = 7
POINTS = 4
"""Points that one prompt may hold; the label -1 stands where there is none, 1 is lesion, 0 is skin."""
POINT_SPREAD = 2.0
"""Reach of a point, in places of the map."""


def separable(given: int, width: int) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each with a bounded activation."""
    return nn.Sequential(
        nn.Conv2d(given, given, 3, padding=1, groups=given, bias=False),
        nn.Conv2d(given, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU6(inplace=True),
    )


def prompt_fields(side: int, box: Tensor, points: Tensor, labels: Tensor) -> Tensor:
    """(n, FIELDS, side, side): how far each place lies inside each edge of the box, whether inside, and the points.

    Args:
        side: Places of the map along each axis.
        box: (n, 1, 4) x0, y0, x1, y1 in input pixels.
        points: (n, POINTS, 2) x, y in input pixels.
        labels: (n, POINTS) 1 lesion, 0 skin, -1 nothing.
    """
    at = (torch.arange(side, dtype=box.dtype, device=box.device) + 0.5) * STRIDE
    across, down = at.view(1, 1, 1, side), at.view(1, 1, side, 1)
    x0, y0, x1, y1 = (edge.unsqueeze(3) for edge in box.split(1, dim=2))
    wide, high = (x1 - x0).clamp(min=1.0), (y1 - y0).clamp(min=1.0)
    columns = [((across - x0) / wide).expand(-1, -1, side, -1), ((x1 - across) / wide).expand(-1, -1, side, -1)]
    rows = [((down - y0) / high).expand(-1, -1, -1, side), ((y1 - down) / high).expand(-1, -1, -1, side)]
    edges = torch.cat(columns + rows, dim=1).clamp(-1.0, 1.0)
    inside = torch.sigmoid(10 * edges.amin(dim=1, keepdim=True))
    reach = 2 * (POINT_SPREAD * STRIDE) ** 2
    apart = (across - points[..., :1].unsqueeze(3)) ** 2 + (down - points[..., 1:].unsqueeze(3)) ** 2
    near = torch.exp(-apart / reach)
    marks = [(near * (labels == kind).to(near.dtype)[..., None, None]).amax(dim=1, keepdim=True) for kind in (1, 0)]
    return torch.cat([edges, inside, *marks], dim=1)


class PromptDecoder(nn.Module):
    """From the map and a prompt to a mask at half of the input's side, and to the overlap it expects to have."""

    def __init__(self, width: int = WIDTH) -> None:
        """Start at random."""
        super().__init__()
        self.prompt = nn.Conv2d(FIELDS, width, 1, bias=False)
        self.features = nn.Conv2d(width, width, 1, bias=False)
        self.join = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU6(inplace=True), separable(width, width))
        self.down2 = separable(width, 96)
        self.down4 = nn.Sequential(separable(96, 128), separable(128, 128))
        self.down8 = nn.Sequential(separable(128, 160), separable(160, 160))
        self.up = nn.ModuleList([Upward(160, 128, 128), Upward(128, 96, 96), Upward(96, width, width)])
        self.head = nn.Conv2d(width, 4, 3, padding=1)
        self.overlap = nn.Linear(160, 1)

    def forward(self, features: Tensor, box: Tensor, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits (n, 1, 2h, 2h) and expected overlap (n, 1), from a map (n, WIDTH, h, h) and its prompt."""
        fields = prompt_fields(features.shape[-1], box, points, labels)
        full = self.join(self.features(features) + self.prompt(fields))
        half = self.down2(functional.avg_pool2d(full, 2))
        quarter = self.down4(functional.avg_pool2d(half, 2))
        deep = self.down8(functional.avg_pool2d(quarter, 2))
        raised = deep
        for step, beside in zip(self.up, (quarter, half, full), strict=True):
            raised = step(raised, beside)
        overlap = torch.sigmoid(self.overlap(deep.mean(dim=(2, 3))))
        return functional.pixel_shuffle(self.head(raised), 2), overlap


class EdgeEncoder(nn.Module):
    """EfficientNet-Lite with a neck: one map at a quarter of the input's side."""

    def __init__(self, trunk: str = "lite0", width: int = WIDTH) -> None:
        """Start from ImageNet weights; the neck starts at random."""
        super().__init__()
        self.trunk, self.ends = backbone(trunk), TRUNKS[trunk].ends
        self.trunk._fc = nn.Identity()  # noqa: SLF001
        beside, widths = TRUNKS[trunk].widths, (width, width, 96)
        below = (*widths[1:], beside[-1])
        self.neck = nn.ModuleList(Upward(below[step], beside[step + 1], widths[step]) for step in range(3))

    def stages(self, pictures: Tensor) -> list[Tensor]:
        """The maps of the five resolutions, from half of the side to a thirty-second."""
        trunk = self.trunk
        features = functional.relu6(trunk._bn0(trunk._conv_stem(pictures)))  # noqa: SLF001
        found = []
        for index, block in enumerate(trunk._blocks):  # noqa: SLF001
            features = block(features)
            if index in self.ends:
                found.append(features)
        return found

    def raise_up(self, stages: list[Tensor]) -> Tensor:
        """(n, WIDTH, s / 4, s / 4) from the stages."""
        features = stages[-1]
        for step in reversed(range(3)):
            features = self.neck[step](features, stages[step + 1])
        return features

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, WIDTH, s / 4, s / 4) from (n, 3, s, s) normalised RGB; s is a multiple of 32."""
        return self.raise_up(self.stages(pictures))


class Student(nn.Module):
    """Encoder, decoder and the layer for the codes, taught together: what one task learns of skin helps the other."""

    def __init__(self, codes: int = 8, dropout: float = 0.3, trunk: str = "lite0", width: int = WIDTH) -> None:
        """Start from ImageNet weights."""
        super().__init__()
        self.width = width
        self.encoder, self.decoder = EdgeEncoder(trunk, width), PromptDecoder(width)
        self.dropout, self.last = nn.Dropout(dropout), nn.Linear(1280, codes)

    def codes(self, deepest: Tensor) -> Tensor:
        """(n, 8) logits from the encoder's deepest stage."""
        trunk = self.encoder.trunk
        features = functional.relu6(trunk._bn1(trunk._conv_head(deepest))).mean(dim=(2, 3))  # noqa: SLF001
        return cast("Tensor", self.last(self.dropout(features)))

    def forward(self, pictures: Tensor, box: Tensor, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask logits (n, 1, s / 2, s / 2), expected overlap (n, 1) and logits of the codes (n, 8)."""
        stages = self.encoder.stages(pictures)
        masks, overlap = self.decoder(self.encoder.raise_up(stages), box, points, labels)
        return masks, overlap, self.codes(stages[-1])


def classifier_weights(course: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those weights of a student that a `LesionClassifier` has, under its names; a classifier's are as they are."""
    if not any(name.startswith("encoder.") for name in course):
        return course
    return {
        name.removeprefix("encoder."): value
        for name, value in course.items()
        if name.startswith(("encoder.trunk.", "last."))
    }
