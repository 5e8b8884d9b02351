"""An accelerator is believed only after it said on golden inputs what the CPU says.

The accelerators here are fakes: they are put underneath, in the place of ONNX Runtime's own session, compute on the CPU
and then do what a broken one would. The processor's own provider is the only one that ONNX Runtime has here.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from pydantic import ValidationError

from dermscan.analysis import accelerating
from dermscan.analysis.accelerating import load_proven_models
from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import load_models
from dermscan.analysis.sessions import CPU, CUDA, TENSORRT, XNNPACK
from dermscan.bundle.golden import golden_frames
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.errors import AnalysisFailed, SettingsError
from dermscan.settings import ModelSettings, QualitySettings

RealSession = ort.InferenceSession
Answer = Callable[[list[Any]], list[Any]]


class FakeAccelerator:
    """ONNX Runtime's session for a provider that is not there: right, wrong, silent, failing, or not starting."""

    opened: list[tuple[str, str, dict[str, str]]]

    def __init__(self, answer: Answer, *, starts: bool = True, only: str = "") -> None:
        self.answer, self.starts, self.only = answer, starts, only
        self.opened = []

    def __call__(self, path: Path, options: ort.SessionOptions, providers: list[tuple[str, dict[str, str]]]) -> Any:
        name, settings = providers[0]
        real = RealSession(path, options, providers=[CPU])
        if name == CPU:
            return real
        self.opened.append((path.name, name, settings))
        return FakeSession(real, name if self.starts else CPU, self.answer if self.only in path.name else list)


class FakeSession:
    def __init__(self, real: Any, provider: str, answer: Answer) -> None:
        self._real, self._provider, self._answer = real, provider, answer

    def get_providers(self) -> list[str]:
        return [self._provider, CPU]

    def get_inputs(self) -> Any:
        return self._real.get_inputs()

    def get_outputs(self) -> Any:
        return self._real.get_outputs()

    def run(self, *arguments: Any) -> list[Any]:
        return self._answer(self._real.run(*arguments))


def right(results: list[Any]) -> list[Any]:
    return [result + np.float32(1e-4) for result in results]


def scaled(results: list[Any]) -> list[Any]:
    return [result * np.float32(1.2) for result in results]


def negated(results: list[Any]) -> list[Any]:
    return [-result for result in results]


def overflowing(results: list[Any]) -> list[Any]:
    return [np.where(result == result.max(), np.float32(np.inf), result) for result in results]


def not_a_number(results: list[Any]) -> list[Any]:
    return [np.full_like(result, np.nan) for result in results]


def misshapen(results: list[Any]) -> list[Any]:
    return [result[..., :-1] for result in results]


def failing(results: list[Any]) -> list[Any]:
    raise ort_errors.EPFail(str(results))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeAccelerator], FakeAccelerator]:
    """Puts a fake underneath."""

    def put(fake: FakeAccelerator) -> FakeAccelerator:
        monkeypatch.setattr(ort, "InferenceSession", fake)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [TENSORRT, CUDA, XNNPACK, CPU])
        return fake

    return put


Install = Callable[[FakeAccelerator], FakeAccelerator]


@pytest.fixture
def golden_bundle(tiny_folder: Path, render: Callable[..., Any], describe: Callable[..., Any]) -> Bundle:
    """The bundle of tiny networks with a golden case whose results are those of the CPU."""
    (tiny_folder / "golden").mkdir()
    cv2.imwrite(str(tiny_folder / "golden/lesion.png"), render()[..., ::-1])
    manifest = json.loads((tiny_folder / "manifest.json").read_text(encoding="utf-8"))
    image = describe(tiny_folder, "golden/lesion.png")
    case = {"image": image, "mask": None, "min_dice": 0.9, "probabilities": [], "tolerance": 0.05}
    (tiny_folder / "manifest.json").write_text(json.dumps(manifest | {"golden": [case]}), encoding="utf-8")
    bundle = load_bundle(tiny_folder)
    (frame,) = golden_frames(bundle)
    said = assess(frame, load_models(bundle, ModelSettings()), QualitySettings())
    assert said.mask is not None
    cv2.imwrite(str(tiny_folder / "golden/mask.png"), said.mask.pixels.astype(np.uint8) * 255)
    case |= {"mask": describe(tiny_folder, "golden/mask.png"), "probabilities": list(said.probabilities.values())}
    (tiny_folder / "manifest.json").write_text(json.dumps(manifest | {"golden": [case]}), encoding="utf-8")
    return load_bundle(tiny_folder)


def allowing(bundle: Bundle, *rules: dict[str, Any]) -> Bundle:
    """The bundle with rules for accelerators."""
    manifest = json.loads((bundle.folder / "manifest.json").read_text(encoding="utf-8"))
    (bundle.folder / "manifest.json").write_text(json.dumps(manifest | {"accelerators": rules}), encoding="utf-8")
    return load_bundle(bundle.folder)


def wanting(*providers: str) -> ModelSettings:
    return ModelSettings.model_validate({"providers": providers})


def test_the_processor_alone_needs_no_proof(tiny_bundle: Bundle) -> None:
    proven = load_proven_models(tiny_bundle, ModelSettings())
    assert proven.placements == {}
    assert proven.distrusted == ()


def test_one_that_says_what_the_processor_says_is_trusted(golden_bundle: Bundle, install: Install) -> None:
    fake = install(FakeAccelerator(right))
    proven = load_proven_models(golden_bundle, wanting(CUDA, CPU))
    assert {role: place.provider for role, place in proven.placements.items()} == dict.fromkeys(
        accelerating.ROLES, CUDA
    )
    assert proven.distrusted == ()
    (frame,) = golden_frames(golden_bundle)
    assert assess(frame, proven.models, QualitySettings()).mask is not None
    assert {name for name, _, _ in fake.opened} == {"roi.onnx", "encoder.onnx", "decoder.onnx", "classifier.onnx"}


@pytest.mark.parametrize("answer", [scaled, negated, overflowing, not_a_number, misshapen, failing])
def test_one_that_says_anything_else_is_not(golden_bundle: Bundle, install: Install, answer: Answer) -> None:
    install(FakeAccelerator(answer))
    proven = load_proven_models(golden_bundle, wanting(TENSORRT, CPU))
    assert proven.placements == {}
    assert [doubt.network for doubt in proven.distrusted] == list(accelerating.ROLES)
    assert str(proven.distrusted[0]).startswith("TensorrtExecutionProvider is not trusted with the roi: ")
    (frame,) = golden_frames(golden_bundle)
    assert assess(frame, proven.models, QualitySettings()).mask is not None


def test_it_is_trusted_network_by_network(golden_bundle: Bundle, install: Install) -> None:
    install(FakeAccelerator(scaled, only="encoder"))
    proven = load_proven_models(golden_bundle, wanting(CUDA, CPU))
    assert set(proven.placements) == {"roi", "decoder", "classifier"}
    assert [(doubt.network, doubt.problem) for doubt in proven.distrusted] == [
        ("encoder", "it says something else than the CPU")
    ]


def test_the_next_one_is_asked(golden_bundle: Bundle, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(FakeAccelerator(right))
    answers = {TENSORRT: not_a_number, CUDA: right}

    def open_session(path: Path, options: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
        fake.answer = answers.get(providers[0][0], right)
        return fake(path, options, providers)

    monkeypatch.setattr(ort, "InferenceSession", open_session)
    proven = load_proven_models(golden_bundle, wanting(TENSORRT, CUDA, CPU))
    assert {place.provider for place in proven.placements.values()} == {CUDA}
    assert {doubt.provider for doubt in proven.distrusted} == {TENSORRT}


def test_one_that_does_not_start_is_told(golden_bundle: Bundle, install: Install) -> None:
    install(FakeAccelerator(right, starts=False))
    proven = load_proven_models(golden_bundle, wanting(XNNPACK))
    assert proven.placements == {}
    assert {doubt.problem for doubt in proven.distrusted} == {"it does not start"}


def test_without_golden_cases_nothing_can_be_proved(tiny_bundle: Bundle, install: Install) -> None:
    install(FakeAccelerator(right))
    proven = load_proven_models(tiny_bundle, wanting(CUDA))
    assert proven.placements == {}
    assert len(proven.distrusted) == 4


def test_the_pipeline_as_a_whole_must_pass_too(
    golden_bundle: Bundle, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(FakeAccelerator(negated))
    monkeypatch.setattr(accelerating, "MOST_DIFFERENCE", 10.0)
    proven = load_proven_models(golden_bundle, wanting(CUDA))
    assert proven.placements == {}
    assert {doubt.problem for doubt in proven.distrusted} == {"the golden self-test fails with it"}


def test_the_bundle_says_how_far_an_accelerator_may_go(golden_bundle: Bundle, install: Install) -> None:
    fake = install(FakeAccelerator(right))
    bundle = allowing(golden_bundle, {"provider": TENSORRT, "networks": ["encoder"], "half": True})
    proven = load_proven_models(bundle, wanting(TENSORRT, CUDA, CPU))
    assert {role: place.provider for role, place in proven.placements.items()} == {
        "roi": CUDA,
        "encoder": TENSORRT,
        "decoder": CUDA,
        "classifier": CUDA,
    }
    options = {(name, provider): given for name, provider, given in fake.opened}
    assert options["encoder.onnx", TENSORRT]["trt_fp16_enable"] == "1"
    assert options["roi.onnx", CUDA]["use_tf32"] == "0"


def test_xnnpack_brings_its_own_threads(golden_bundle: Bundle, install: Install) -> None:
    fake = install(FakeAccelerator(right))
    load_proven_models(golden_bundle, wanting(XNNPACK))
    assert fake.opened[0][2] == {"intra_op_num_threads": "2"}


def test_a_provider_that_is_not_installed_is_named_together_with_those_there_are(tiny_bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match=r"models.providers: CUDAExecutionProvider .* CPUExecutionProvider"):
        load_proven_models(tiny_bundle, wanting(CUDA, CPU))


def test_a_provider_that_speaks_to_a_network_cannot_be_chosen() -> None:
    with pytest.raises(ValidationError):
        wanting("AzureExecutionProvider")


def test_an_accelerator_that_fails_later_is_a_failed_analysis(
    golden_bundle: Bundle, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(FakeAccelerator(right))
    models = load_proven_models(golden_bundle, wanting(CUDA)).models
    monkeypatch.setattr(FakeSession, "run", lambda _self, *arguments: failing(list(arguments)))
    (frame,) = golden_frames(golden_bundle)
    with pytest.raises(AnalysisFailed):
        assess(frame, models, QualitySettings())


def test_every_provider_that_is_installed_proves_itself_or_is_told(golden_bundle: Bundle) -> None:
    installed = [name for name in ort.get_available_providers() if name in {CPU, XNNPACK, CUDA, TENSORRT}]
    proven = load_proven_models(golden_bundle, wanting(*installed))
    trusted = {place.provider for place in proven.placements.values()}
    assert trusted | {doubt.provider for doubt in proven.distrusted} == set(installed) - {CPU}
