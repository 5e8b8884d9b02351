import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dermscan.bundle.signing import TrustedKey, fingerprint_of

Fields = dict[str, Any]
MakeBundle = Callable[..., Path]
MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def described(folder: Path, name: str, content: bytes) -> Fields:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture
def fields(tmp_path: Path) -> Fields:
    """A whole manifest over files in tmp_path: a golden picture with a mask, and one without a lesion."""
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 2:6] = 255
    normal = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    return {
        "format_version": 1,
        "name": "dermscan-9.9.9",
        "created": "2026-01-01",
        "roi": {
            "file": described(tmp_path, "roi.onnx", b"roi"),
            "input_size": 64,
            "normalisation": normal,
            "threshold": 0.5,
            "min_score": 0.5,
            "min_share": 0.001,
        },
        "segmentation": {
            "family": "medsam-lite",
            "encoder": described(tmp_path, "encoder.onnx", b"encoder"),
            "decoder": described(tmp_path, "decoder.onnx", b"decoder"),
            "input_size": 256,
            "normalisation": "minmax",
            "context": None,
            "box_margin": 0.0,
        },
        "classifier": {
            "file": described(tmp_path, "classifier.onnx", b"classifier"),
            "input_size": 64,
            "context": 1.5,
            "normalisation": normal,
            "labels": ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"],
            "temperature": 1.0,
            "moderate_from": 10.0,
            "high_from": 50.0,
            "min_confidence": 0.3,
            "max_energy": 0.0,
        },
        "golden": [
            {
                "image": described(tmp_path, "golden/lesion.png", png(np.full((6, 8, 3), 90, np.uint8))),
                "mask": described(tmp_path, "golden/lesion-mask.png", png(mask)),
                "min_dice": 0.98,
                "probabilities": [0.3, 0.7, 0, 0, 0, 0, 0, 0],
                "tolerance": 0.02,
            },
            {
                "image": described(tmp_path, "golden/skin.png", png(np.full((6, 8, 3), 200, np.uint8))),
                "mask": None,
                "min_dice": 0.98,
                "probabilities": [],
                "tolerance": 0.02,
            },
        ],
        "provenance": [],
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Fields], Path]:
    """Write a manifest and give its folder."""

    def write_manifest(content: Fields) -> Path:
        (tmp_path / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
        return tmp_path

    return write_manifest


def trusted(name: str, key: Ed25519PrivateKey) -> TrustedKey:
    return TrustedKey(name, fingerprint_of(key.public_key()), key.public_key())


@pytest.fixture(scope="session")
def keys() -> tuple[TrustedKey, ...]:
    """The key of the bundles' maker."""
    return (trusted("maker", MAKER),)


@pytest.fixture
def make_bundle(tmp_path: Path, fields: Fields) -> MakeBundle:
    """Makes a signed bundle of a name in a folder of that name; `content` makes its classifier another one."""

    def make(
        name: str = "dermscan-1.0.0", content: bytes = b"classifier", key: Ed25519PrivateKey | None = MAKER
    ) -> Path:
        folder = tmp_path / "made" / name
        (folder / "golden").mkdir(parents=True)
        manifest = {**fields, "name": name}
        for entry in every_file(fields):
            (folder / entry["path"]).write_bytes((tmp_path / entry["path"]).read_bytes())
        described_file = described(folder, "classifier.onnx", content)
        manifest["classifier"] = {**fields["classifier"], "file": described_file}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        if key is not None:
            (folder / "manifest.json.sig").write_bytes(key.sign((folder / "manifest.json").read_bytes()))
        return folder

    return make


def every_file(fields: Fields) -> list[Fields]:
    """Every entry of a manifest that names a file."""
    models = [fields["roi"]["file"], fields["segmentation"]["encoder"], fields["segmentation"]["decoder"]]
    golden = [case[kind] for case in fields["golden"] for kind in ("image", "mask") if case[kind] is not None]
    return [*models, fields["classifier"]["file"], *golden]
