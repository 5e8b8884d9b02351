from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermscan.bundle.loading import LARGEST_MANIFEST, load_bundle
from dermscan.errors import BundleCorrupt, BundleNotFound, BundleUnsupported

Fields = dict[str, Any]
Write = Callable[[Fields], Path]


def test_a_whole_bundle_is_loaded(fields: Fields, write: Write) -> None:
    bundle = load_bundle(write(fields))
    assert bundle.manifest.name == "dermscan-9.9.9"
    assert len(bundle.manifest_hash) == 64
    assert bundle.path(bundle.manifest.roi.file).read_bytes() == b"roi"
    assert len(bundle.manifest.files) == 7


def test_the_hash_changes_with_the_manifest(fields: Fields, write: Write) -> None:
    first = load_bundle(write(fields)).manifest_hash
    fields["created"] = "2026-01-02"
    assert load_bundle(write(fields)).manifest_hash != first


def test_no_bundle_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound, match="no model bundle"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["roi.onnx", "encoder.onnx", "decoder.onnx", "classifier.onnx", "golden/skin.png"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "longer", "missing"])
def test_a_damaged_file_is_named(fields: Fields, write: Write, name: str, damage: str) -> None:
    folder = write(fields)
    content = (folder / name).read_bytes()
    altered = {
        "flipped": bytes([content[0] ^ 1]) + content[1:],
        "truncated": content[:-1],
        "longer": content + b"\0",
        "missing": None,
    }[damage]
    (folder / name).unlink() if altered is None else (folder / name).write_bytes(altered)
    with pytest.raises(BundleCorrupt, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("path", ["/etc/passwd", "../roi.onnx", "a/../../b", "..\\roi.onnx"])
def test_a_file_outside_the_bundle_is_refused(fields: Fields, write: Write, path: str) -> None:
    fields["roi"]["file"]["path"] = path
    with pytest.raises(BundleCorrupt, match="inside its folder"):
        load_bundle(write(fields))


def test_another_form_is_told_apart_from_damage(fields: Fields, write: Write) -> None:
    fields["format_version"] = 2
    with pytest.raises(BundleUnsupported, match="its form is 2"):
        load_bundle(write(fields))


def test_the_commit_of_what_trained_a_model_may_be_told(fields: Fields, write: Write) -> None:
    origin = {"role": "roi", "source": "own", "data": "phantoms", "script": "train.py", "seed": 0, "licence": "CC0-1.0"}
    fields["provenance"] = [origin, origin | {"commit": "0123456789" * 4}]
    assert [one.commit for one in load_bundle(write(fields)).manifest.provenance] == ["", "0123456789" * 4]
    fields["provenance"] = [origin | {"commit": "main"}]
    with pytest.raises(BundleCorrupt):
        load_bundle(write(fields))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"format_version": 1}', b"\xff"])
def test_what_is_no_manifest_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleCorrupt):
        load_bundle(tmp_path)


def test_an_unknown_key_is_refused(fields: Fields, write: Write) -> None:
    fields["surprise"] = 1
    with pytest.raises(BundleCorrupt, match="surprise"):
        load_bundle(write(fields))


def test_a_manifest_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b" " * (LARGEST_MANIFEST + 1))
    with pytest.raises(BundleCorrupt, match=r"manifest\.json is too long"):
        load_bundle(tmp_path)
