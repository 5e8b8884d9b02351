"""What the machine can do at best: its rate at products of large matrices, in float32 and in eight bits."""

import importlib.util
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime as ort

SIDE = 1024
"""Rows and columns of the matrices: large enough for the kernels' best, small enough for a board's caches."""
REPEATS = 20


def machine() -> dict[str, object]:
    """What was measured on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "onnxruntime": ort.__version__,
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def matmul_peaks(threads: int) -> dict[str, object]:
    """Billions of multiplications and additions a second that the best kernel here reaches.

    Float32 is measured with NumPy and, where the package `onnx` is there to describe the product, with ONNX Runtime,
    and the better one counts. Eight bits need `onnx`; without it they are left out, and the note says so.

    Args:
        threads: Threads of ONNX Runtime; NumPy takes as many as its library was built to take.
    """
    random = np.random.default_rng(0)
    one, other = (random.normal(size=(SIDE, SIDE)).astype(np.float32) for _ in range(2))
    by_numpy = _rate(lambda: one @ other)
    if importlib.util.find_spec("onnx") is None:
        note = "the package onnx is not installed: eight bits were not measured"
        return {"float32": by_numpy, "int8": None, "note": note}
    by_runtime, eight_bits = (_runtime_rate(kind, threads) for kind in ("float32", "int8"))
    note = f"float32 by NumPy {by_numpy}, by ONNX Runtime {by_runtime}; int8 by ONNX Runtime's MatMulInteger"
    return {"float32": max(by_numpy, by_runtime), "int8": eight_bits, "note": note}


def _rate(product: Callable[[], object]) -> float:
    """Billions of operations a second of the fastest of `REPEATS` products."""
    product()
    spans = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        product()
        spans.append(time.perf_counter() - begun)
    return round(2 * SIDE**3 / min(spans) / 1e9, 1)


def _runtime_rate(kind: str, threads: int) -> float:
    random = np.random.default_rng(0)
    arrays: tuple[np.ndarray[Any, Any], ...]
    if kind == "int8":
        arrays = random.integers(0, 255, (SIDE, SIDE), np.uint8), random.integers(-127, 127, (SIDE, SIDE), np.int8)
    else:
        arrays = tuple(random.normal(size=(SIDE, SIDE)).astype(np.float32) for _ in range(2))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    with TemporaryDirectory() as folder:
        path = Path(folder) / "product.onnx"
        _save_product(path, arrays)
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return _rate(lambda: session.run(None, {"one": arrays[0]}))


def _save_product(path: Path, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
    """Write a model that multiplies its input by a constant matrix, as networks do."""
    import onnx  # noqa: PLC0415 - of the training and test extras; absent on a device
    from onnx import helper  # noqa: PLC0415

    kinds = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in arrays]
    whole = kinds[0] != onnx.TensorProto.FLOAT
    name, result = ("MatMulInteger", onnx.TensorProto.INT32) if whole else ("MatMul", onnx.TensorProto.FLOAT)
    graph = helper.make_graph(
        [helper.make_node(name, ["one", "other"], ["product"])],
        "product",
        [helper.make_tensor_value_info("one", kinds[0], [SIDE, SIDE])],
        [helper.make_tensor_value_info("product", result, [SIDE, SIDE])],
        [onnx.numpy_helper.from_array(arrays[1], "other")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(("model name", "model\t"))]
    return named[-1] if named else platform.processor()
