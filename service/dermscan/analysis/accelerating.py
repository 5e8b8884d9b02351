"""An accelerator must prove itself before it is trusted with a patient: on golden inputs it must say what the CPU says.

Published half-precision engines of networks of this kind are wrong without an error being raised, so that what a
provider promises counts for nothing. Each network is compared by itself on what it is fed for the golden pictures, and
the whole pipeline is then put to the golden self-test as it will run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, get_args

import numpy as np
import onnxruntime as ort

from dermscan.analysis.pipeline import assess
from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.runtime import Models, Network, Role, load_models, open_network
from dermscan.analysis.sessions import CPU, Arrays, OrtNetwork, Placement
from dermscan.bundle.golden import golden_frames, golden_results
from dermscan.bundle.loading import Bundle
from dermscan.bundle.manifest import Manifest
from dermscan.domain import Assessment, Frame
from dermscan.errors import AnalysisFailed, BundleError, SettingsError
from dermscan.settings import ModelSettings, QualitySettings

MOST_DIFFERENCE = 0.02
"""Greatest difference of an output from the CPU's, as a share of the greatest magnitude in the CPU's output."""

ROLES: tuple[Role, ...] = get_args(Role)
_Samples: TypeAlias = dict[Role, list[tuple[Arrays, Arrays]]]
"""What each network was fed on the CPU, and what it said."""


@dataclass(frozen=True, slots=True)
class Distrust:
    """An accelerator that was not trusted with a network.

    Attributes:
        provider: ONNX Runtime's name of it.
        network: What the network is for.
        problem: Why, in a few words.
    """

    provider: str
    network: Role
    problem: str

    def __str__(self) -> str:
        return f"{self.provider} is not trusted with the {self.network}: {self.problem}"


@dataclass(frozen=True, slots=True)
class ProvenModels:
    """Networks that run where it was proved that they run rightly.

    Attributes:
        models: The networks.
        placements: Where those run that do not run on the CPU.
        distrusted: Accelerators that were asked for and failed their proof.
    """

    models: Models
    placements: Mapping[Role, Placement] = field(default_factory=dict)
    distrusted: tuple[Distrust, ...] = ()


def load_proven_models(bundle: Bundle, settings: ModelSettings) -> ProvenModels:
    """Open a bundle's networks on the providers of the settings, as far as these prove themselves.

    Args:
        bundle: A bundle whose files were verified.
        settings: Threads and providers, best first.

    Raises:
        SettingsError: A provider is not part of the ONNX Runtime that is installed.
        BundleCorrupt: A file is no ONNX model that ONNX Runtime can read.
        BundleUnsupported: A network takes or gives something else than the manifest's form says.
    """
    _require_installed(settings.providers)
    models = load_models(bundle, settings)
    wanted = {role: _wanted(bundle.manifest, role, settings.providers) for role in ROLES}
    if not any(wanted.values()):
        return ProvenModels(models)
    samples = _recorded(bundle, models)
    proven: dict[Role, tuple[Placement, OrtNetwork]] = {}
    doubts: list[Distrust] = []
    for role, places in wanted.items():
        for placement in places:
            found = _proven(bundle, role, placement, samples[role], settings)
            if isinstance(found, OrtNetwork):
                proven[role] = placement, found
                break
            doubts.append(Distrust(placement.provider, role, found))
    accelerated = models.exchanged({role: network for role, (_, network) in proven.items()})
    if proven and not _passes(bundle, accelerated):
        problem = "the golden self-test fails with it"
        doubts += [Distrust(placement.provider, role, problem) for role, (placement, _) in proven.items()]
        return ProvenModels(models, {}, tuple(doubts))
    return ProvenModels(accelerated, {role: placement for role, (placement, _) in proven.items()}, tuple(doubts))


def _require_installed(wanted: tuple[str, ...]) -> None:
    available = ort.get_available_providers()
    for provider in wanted:
        if provider not in available:
            known = ", ".join(available)
            raise SettingsError(problem=f"models.providers: {provider} is not installed; there are {known}")


def _wanted(manifest: Manifest, role: Role, providers: tuple[str, ...]) -> list[Placement]:
    """Where a network shall run rather than on the CPU, best first: what the settings ask for and the bundle allows."""
    better = providers[: providers.index(CPU)] if CPU in providers else providers
    rules = {rule.provider: rule for rule in manifest.accelerators}
    return [
        Placement(provider, half=provider in rules and rules[provider].half)
        for provider in better
        if provider not in rules or role in rules[provider].networks
    ]


def _recorded(bundle: Bundle, models: Models) -> _Samples:
    """Run the golden pictures on the CPU, and keep what every network was fed and said."""
    samples: _Samples = {role: [] for role in ROLES}

    def listening(role: Role) -> Network:
        network: Network = getattr(models, role)

        def run(*arrays: FloatArray) -> Arrays:
            samples[role].append((arrays, said := network(*arrays)))
            return said

        return run

    listened = models.exchanged({role: listening(role) for role in ROLES})
    for frame in golden_frames(bundle):
        assess(frame, listened, QualitySettings())
    return samples


def _proven(
    bundle: Bundle, role: Role, placement: Placement, samples: list[tuple[Arrays, Arrays]], settings: ModelSettings
) -> OrtNetwork | str:
    """The network on an accelerator, or why it is not trusted there."""
    if not samples:
        return "the bundle has no golden case for it"
    try:
        network = open_network(bundle, role, settings, placement)
        if network.provider != placement.provider:
            return "it does not start"
        if not all(_agree(network(*fed), said) for fed, said in samples):
            return "it says something else than the CPU"
    except (BundleError, AnalysisFailed) as error:
        return str(error)
    return network


def _agree(found: Arrays, expected: Arrays) -> bool:
    return all(_near(one, other) for one, other in zip(found, expected, strict=True))


def _near(found: FloatArray, expected: FloatArray) -> bool:
    """Whether two outputs are the same within `MOST_DIFFERENCE`; what is not finite never is."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    limit = MOST_DIFFERENCE * max(float(np.abs(expected).max()), 1e-6)
    return float(np.abs(found - expected).max()) <= limit


def _passes(bundle: Bundle, models: Models) -> bool:
    def run(frame: Frame) -> Assessment:
        return assess(frame, models, QualitySettings())

    try:
        return all(result.passed for result in golden_results(bundle, run))
    except AnalysisFailed:
        return False
