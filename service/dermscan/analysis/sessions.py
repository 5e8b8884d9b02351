"""One network on ONNX Runtime, on the provider it is placed on. Nothing here knows what the numbers mean.

Every session runs its operators one after another, so that the same input gives the same output on the same device, and
without spinning threads, so that a board between two frames is idle and cool.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from dermscan.analysis.preparation import FloatArray
from dermscan.errors import AnalysisFailed, BundleCorrupt, BundleUnsupported
from dermscan.settings import ModelSettings

Arrays: TypeAlias = tuple[FloatArray, ...]

CPU = "CPUExecutionProvider"
XNNPACK = "XnnpackExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"

_SILENT = 4
_UNREADABLE = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_UNRUNNABLE = (ort_errors.Fail, ort_errors.EPFail, ort_errors.RuntimeException, MemoryError)
"""What memory or an accelerator that fails in the midst of the work brings; a wrong input is a defect and stays one."""
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a network runs.

    Attributes:
        provider: ONNX Runtime's name of the execution provider. What it cannot do is done on the CPU.
        half: Whether it may compute in float16.
    """

    provider: str = CPU
    half: bool = False


class OrtNetwork:
    """A network as a callable: its inputs in the order of the ONNX file, its outputs in that order, float32."""

    def __init__(self, path: Path, settings: ModelSettings, placement: Placement, *, release: bool = False) -> None:
        """Open a session.

        Args:
            path: The ONNX file.
            settings: Threads, and where an accelerator may keep what it compiles.
            placement: Where it runs.
            release: Whether the processor's memory is given back after each run.

        Raises:
            BundleCorrupt: The file is no ONNX model that ONNX Runtime can read on that provider.
            BundleUnsupported: It takes arrays of a kind that no model of a bundle has.
        """
        self._name = path.name
        try:
            self._session = ort.InferenceSession(
                path, _session_options(settings.threads, placement), providers=_providers(settings, placement)
            )
        except _UNREADABLE:
            raise BundleCorrupt(problem=f"{path.name} is no model that can be read") from None
        inputs = self._session.get_inputs()
        self.inputs: dict[str, tuple[Any, ...]] = {entry.name: tuple(entry.shape) for entry in inputs}
        self.output_count = len(self._session.get_outputs())
        self._types = [_TYPES.get(entry.type) for entry in inputs]
        if None in self._types:
            raise BundleUnsupported(problem=f"{path.name} takes numbers of a kind that is not fed")
        self._how = _run_options(release=release)

    @property
    def provider(self) -> str:
        """The provider that the session was given in the end: ONNX Runtime leaves out one that does not start."""
        return str(self._session.get_providers()[0])

    def __call__(self, *arrays: NDArray[Any]) -> Arrays:
        """Run the network.

        Raises:
            AnalysisFailed: Memory or the accelerator fails.
        """
        typed = (array.astype(kind, copy=False) for array, kind in zip(arrays, self._types, strict=True))
        try:
            results = self._session.run(None, dict(zip(self.inputs, typed, strict=True)), self._how)
        except _UNRUNNABLE:
            raise AnalysisFailed(problem=f"{self._name} could not be run on a picture") from None
        return cast("Arrays", tuple(results))


def _providers(settings: ModelSettings, placement: Placement) -> list[tuple[str, dict[str, str]]]:
    """The provider with its options, best first, and the CPU for what it cannot do."""
    if placement.provider == CPU:
        return [(CPU, {})]
    return [(placement.provider, _provider_options(settings, placement)), (CPU, {})]


def _provider_options(settings: ModelSettings, placement: Placement) -> dict[str, str]:
    switch = "1" if placement.half else "0"
    options: dict[str, dict[str, str]] = {
        XNNPACK: {"intra_op_num_threads": str(settings.threads)},
        CUDA: {"use_tf32": switch},
        TENSORRT: {
            "trt_fp16_enable": switch,
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(settings.store / ".engines"),
        },
    }
    return options.get(placement.provider, {})


def _session_options(threads: int, placement: Placement) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # XNNPACK brings threads of its own; ONNX Runtime's would stand in their way
    options.intra_op_num_threads = 1 if placement.provider == XNNPACK else threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _run_options(*, release: bool) -> ort.RunOptions:
    options = ort.RunOptions()
    options.log_severity_level = _SILENT
    if release:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
