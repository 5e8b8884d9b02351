"""Lets a traced PyTorch segmenter stand in a bundle's place, so that both are timed by the same pipeline."""

import importlib.util
from pathlib import Path

import numpy as np

from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.runtime import Models
from dermscan.errors import DermscanError, InputError


def with_traced_segmenter(models: Models, file: Path, threads: int) -> Models:
    """Exchange the segmenter for a TorchScript file.

    Args:
        models: A bundle whose segmenter is fed as the traced one is.
        file: A traced module of image (1, 3, s, s) and box (1, 1, 4), both float32, that gives mask logits and
            overlap as a bundle's decoder does.
        threads: Threads of PyTorch.

    Raises:
        InputError: It cannot be read.
        DermscanError: PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise DermscanError(problem="PyTorch is not installed; a traced segmenter needs the extra training")
    import torch  # noqa: PLC0415 - of the training extra

    torch.set_num_threads(threads)
    try:
        network = torch.jit.load(str(file)).eval()
    except (RuntimeError, ValueError, OSError):
        raise InputError(source=file, problem="it is no TorchScript file") from None

    def encode(image: FloatArray) -> tuple[FloatArray, ...]:
        return (image,)

    def decode(image: FloatArray, box: FloatArray) -> tuple[FloatArray, ...]:
        with torch.inference_mode():
            said = network(torch.from_numpy(image), torch.from_numpy(box))
        return tuple(np.asarray(part.numpy(), np.float32) for part in said)

    return models.exchanged({"encoder": encode, "decoder": decode})
