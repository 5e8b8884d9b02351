"""Makes every cut of every operation, and writes docs/measurements/power-cuts.json.

Usage: prove.py SEEDS FILE [MODULE|OPERATION...]

A module (`.py`) holds a dictionary `OPERATIONS`, as `history_operations.py` does; without one, all modules here are
taken. Where operations are named, only these are proven; what the file says of others stays.
"""

import json
import runpy
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from power.cutting import Operation, prove

MODULES = [Path(__file__).with_name(name) for name in ("history_operations.py", "bundle_operations.py")]


def proven(operation: Operation, seeds: int) -> dict[str, object]:
    """Make all cuts of one operation."""
    begun = time.monotonic()
    proof = prove(operation, seeds=seeds)
    print(operation.name, proof.states, "states,", len(proof.failures), "failures", flush=True)  # noqa: T201
    return {
        "steps": proof.steps,
        "cuts": proof.cuts,
        "states": proof.states,
        "outcomes": dict(sorted(proof.outcomes.items())),
        "failures": proof.failures,
        "seconds": round(time.monotonic() - begun),
    }


def known(modules: list[Path]) -> dict[str, Operation]:
    """The operations of the modules by their names."""
    return {name: made for module in modules for name, made in runpy.run_path(str(module))["OPERATIONS"].items()}


def main(seeds: int, out: Path, words: list[str]) -> None:
    """Prove and write; the command fails where a proof does."""
    operations = known([Path(word) for word in words if word.endswith(".py")] or MODULES)
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    cuts = found.setdefault("cuts", {})
    for name in [word for word in words if not word.endswith(".py")] or operations:
        cuts[name] = proven(operations[name], seeds)
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.exit(any(proof["failures"] for proof in cuts.values()))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
