"""Lets atheris look for what breaks one harness; it runs until its time is over or something has come out.

Usage: python tests/fuzz/run.py HARNESS SECONDS FOLDER
The folder keeps what was found to take new ways, and the input that broke the harness.
"""

import importlib
import sys
from pathlib import Path

import atheris


def main(name: str, seconds: str, folder: Path) -> None:
    """Begin with the harness's own seeds."""
    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["dermscan", "tarfile", "tomllib", "zipfile"]):
        harness = importlib.import_module(name)
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(harness.SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=20000",
        "-timeout=30",
        "-rss_limit_mb=3000",
        "-print_final_stats=1",
    ]
    atheris.Setup([name, *options, f"-artifact_prefix={folder}/{name}-", str(corpus)], harness.fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
