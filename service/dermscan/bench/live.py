"""How many frames a second the live loop looks at, quality gate and detector, on one core."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import cv2
import numpy as np

from dermscan.analysis.framing import Framing
from dermscan.analysis.roi import find_roi
from dermscan.analysis.runtime import load_models
from dermscan.bundle.loading import Bundle
from dermscan.domain import Frame
from dermscan.settings import ModelSettings, QualitySettings, ScanSettings

LOOKS = 90


def live_rate(bundle: Bundle, settings: ModelSettings, frames: list[Frame], report: Callable[[], None]) -> object:
    """Look at `LOOKS` frames one after the other with a single thread on a single core.

    Args:
        bundle: The bundle.
        settings: How it is run; its threads are not taken.
        frames: Frames of the camera's size, used over and over.
        report: Is told after each frame.

    Returns:
        Frames a second, and the milliseconds of a frame at p50 and p95.
    """
    spans: list[float] = []
    with _one_core():
        models = load_models(bundle, settings.model_copy(update={"threads": 1}))
        framing = Framing(partial(find_roi, models=models), QualitySettings(), ScanSettings())
        for index in range(-len(frames), LOOKS):
            begun = time.perf_counter()
            framing.look(frames[index % len(frames)])
            if index >= 0:
                spans.append(1000 * (time.perf_counter() - begun))
                report()
    p50, p95 = (round(float(np.percentile(spans, share)), 2) for share in (50, 95))
    height, width = frames[0].pixels.shape[:2]
    rate = round(1000 * len(spans) / sum(spans), 1)
    return {"width": width, "height": height, "cores": 1, "frames_per_s": rate, "p50_ms": p50, "p95_ms": p95}


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread, and those it starts, on one core, and OpenCV to one thread."""
    before, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, {max(before)})
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        os.sched_setaffinity(0, before)
