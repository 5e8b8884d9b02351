"""Writes docs/measurements/kernels.json: where the time of the shipped encoder goes, kind of kernel by kind.

python docs/figures/measure_kernels.py

The machine's best at products of matrices is measured in the same run, so that the share of it can be told.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from dermscan.bench.machine import machine, matmul_peaks
from dermscan.bundle.loading import load_bundle
from dermscan.settings import ModelSettings

REPORT = Path(__file__).parents[1] / "measurements" / "kernels.json"
RUNS = 60


@dataclass(frozen=True, slots=True)
class Convolution:
    """What a convolution's weights tell.

    Attributes:
        kind: `pointwise`, `depthwise` or `dense`.
        products: Multiplications for each number that it gives.
    """

    kind: str
    products: int


def convolutions(path: Path) -> dict[str, Convolution]:
    """The network's convolutions by the name of their node."""
    graph = onnx.load(path).graph
    stored = {one.name: numpy_helper.to_array(one).shape for one in graph.initializer}
    # The weights of an eight-bit network come out of a node that makes floats of them
    stored |= {node.output[0]: stored[node.input[0]] for node in graph.node if node.input and node.input[0] in stored}
    return {node.name: described(stored[node.input[1]]) for node in graph.node if node.op_type == "Conv"}


def described(weights: tuple[int, ...]) -> Convolution:
    """A convolution of weights (m, c / groups, height, width); here every group is of one channel or there is one."""
    _, channels, height, width = weights
    kind = "pointwise" if height * width == 1 else "depthwise" if channels == 1 else "dense"
    return Convolution(kind, channels * height * width)


def profile(path: Path, threads: int, folder: Path) -> list[dict[str, Any]]:
    """ONNX Runtime's profile of `RUNS` runs, as a device runs the network."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    picture = np.random.default_rng(0).normal(size=given.shape).astype(np.float32)
    for _ in range(RUNS):
        session.run(None, {given.name: picture})
    events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return [event for event in events if event["name"].endswith("_kernel_time")]


def by_kind(events: Iterable[dict[str, Any]], known: dict[str, Convolution]) -> dict[str, dict[str, float]]:
    """Milliseconds a run and operations, in millions, of each kind; the greatest first."""
    spent: dict[str, list[float]] = {}
    for event in events:
        name, operator = event["name"].removesuffix("_kernel_time").split("_token_")[0], event["args"]["op_name"]
        one = known.get(name) if "Conv" in operator else None
        (shape,) = event["args"]["output_type_shape"][0].values()
        kind, products = (one.kind, one.products) if one else (operator, 0)
        sums = spent.setdefault(kind, [0.0, 0.0])
        sums[0] += event["dur"] / 1000 / RUNS
        sums[1] += 2 * products * float(np.prod(shape)) / 1e6 / RUNS
    ordered = sorted(spent.items(), key=lambda item: -item[1][0])
    return {kind: {"ms": round(ms, 3), "million_operations": round(count, 1)} for kind, (ms, count) in ordered}


def main() -> None:
    """Measure and write."""
    bundle, threads = load_bundle(None), ModelSettings().threads
    encoder = bundle.folder / bundle.manifest.segmentation.encoder.path
    with TemporaryDirectory() as folder:
        events = profile(encoder, threads, Path(folder))
    told = {
        "machine": machine() | {"threads": threads},
        "bundle": bundle.manifest.name,
        "matmul_gops": matmul_peaks(threads),
        "kinds": by_kind(events, convolutions(encoder)),
    }
    REPORT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
