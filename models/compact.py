"""Makes ONNX files smaller: weights are stored in fewer bits and widened when they are loaded.

ONNX Runtime folds the widening into constants once, so that all arithmetic stays float32. What is also computed in
fewer bits is made by `with_int8_products`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

SMALLEST = 1024
"""Tensors of fewer numbers stay as they are: there is nothing to save, and small ones are the delicate ones."""

FloatArray: TypeAlias = NDArray[np.float32]
Stored: TypeAlias = tuple[list[TensorProto], list[NodeProto]]


def as_half(tensor: TensorProto) -> Stored:
    """The tensor as float16, and the cast that widens it."""
    half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}_half")
    return [half], [helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT)]


def as_int8(tensor: TensorProto) -> Stored:
    """The tensor as int8 with one scale for each channel, and what widens it."""
    values = numpy_helper.to_array(tensor)
    scale = min((_scale(values, axis) for axis in range(values.ndim)), key=lambda scale: _error(values, scale))
    steps = numpy_helper.from_array(np.round(values / scale).astype(np.int8), f"{tensor.name}_int8")
    scales = numpy_helper.from_array(scale, f"{tensor.name}_scale")
    widened = f"{tensor.name}_steps"
    cast = helper.make_node("Cast", [steps.name], [widened], to=TensorProto.FLOAT)
    return [steps, scales], [cast, helper.make_node("Mul", [widened, scales.name], [tensor.name])]


def _scale(values: FloatArray, axis: int) -> FloatArray:
    """What one step of int8 stands for, a channel of this axis each."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    return np.asarray(np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / 127, np.float32)


def _error(values: FloatArray, scale: FloatArray) -> float:
    return float(np.square(np.round(values / scale) * scale - values).sum())


def stored(model: ModelProto, how: Callable[[TensorProto], Stored]) -> ModelProto:
    """Store every large float32 tensor of a model as told; matrices of fewer than two axes stay float16."""
    kept: list[TensorProto] = []
    first: list[NodeProto] = []
    for tensor in _tensors(model):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            kept.append(tensor)
            continue
        tensors, nodes = (how if len(tensor.dims) > 1 else as_half)(tensor)
        kept += tensors
        first += nodes
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(first + nodes)
    onnx.checker.check_model(model)
    return model


def _tensors(model: ModelProto) -> list[TensorProto]:
    """All weights of a model, those in `Constant` nodes among them."""
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    values = [numpy_helper.to_array(node.attribute[0].t) for node in constants]
    named = zip(values, constants, strict=True)
    return [*model.graph.initializer, *(numpy_helper.from_array(value, node.output[0]) for value, node in named)]


def matrices_as_int8(tensor: TensorProto) -> Stored:
    """Matrices as int8, everything else (convolutions, attention biases), which is more delicate, as float16."""
    return as_int8(tensor) if len(tensor.dims) == 2 else as_half(tensor)


def with_int8_products(source: Path, target: Path, spared: tuple[str, ...] = ()) -> None:
    """Compute large MatMul and Gemm in int8, a scale for each output channel, and store all weights in fewer bits.

    Args:
        source: The float32 model.
        target: The file to write.
        spared: Parts of the names of nodes that are computed in float32 because of the spread of what they are fed.
    """
    model = onnx.load(source)
    small = {tensor.name for tensor in _tensors(model) if np.prod(tensor.dims) < SMALLEST}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    kept = [n.name for n in products if small.intersection(n.input) or any(part in n.name for part in spared)]
    quantize_dynamic(
        model,
        target,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=kept,
    )
    onnx.save(stored(onnx.load(target), matrices_as_int8), target)
