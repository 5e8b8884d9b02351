"""Operations are counted by the kernels' own shapes, and agree with what a hand counts."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dermscan.bench.operations import Operations, count_operations, counted


def save(path: Path, nodes: list[onnx.NodeProto], given: list[int], weights: dict[str, np.ndarray[Any, Any]]) -> Path:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def ones(*shape: int) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


def test_a_convolution_costs_its_results_times_its_kernel(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["image", "w"], ["result"], strides=[2, 2], pads=[1, 1, 1, 1])
    path = save(tmp_path / "conv.onnx", [node], [1, 3, 32, 32], {"w": ones(8, 3, 3, 3)})
    assert count_operations(path, ones(1, 3, 32, 32)) == Operations(2 * 8 * 16 * 16 * 3 * 9, 0)


def test_groups_share_the_cost(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["image", "w"], ["result"], group=16, pads=[1, 1, 1, 1])
    path = save(tmp_path / "depthwise.onnx", [node], [1, 16, 10, 10], {"w": ones(16, 1, 3, 3)})
    assert count_operations(path, ones(1, 16, 10, 10)) == Operations(2 * 16 * 100 * 9, 0)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_product_costs_rows_times_columns_times_depth(tmp_path: Path, transposed: int) -> None:
    node = helper.make_node("Gemm", ["image", "w"], ["result"], transB=transposed)
    shape = (20, 30) if not transposed else (30, 20)
    path = save(tmp_path / "gemm.onnx", [node], [5, 20], {"w": ones(*shape)})
    assert count_operations(path, ones(5, 20)) == Operations(2 * 5 * 20 * 30, 0)


def test_eight_bits_are_counted_apart(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["image"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["result"], to=TensorProto.FLOAT),
    ]
    path = save(tmp_path / "int8.onnx", nodes, [7, 16], {"w": np.ones((16, 9), np.int8)})
    assert count_operations(path, ones(7, 16)) == Operations(0, 2 * 7 * 16 * 9)


def test_a_quantised_convolution_is_found_behind_its_pairs(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "s", "wz"], ["dw"]),
        helper.make_node("Conv", ["d", "dw"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["qc"]),
        helper.make_node("DequantizeLinear", ["qc", "s", "z"], ["result"]),
    ]
    weights = {
        "s": np.float32(0.1).reshape(()),
        "z": np.uint8(128).reshape(()),
        "wz": np.int8(0).reshape(()),
        "w": np.ones((4, 3, 1, 1), np.int8),
    }
    path = save(
        tmp_path / "qdq.onnx", nodes, [1, 3, 6, 6], {name: np.asarray(value) for name, value in weights.items()}
    )
    assert count_operations(path, ones(1, 3, 6, 6)) == Operations(0, 2 * 4 * 36 * 3)


def test_what_is_no_product_costs_nothing() -> None:
    add = {"name": "add_kernel_time", "args": {"op_name": "Add", "input_type_shape": [], "output_type_shape": []}}
    assert counted([add, {"name": "session_initialization"}]) == Operations(0, 0)
