"""Measures how fast the device is and what it needs, and writes docs/measurements/performance.json.

Usage: python docs/figures/measure_performance.py [--scans 500] [--rounds 6] [--seconds 25] [--without-references]

On a quiet machine with Mosquitto; about eight minutes. The references need the extra training and OpenVINO.
"""

import argparse
import importlib.metadata
import json
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dermscan.analysis.runtime import load_models
from dermscan.bench.live import live_rate
from dermscan.bench.machine import machine, matmul_peaks
from dermscan.bench.measuring import told
from dermscan.bench.memory import peak_memory
from dermscan.bench.operations import count_operations
from dermscan.bench.pictures import live_frames, scan_frames
from dermscan.bench.timing import Contender, time_scans
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.cli.cold_start import cold_start_s
from dermscan.domain import Frame
from dermscan.settings import ModelSettings

sys.path.insert(0, str(Path(__file__).parent))
from device_runs import run_device
from scan_times import time_whole_scans

OUT = Path(__file__).parents[1] / "measurements" / "performance.json"
STARTS = 3
PICTURES = 6
SIZES = ((1280, 960), (4056, 3040))
"""Columns and rows of the cameras that the running daemon is looked at with."""

_begun = time.monotonic()


def say(text: str) -> None:
    """Print where it is."""
    print(f"{time.monotonic() - _begun:6.0f} s  {text}", flush=True)


def operations(bundle: Bundle) -> dict[str, int]:
    """Multiplications and additions of one scan, network by network."""
    manifest, rng = bundle.manifest, np.random.default_rng(0)
    sides = {"roi": manifest.roi.input_size, "encoder": manifest.segmentation.input_size}
    sides["classifier"] = manifest.classifier.input_size
    files = {"roi": manifest.roi.file, "encoder": manifest.segmentation.encoder, "classifier": manifest.classifier.file}
    counts = {}
    for role, file in files.items():
        fed = rng.random((1, 3, sides[role], sides[role]), np.float32)
        counted = count_operations(bundle.path(file), fed)
        counts[role] = counted.float32 + counted.int8
    return counts


def install_mb() -> float:
    """Megabytes of this software's run-time libraries, by the records of their installation."""
    seen, waiting, total = set(), ["dermscan"], 0
    while waiting:
        name = waiting.pop()
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if found.name in seen:
            continue
        seen.add(found.name)
        waiting += [re.split(r"[ ;<>=!~\[(]", need)[0] for need in found.requires or [] if "extra ==" not in need]
        places = [Path(str(file.locate())) for file in found.files or []]
        total += sum(place.stat().st_size for place in places if place.is_file())
    return round(total / 1e6, 1)


def contenders(bundle: Bundle, models: ModelSettings, folder: Path, *, with_references: bool) -> list[Contender]:
    """Those that scan the same pictures in turn, the bundle in service first."""
    load = partial(load_models, settings=models)
    found = [Contender(bundle.manifest.name, bundle, load(bundle))]
    if with_references:
        from references import references  # noqa: PLC0415 - needs the extra training

        found += references(folder, models.threads, load)
    return found


def interleaved(
    bundle: Bundle, models: ModelSettings, frames: list[Frame], peaks: Any, wanted: argparse.Namespace
) -> list[Any]:
    """What the bundle and the references take, scan by scan in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        found = contenders(bundle, models, Path(scratch), with_references=not wanted.without_references)
        say(f"{len(found)} contenders, {wanted.rounds + 1} rounds of {len(frames)} pictures")
        time_scans(found, frames, wanted.rounds, lambda: None)
        return [told(contender, peaks) for contender in found]


def measure(wanted: argparse.Namespace) -> dict[str, Any]:
    """Everything, in its order."""
    bundle, models = load_bundle(None), ModelSettings()
    say("the machine's best at products of matrices")
    measured: dict[str, Any] = {"machine": machine() | {"threads": models.threads}, "bundle": bundle.manifest.name}
    peaks = matmul_peaks(models.threads)
    measured["matmul_gops"] = peaks
    say(f"{wanted.scans} scans from the held-still frame to done on the bus")
    frames = scan_frames(None, PICTURES)
    measured["scans"] = time_whole_scans(load_models(bundle, models), frames, wanted.scans, say)
    say("the live loop on one core")
    measured["live"] = live_rate(bundle, models, live_frames(frames, rendered=True), lambda: None)
    for width, height in SIZES:
        say(f"the running daemon, {width} x {height}, {wanted.seconds:.0f} s")
        measured[f"daemon_{width}x{height}"] = run_device(width, height, wanted.seconds)
    say("memory of the pipeline, starts")
    measured["memory"] = peak_memory(bundle.folder, models.threads)
    starts = STARTS if importlib.util.find_spec("systemd") else 0
    measured["cold_start_s"] = [cold_start_s(models, frames[0]) for _ in range(starts)]
    measured["operations"] = operations(bundle)
    measured["install_mb"] = install_mb()
    measured["contenders"] = interleaved(bundle, models, frames, peaks, wanted)
    return measured


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--without-references", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    wanted = parser.parse_args()
    measured = measure(wanted)
    wanted.out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    say(f"written to {wanted.out}")


if __name__ == "__main__":
    main()
