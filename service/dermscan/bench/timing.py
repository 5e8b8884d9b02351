"""Times scans of several contenders in turn, so that whatever else the machine does hits them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dermscan.analysis.pipeline import Stopwatch, assess
from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.runtime import Models, Network, Role
from dermscan.bundle.loading import Bundle
from dermscan.domain import Frame
from dermscan.settings import QualitySettings

STAGES = ("quality", "roi", "segment", "features", "classify")
ROLES: tuple[Role, ...] = ("roi", "encoder", "decoder", "classifier")
TOTAL = "total"


@dataclass(slots=True)
class Contender:
    """A bundle in the benchmark, and the milliseconds that were measured.

    Attributes:
        name: How it is called in the result.
        bundle: The bundle.
        models: Its networks.
        traced: Whether a traced segmenter stands in the bundle's place.
        stages: Milliseconds of each scan by stage, and in `total`.
        networks: Milliseconds of each run of a network.
    """

    name: str
    bundle: Bundle
    models: Models
    traced: bool = False
    stages: dict[str, list[float]] = field(default_factory=dict)
    networks: dict[str, list[float]] = field(default_factory=dict)

    def scan(self, frame: Frame, *, counted: bool = True) -> None:
        """Assess one frame, and keep the times if it counts."""
        watch, runs = Stopwatch(), dict[str, list[float]]()
        begun = time.perf_counter()
        assess(frame, _timed(self.models, runs), QualitySettings(), stopwatch=watch)
        total = 1000 * (time.perf_counter() - begun)
        if not counted:
            return
        for stage, spent in {**watch.stages, TOTAL: total}.items():
            self.stages.setdefault(stage, []).append(spent)
        for role, spans in runs.items():
            self.networks.setdefault(role, []).extend(spans)


def time_scans(contenders: list[Contender], frames: list[Frame], rounds: int, report: Callable[[], None]) -> None:
    """Scan every frame with every contender in turn, so many times; one round before that does not count.

    Args:
        contenders: Take the times.
        frames: What is scanned.
        rounds: How many times.
        report: Is told after each scan.
    """
    for turn in range(rounds + 1):
        for frame in frames:
            for contender in contenders:
                contender.scan(frame, counted=turn > 0)
                report()


def shares(spans: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of each list of milliseconds."""
    return {
        name: {"p50": round(float(np.median(values)), 2), "p95": round(float(np.percentile(values, 95)), 2)}
        for name, values in spans.items()
    }


def _timed(models: Models, spans: dict[str, list[float]]) -> Models:
    def timed(role: Role) -> Network:
        network: Network = getattr(models, role)

        def run(*arrays: FloatArray) -> tuple[FloatArray, ...]:
            begun = time.perf_counter()
            said = network(*arrays)
            spans.setdefault(role, []).append(1000 * (time.perf_counter() - begun))
            return said

        return run

    return models.exchanged({role: timed(role) for role in ROLES})
