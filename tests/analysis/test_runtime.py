"""Sessions are opened from a bundle, or refused in one sentence."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.errors import AnalysisFailed, BundleCorrupt, BundleUnsupported
from dermscan.settings import ModelSettings


def picture(side: int = 64) -> np.ndarray:
    return np.random.default_rng(1).random((1, 3, side, side), np.float32)


def test_each_network_gives_what_the_manifest_says(tiny_models: Models) -> None:
    (heat,) = tiny_models.roi(picture())
    (embedding,) = tiny_models.encoder(picture())
    logits, overlap = tiny_models.decoder(embedding, np.zeros((1, 1, 4), np.float32))
    (classes,) = tiny_models.classifier(picture())
    assert heat.shape == logits.shape == (1, 1, 64, 64)
    assert overlap == pytest.approx(np.array([[0.9]]))
    assert classes.shape == (1, 8)
    assert heat == pytest.approx(20 * (0.5 - picture().mean(axis=1, keepdims=True)), abs=1e-4)


def test_the_same_input_gives_the_same_output_to_the_last_bit(tiny_models: Models) -> None:
    assert np.array_equal(tiny_models.classifier(picture())[0], tiny_models.classifier(picture())[0])


def test_sessions_of_other_thread_counts_agree(tiny_bundle: Bundle) -> None:
    one, four = (load_models(tiny_bundle, ModelSettings(threads=threads)) for threads in (1, 4))
    assert one.roi(picture())[0] == pytest.approx(four.roi(picture())[0], abs=1e-5)


def damage_empty(file: Path) -> None:
    file.write_bytes(b"")


def damage_text(file: Path) -> None:
    file.write_text("this is no model", encoding="utf-8")


def damage_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def damage_gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [damage_empty, damage_text, damage_half, damage_gone])
@pytest.mark.parametrize("name", ["roi.onnx", "encoder.onnx", "decoder.onnx", "classifier.onnx"])
def test_a_model_that_cannot_be_read_is_a_corrupt_bundle(
    tiny_folder: Path, damage: object, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = load_bundle(tiny_folder)
    assert callable(damage)
    damage(tiny_folder / name)
    with pytest.raises(BundleCorrupt, match=name) as caught:
        load_models(bundle, ModelSettings())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_network_with_other_inputs_is_unsupported(tiny_folder: Path) -> None:
    bundle = load_bundle(tiny_folder)
    (tiny_folder / "decoder.onnx").write_bytes((tiny_folder / "encoder.onnx").read_bytes())
    with pytest.raises(BundleUnsupported, match=r"decoder.onnx does not take 2 or 4 and give 2"):
        load_models(bundle, ModelSettings())


def test_a_classifier_of_other_codes_is_unsupported(tiny_bundle: Bundle) -> None:
    classifier = tiny_bundle.manifest.classifier.model_copy(update={"labels": ("MEL", "NV")})
    manifest = tiny_bundle.manifest.model_copy(update={"classifier": classifier})
    with pytest.raises(BundleUnsupported, match="eight codes"):
        load_models(Bundle(tiny_bundle.folder, manifest, "0"), ModelSettings())


def test_a_network_that_fails_in_the_midst_of_the_work_is_an_error_of_ours(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an accelerator is lost or no memory is left."""

    class Exhausted(ort.InferenceSession):  # type: ignore[misc]
        def run(self, *_arguments: object) -> object:
            raise ort_errors.RuntimeException

    monkeypatch.setattr(ort, "InferenceSession", Exhausted)
    with pytest.raises(AnalysisFailed, match=r"roi\.onnx could not be run"):
        load_models(tiny_bundle, ModelSettings()).roi(picture())
