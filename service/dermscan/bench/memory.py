"""Peak memory of the whole pipeline, in a process of its own: `python -m dermscan.bench.memory` is run for it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import load_models
from dermscan.bundle.loading import load_bundle
from dermscan.capture.phantom import PhantomScene, render_phantom
from dermscan.domain import Frame
from dermscan.errors import DermscanError
from dermscan.settings import ModelSettings, QualitySettings

SCANS = 2


def peak_memory(folder: Path, threads: int) -> dict[str, object]:
    """Scan the phantom in a fresh process.

    Args:
        folder: The bundle.
        threads: Threads of an inference.

    Returns:
        Megabytes (10^6 bytes) of memory at their greatest, after loading, and after the scans.

    Raises:
        DermscanError: The process failed.
    """
    command = [sys.executable, "-m", "dermscan.bench.memory", str(folder), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        raise DermscanError(problem="the process whose memory is measured failed")
    measured: dict[str, object] = json.loads(done.stdout)
    return measured


def main(folder: Path, threads: int) -> None:
    """Scan, and print what the kernel counted."""
    models = load_models(load_bundle(folder), ModelSettings(threads=threads))
    loaded = _megabytes("VmRSS")
    pixels, _ = render_phantom(PhantomScene())
    for _ in range(SCANS):
        assess(Frame(pixels, 0, 0.0, datetime.now(UTC)), models, QualitySettings())
    print(json.dumps({"peak_mb": _megabytes("VmHWM"), "loaded_mb": loaded, "between_mb": _megabytes("VmRSS")}))  # noqa: T201 - its answer


def _megabytes(key: str) -> float:
    """A figure of the kernel about this process, in 10^6 bytes."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return round(int(value.split()[0]) * 1024 / 1e6, 1)
    return 0.0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
