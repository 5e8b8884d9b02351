"""The whole benchmark but the service's start: contenders in turn, the live loop, memory, the machine's best."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermscan.analysis.runtime import Models, load_models
from dermscan.bench.live import LOOKS, live_rate
from dermscan.bench.machine import machine, matmul_peaks
from dermscan.bench.memory import peak_memory
from dermscan.bench.operations import count_operations
from dermscan.bench.pictures import live_frames
from dermscan.bench.timing import Contender, shares, time_scans
from dermscan.bench.traced import with_traced_segmenter
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.domain import Frame
from dermscan.settings import ModelSettings

Result = dict[str, object]
Report = Callable[[], None]

SINGLE_STEPS = 2
"""Steps of the progress besides scans and looks: peaks, memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often.

    Attributes:
        frames: What is scanned.
        pictures: Where they come from; None for the rendered phantom.
        rounds: How often each is scanned by each contender.
        contenders: The bundle in service first.
    """

    frames: list[Frame]
    pictures: Path | None
    rounds: int
    contenders: list[Contender]

    @property
    def steps(self) -> int:
        """How often `measure` reports."""
        return len(self.frames) * len(self.contenders) * (self.rounds + 1) + LOOKS + SINGLE_STEPS


def planned(
    in_service: tuple[Bundle, Models], settings: ModelSettings, against: list[Path], traced: Path | None
) -> list[Contender]:
    """Load the contenders.

    Args:
        in_service: The bundle in service, and its models as they run.
        settings: Threads of the others, which run on the processor.
        against: Folders of other bundles; no signature is asked for, since nothing of theirs is filed.
        traced: A TorchScript segmenter, fed as the last bundle's is.

    Raises:
        BundleError: A bundle is unusable.
        InputError: The traced segmenter is unusable.
    """
    others = [load_bundle(folder) for folder in against]
    loaded = [in_service, *((bundle, load_models(bundle, settings)) for bundle in others)]
    contenders = [Contender(bundle.manifest.name, bundle, models) for bundle, models in loaded]
    if traced is not None:
        last = contenders[-1]
        models = with_traced_segmenter(last.models, traced, settings.threads)
        contenders.append(Contender(f"{last.name}, traced PyTorch", last.bundle, models, traced=True))
    return contenders


def measure(plan: Plan, settings: ModelSettings, report: Report) -> Result:
    """Measure everything.

    Args:
        plan: What, and how often.
        settings: How the bundle in service is run.
        report: Is told after each step.
    """
    first = plan.contenders[0]
    what = machine() | {"threads": settings.threads}
    peaks = matmul_peaks(settings.threads)
    report()
    time_scans(plan.contenders, plan.frames, plan.rounds, report)
    live = live_rate(first.bundle, settings, live_frames(plan.frames, rendered=plan.pictures is None), report)
    memory = peak_memory(first.bundle.folder, settings.threads)
    report()
    return {
        "machine": what,
        "pictures": "rendered phantom" if plan.pictures is None else "pictures",
        "frames": len(plan.frames),
        "rounds": plan.rounds,
        "matmul_gops": peaks,
        "contenders": [told(contender, peaks) for contender in plan.contenders],
        "live": live,
        "memory": memory,
    }


def told(contender: Contender, peaks: Result) -> Result:
    """What is said of one contender once it has scanned; `peaks` are the machine's best rates of `matmul_peaks`."""
    manifest = contender.bundle.manifest
    parts = manifest.segmentation.encoder, manifest.segmentation.decoder
    # A traced segmenter is one piece: what stands in the encoder's place only hands the picture on
    whole = {"encoder", "decoder"} if contender.traced else set()
    networks = {role: spans for role, spans in contender.networks.items() if role not in whole}
    return {
        "name": contender.name,
        "bundle_hash": contender.bundle.manifest_hash,
        "family": manifest.segmentation.family,
        "segmenter_mb": round(sum(file.bytes for file in parts) / 1e6, 2),
        "bundle_mb": round(sum(file.bytes for file in manifest.files) / 1e6, 2),
        "stages_ms": shares(contender.stages),
        "networks_ms": shares(networks),
        "encoder": None if contender.traced else _encoder(contender, peaks),
    }


def _encoder(contender: Contender, peaks: Result) -> Result:
    """The encoder's operations, and the share of the machine's best rate at which it does them."""
    model = contender.bundle.manifest.segmentation
    side = model.input_size
    counted = count_operations(contender.bundle.path(model.encoder), np.zeros((1, 3, side, side), np.float32))
    spent_s = float(np.median(contender.networks["encoder"])) / 1000
    least_s = _seconds(counted.float32, peaks["float32"]) + _seconds(counted.int8, peaks["int8"] or peaks["float32"])
    return {
        "float32_operations": counted.float32,
        "int8_operations": counted.int8,
        "gops": round((counted.float32 + counted.int8) / spent_s / 1e9, 1),
        "share_of_peak": round(least_s / spent_s, 3),
    }


def _seconds(operations: int, rate: object) -> float:
    return operations / (float(str(rate)) * 1e9)
