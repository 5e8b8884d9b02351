"""The benchmark measures what it says: contenders in turn, uncounted first, every stage, and the very process."""

import importlib.util
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from dermscan.analysis.runtime import load_models
from dermscan.bench import live, measuring, pictures
from dermscan.bench.machine import matmul_peaks
from dermscan.bench.measuring import Plan, measure, planned
from dermscan.bench.memory import peak_memory
from dermscan.bench.pictures import live_frames, scan_frames
from dermscan.bench.timing import STAGES, TOTAL, Contender, shares, time_scans
from dermscan.bench.traced import with_traced_segmenter
from dermscan.bundle.loading import Bundle
from dermscan.domain import Frame
from dermscan.errors import DermscanError, InputError
from dermscan.settings import ModelSettings


@pytest.fixture(scope="module")
def contender(bundle: Bundle) -> Contender:
    return Contender("first", bundle, load_models(bundle, ModelSettings()))


@pytest.fixture
def one_picture(bundle: Bundle, tmp_path: Path) -> Path:
    """A folder with one small picture of a lesion."""
    (tmp_path / "pictures").mkdir()
    shutil.copy(bundle.path(bundle.manifest.golden[0].image), tmp_path / "pictures" / "lesion.png")
    return tmp_path / "pictures"


def test_contenders_scan_each_frame_in_turn(contender: Contender, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Frame(np.zeros((4, 4, 3), np.uint8), number, 0.0, datetime.now(UTC)) for number in range(2)]
    order: list[tuple[str, int, bool]] = []

    def note(who: Contender, frame: Frame, *, counted: bool = True) -> None:
        order.append((who.name, frame.sequence, counted))

    monkeypatch.setattr(Contender, "scan", note)
    other = Contender("second", contender.bundle, contender.models)
    steps: list[None] = []
    time_scans([contender, other], frames, 1, lambda: steps.append(None))
    one_round = [("first", 0), ("second", 0), ("first", 1), ("second", 1)]
    assert [entry[:2] for entry in order] == one_round * 2
    assert [entry[2] for entry in order] == [False] * 4 + [True] * 4
    assert len(steps) == 8


def test_every_stage_and_every_network_is_timed(contender: Contender, one_picture: Path) -> None:
    (frame,) = scan_frames(one_picture, 1)
    contender.scan(frame)
    assert set(contender.stages) == {*STAGES, TOTAL}
    assert set(contender.networks) == {"roi", "encoder", "decoder", "classifier"}
    parts = sum(contender.stages[stage][0] for stage in STAGES)
    assert 0.5 * contender.stages[TOTAL][0] < parts <= contender.stages[TOTAL][0]
    assert contender.networks["encoder"][0] < contender.stages["segment"][0]


def test_shares_are_those_of_the_field() -> None:
    assert shares({"total": [float(value) for value in range(1, 101)]}) == {"total": {"p50": 50.5, "p95": 95.05}}


def test_the_whole_is_measured_and_is_plain_json(
    bundle: Bundle, contender: Contender, one_picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live, measuring):
        monkeypatch.setattr(module, "LOOKS", 3)
    steps: list[None] = []
    held = np.ones(500_000_000, np.uint8)
    plan = Plan(
        scan_frames(one_picture, 1),
        one_picture,
        1,
        planned((contender.bundle, contender.models), ModelSettings(), [bundle.folder], None),
    )
    result: dict[str, Any] = json.loads(json.dumps(measure(plan, ModelSettings(), lambda: steps.append(None))))
    assert len(steps) == plan.steps == 1 * 2 * 2 + 3 + 2
    first, second = result["contenders"]
    assert first["bundle_hash"] == second["bundle_hash"] == bundle.manifest_hash
    operations = first["encoder"]["float32_operations"] + first["encoder"]["int8_operations"]
    assert operations == second["encoder"]["float32_operations"] + second["encoder"]["int8_operations"]
    assert operations > 1e8
    assert first["encoder"]["share_of_peak"] > 0
    assert result["live"]["frames_per_s"] > 0
    assert result["memory"]["peak_mb"] >= result["memory"]["between_mb"] > 50
    assert result["memory"]["loaded_mb"] < 300, "not what this process holds"
    assert held[-1] == 1


def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(DermscanError, match="memory"):
        peak_memory(tmp_path, 1)


def test_without_onnx_eight_bits_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    peaks = matmul_peaks(1)
    assert peaks["int8"] is None
    assert "onnx is not installed" in str(peaks["note"])


def test_pictures_of_a_folder_are_taken_evenly_by_name(tmp_path: Path) -> None:
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 60, 3), 40 * number, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    frames = scan_frames(tmp_path, 3)
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [0, 80, 160]
    assert len(scan_frames(tmp_path, 99)) == 6
    assert live_frames(frames, rendered=False)[0].pixels.shape == (1080, 1920, 3)


def test_the_phantom_is_rendered_where_no_pictures_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LIVE_FRAMES", 1)
    (frame,) = scan_frames(None, 1)
    assert frame.pixels.shape == (960, 1280, 3)
    (live_frame,) = live_frames([frame], rendered=True)
    assert live_frame.pixels.shape == (1080, 1920, 3)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        scan_frames(tmp_path, 3)


class FakeTensor:
    def __init__(self, values: Any) -> None:
        self.values = values

    def numpy(self) -> Any:
        return self.values


class FakeModule:
    """A traced module that calls the lower half of the input lesion."""

    def eval(self) -> "FakeModule":
        return self

    def __call__(self, image: FakeTensor, _box: FakeTensor) -> tuple[FakeTensor, FakeTensor]:
        logits = np.full((1, 1, 64, 64), -1.0, np.float32)
        logits[..., 32:, :] = image.values.max()
        return FakeTensor(logits), FakeTensor(np.array([[0.75]], np.float32))


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stands in for PyTorch, which the test extra does not have: what is fed and read is what is tested here."""
    torch: Any = ModuleType("torch")
    torch.__spec__ = importlib.util.spec_from_loader("torch", loader=None)

    class Jit:
        @staticmethod
        def load(path: str) -> FakeModule:
            if not path.endswith("good.pt"):
                raise RuntimeError(path)
            return FakeModule()

    class NoGradients:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            pass

    torch.jit, torch.inference_mode, torch.from_numpy = Jit, NoGradients, FakeTensor
    torch.set_num_threads = lambda _count: None
    monkeypatch.setitem(sys.modules, "torch", torch)
    module: ModuleType = torch
    return module


def test_a_traced_segmenter_stands_in_the_bundles_place(contender: Contender, fake_torch: ModuleType) -> None:
    assert fake_torch.__name__ == "torch"
    models = with_traced_segmenter(contender.models, Path("good.pt"), 2)
    image = np.full((1, 3, 256, 256), 0.5, np.float32)
    (fed,) = models.encoder(image)
    logits, overlap = models.decoder(fed, np.zeros((1, 1, 4), np.float32))
    assert fed is image
    assert logits[0, 0, 0, 0] == -1
    assert logits[0, 0, 63, 0] == 0.5
    assert overlap == pytest.approx(np.array([[0.75]]))
    with pytest.raises(InputError, match="no TorchScript"):
        with_traced_segmenter(contender.models, Path("bad.pt"), 2)


def test_without_pytorch_a_traced_segmenter_is_refused(contender: Contender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DermscanError, match="PyTorch is not installed"):
        with_traced_segmenter(contender.models, Path("good.pt"), 2)
