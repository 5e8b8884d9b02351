"""What the analysis tests share: rendered lesions, a bundle of tiny real networks, and the shipped bundle."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.loading import SHIPPED_NAME, Bundle, load_bundle
from dermscan.domain import DiagnosisCode, Frame, RgbImage
from dermscan.settings import ModelSettings

CHECKOUT = Path(__file__).parents[2]
SIDE = 64
SKIN, LESION = (214, 170, 150), (70, 40, 30)

MakeFrame = Callable[..., Frame]
Render = Callable[..., RgbImage]


@pytest.fixture(scope="session")
def make_frame() -> MakeFrame:
    """Wraps pixels into a frame."""

    def make(pixels: NDArray[Any], at: float = 0.0, mm_per_pixel: float | None = None) -> Frame:
        clipped = np.clip(pixels, 0, 255).astype(np.uint8)
        return Frame(clipped, sequence=0, monotonic_s=at, taken_at=datetime.now(UTC), mm_per_pixel=mm_per_pixel)

    return make


@pytest.fixture(scope="session")
def render() -> Render:
    """Renders textured skin with one dark elliptic lesion; axes of None leave the skin bare."""

    def render_lesion(
        height: int = 240,
        width: int = 320,
        center: tuple[float, float] = (0.5, 0.5),
        axes: tuple[float, float] | None = (0.2, 0.25),
        seed: int = 0,
    ) -> RgbImage:
        rng = np.random.default_rng(seed)
        grain = cv2.resize(rng.normal(0, 14, (height // 2, width // 2)), (width, height))
        picture = np.empty((height, width, 3), np.float64)
        picture[:] = SKIN
        if axes is not None:
            place = (round(center[0] * width), round(center[1] * height))
            size = (round(axes[0] * width), round(axes[1] * height))
            cv2.ellipse(picture, place, size, 0, 0, 360, LESION, cv2.FILLED, cv2.LINE_AA)
        return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)

    return render_lesion


def save_network(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    constants: dict[str, NDArray[Any]],
) -> None:
    """Write a small ONNX model of float32 tensors."""
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def darkness_nodes(result: str) -> list[onnx.NodeProto]:
    """Logits that are positive where the mean of the channels is below 0.5."""
    return [
        helper.make_node("ReduceMean", ["picture"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["half", "grey"], ["darkness"]),
        helper.make_node("Mul", ["darkness", "steep"], [result]),
    ]


def save_tiny_networks(folder: Path) -> None:
    """Networks that call lesion what is dark, and whose classifier knows the three mean channels only."""
    picture = {"picture": [1, 3, SIDE, SIDE]}
    scalars = {"half": np.array([0.5], np.float32), "steep": np.array([20.0], np.float32)}
    save_network(folder / "roi.onnx", darkness_nodes("heat"), picture, {"heat": [1, 1, SIDE, SIDE]}, scalars)
    identity = [helper.make_node("Identity", ["picture"], ["embedding"])]
    save_network(folder / "encoder.onnx", identity, picture, {"embedding": [1, 3, SIDE, SIDE]}, {})
    decoder = [
        *darkness_nodes("logits"),
        helper.make_node("ReduceMean", ["box"], ["edge"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["edge"], ["mean_edge"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean_edge", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "certain"], ["overlap"]),
    ]
    constants = {**scalars, "nothing": np.array([0.0], np.float32), "certain": np.array([0.9], np.float32)}
    outputs = {"logits": [1, 1, SIDE, SIDE], "overlap": [1, 1]}
    save_network(folder / "decoder.onnx", decoder, {**picture, "box": [1, 1, 4]}, outputs, constants)
    weights = np.random.default_rng(3).normal(0, 1, (3, 8)).astype(np.float32)
    classifier = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["channels"]),
        helper.make_node("MatMul", ["channels", "weights"], ["logits"]),
    ]
    save_network(folder / "classifier.onnx", classifier, picture, {"logits": [1, 8]}, {"weights": weights})


def describe(folder: Path, name: str) -> dict[str, object]:
    """A file as the manifest names it."""
    content = (folder / name).read_bytes()
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@pytest.fixture(scope="session", name="describe")
def describe_file() -> Callable[[Path, str], dict[str, object]]:
    """Describes a file as the manifest names it."""
    return describe


def save_random_segmenter(folder: Path, side: int, stride: int, middle: float, points: int) -> None:
    """An encoder and a decoder of the shapes of a family, with random weights that tell what is darker than `middle`.

    The decoder that takes points gives as its overlap how many slots hold a lesion point, half of that for skin.
    """
    random, places = np.random.default_rng(side), side // stride
    weights = -np.abs(random.normal(0, 1, (6, 3, stride, stride))).astype(np.float32) / (3 * stride**2)
    image, features = {"image": [1, 3, side, side]}, {"features": [1, 6, places, places]}
    bias = -middle * weights.sum(axis=(1, 2, 3))
    save_network(
        folder / "encoder.onnx",
        [helper.make_node("Conv", ["image", "weights", "bias"], ["features"], strides=[stride, stride])],
        image,
        features,
        {"weights": weights, "bias": bias},
    )
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["darkness"], axes=[1], keepdims=1),
        helper.make_node("Resize", ["darkness", "", "scales"], ["fine"], mode="linear"),
        helper.make_node("Mul", ["fine", "steep"], ["mask_logits"]),
    ]
    inputs, outputs = {**features, "box": [1, 1, 4]}, {"mask_logits": [1, 1, 2 * places, 2 * places], "overlap": [1, 1]}
    scales = np.array([1, 1, 2, 2], np.float32)
    if points:
        inputs |= {"points": [1, points, 2], "labels": [1, points]}
        told = [
            helper.make_node("ReduceMean", ["labels"], ["mean"], axes=[1], keepdims=1),
            helper.make_node("Add", ["mean", "one"], ["raised"]),
            helper.make_node("Mul", ["raised", "half"], ["overlap"]),
        ]
    else:
        told = [
            helper.make_node("ReduceMean", ["box"], ["edges"], axes=[1, 2], keepdims=0),
            helper.make_node("Reshape", ["edges", "shape"], ["mean"]),
            helper.make_node("Div", ["mean", "side"], ["overlap"]),
        ]
    numbers = {"steep": 40.0, "one": 1.0, "half": 0.5, "side": float(side)}
    constants: dict[str, NDArray[Any]] = {name: np.array([value], np.float32) for name, value in numbers.items()}
    constants |= {"scales": scales, "shape": np.array([1, 1], np.int64)}
    save_network(folder / "decoder.onnx", [*nodes, *told], inputs, outputs, constants)


@pytest.fixture
def make_family(tmp_path: Path) -> Callable[..., Bundle]:
    """Makes a bundle of a family of segmenters with random weights; the other networks are the tiny ones."""

    def make(family: str, side: int, stride: int, normalisation: object = "minmax", *, points: int = 0) -> Bundle:
        folder = tmp_path / f"{family}-{side}"
        folder.mkdir()
        save_tiny_networks(folder)
        save_random_segmenter(folder, side, stride, 0.5 if normalisation == "minmax" else 0.0, points)
        write_manifest(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["segmentation"] |= {"family": family, "input_size": side, "normalisation": normalisation}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return load_bundle(folder)

    return make


def write_manifest(folder: Path) -> None:
    """A manifest that fits the files as they are."""
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    manifest = {
        "format_version": 1,
        "name": "tiny-0.0.1",
        "created": "2026-01-01",
        "roi": {
            "file": describe(folder, "roi.onnx"),
            "input_size": SIDE,
            "normalisation": plain,
            "threshold": 0.5,
            "min_score": 0.6,
            "min_share": 0.002,
        },
        "segmentation": {
            "family": "medsam-lite",
            "encoder": describe(folder, "encoder.onnx"),
            "decoder": describe(folder, "decoder.onnx"),
            "input_size": SIDE,
            "normalisation": "minmax",
            "context": 2.0,
            "box_margin": 0.05,
        },
        "classifier": {
            "file": describe(folder, "classifier.onnx"),
            "input_size": SIDE,
            "context": 1.5,
            "normalisation": plain,
            "labels": [code.value for code in DiagnosisCode],
            "temperature": 1.5,
            "moderate_from": 20.0,
            "high_from": 60.0,
            "min_confidence": 0.1,
            "max_energy": 10.0,
        },
        "golden": [],
        "provenance": [],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    """Folder of a bundle of tiny networks; a test may damage it."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_tiny_networks(folder)
    write_manifest(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of tiny networks that call lesion what is dark."""
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_networks(folder)
    write_manifest(folder)
    return load_bundle(folder)


@pytest.fixture(scope="session")
def tiny_models(tiny_bundle: Bundle) -> Models:
    return load_models(tiny_bundle, ModelSettings())


@pytest.fixture(scope="session")
def shipped_models() -> Models:
    """The networks that ship, or those of $DERMSCAN_BUNDLE; absent only before they are committed."""
    folder = Path(os.environ.get("DERMSCAN_BUNDLE", CHECKOUT / "models" / SHIPPED_NAME))
    listed = subprocess.run(["git", "ls-files", str(folder)], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if not (folder / "manifest.json").exists() and not listed.stdout:
        pytest.skip(f"models/{SHIPPED_NAME} is not part of this checkout yet")
    return load_models(load_bundle(folder), ModelSettings())
