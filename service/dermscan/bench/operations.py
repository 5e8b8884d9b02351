"""Counts a network's multiplications and additions, as ONNX Runtime runs it, by the kernels' own shapes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime as ort

from dermscan.analysis.preparation import FloatArray

CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Place of the weights (m, c / groups, height, width) among a convolution's inputs."""
PRODUCTS = {"MatMul": 1, "FusedMatMul": 1, "Gemm": 1, "MatMulInteger": 1, "MatMulIntegerToFloat": 1}
PRODUCTS |= {"DynamicQuantizeMatMul": 1, "QLinearMatMul": 3, "QGemm": 3}
"""Place of the second matrix among a product's inputs."""
EIGHT_BITS = frozenset(
    {"ConvInteger", "QLinearConv", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"}
    | {"QLinearMatMul", "QGemm"}
)


@dataclass(frozen=True, slots=True)
class Operations:
    """Multiplications and additions of one run of a network; what is no product of matrices counts as nothing.

    Attributes:
        float32: Those in float32.
        int8: Those in eight bits.
    """

    float32: int
    int8: int


def count_operations(path: Path, fed: FloatArray) -> Operations:
    """Run a network once under ONNX Runtime's profiler, and count.

    Args:
        path: The ONNX file, of one input.
        fed: What goes in.
    """
    with TemporaryDirectory() as folder:
        return counted(_profiled(path, fed, Path(folder)))


def counted(events: Iterable[dict[str, Any]]) -> Operations:
    """Count the operations of a profile's kernels."""
    counts = {True: 0, False: 0}
    for event in events:
        arguments = event.get("args", {})
        name = arguments.get("op_name", "")
        if event.get("name", "").endswith("_kernel_time") and (name in CONVOLUTIONS or name in PRODUCTS):
            counts[name in EIGHT_BITS] += 2 * _multiplications(name, arguments)
    return Operations(counts[False], counts[True])


def _multiplications(name: str, arguments: dict[str, Any]) -> int:
    """The number of results, times the products that are summed for each."""
    inputs, results = _shapes(arguments["input_type_shape"]), _shapes(arguments["output_type_shape"])
    if name in CONVOLUTIONS:
        return prod(results[0]) * prod(inputs[CONVOLUTIONS[name]][1:])
    # Either order of a transposed matrix: its elements without the columns of the result
    return prod(results[0]) * (prod(inputs[PRODUCTS[name]][-2:]) // results[0][-1])


def _shapes(entries: list[dict[str, list[int]]]) -> list[list[int]]:
    return [shape for entry in entries for shape in entry.values()]


def _profiled(path: Path, fed: FloatArray, folder: Path) -> list[dict[str, Any]]:
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.log_severity_level = 4
    # Layouts of the fastest kernels would turn the shapes' axes about
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Weights that are packed beforehand are no inputs any more, and their shapes are not told
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    session.run(None, {session.get_inputs()[0].name: fed.astype(np.float32, copy=False)})
    events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return events
