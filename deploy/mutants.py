"""Changes one room's code in small ways, one at a time, and tells which changes its tests do not notice.

Usage: deploy/mutants ROOM [--processes N]      ROOM: vault, audit, bus, evolution, risk
Works on a copy in build/mutants, by mutmut, which leaves code outside of functions alone.
Ends with 1 where less than 85 % are noticed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
LEAST = 0.85
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder of its own in it
NOTICED = ("killed", "timeout", "suspicious", "segfault")


@dataclass(frozen=True)
class Room:
    """What is changed, and which tests must notice."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "vault": Room(
        ("history/vault.py", "history/keyring.py"),
        ("tests/history/test_vault.py", "tests/history/test_keyring.py", "tests/history/test_rotation.py"),
    ),
    "audit": Room(
        ("history/audit.py", "history/audit_check.py", "history/audit_mark.py"),
        ("tests/history/test_audit.py",),
    ),
    "bus": Room(
        ("bus/events.py", "bus/topics.py", "bus/intake.py"),
        ("tests/bus/test_vocabulary.py", "tests/bus/test_commands.py"),
    ),
    "evolution": Room(("history/evolution/rules.py",), ("tests/history/evolution/test_rules.py",)),
    "risk": Room(("analysis/classification.py",), ("tests/analysis/test_classification.py",)),
}


def stage(name: str, room: Room) -> Path:
    """A copy of what mutmut needs, in the form that it knows: the package in `src`."""
    place = CHECKOUT / "build" / "mutants" / name
    shutil.rmtree(place, ignore_errors=True)
    left_out = shutil.ignore_patterns("node_modules", "__pycache__", "fuzz")
    shutil.copytree(CHECKOUT / "service" / "dermscan", place / "src" / "dermscan", ignore=left_out)
    shutil.copytree(CHECKOUT / "tests", place / "tests", ignore=left_out)
    shutil.copytree(CHECKOUT / "docs", place / "docs", ignore=shutil.ignore_patterns("*.png", "*.webp", "*.gif"))
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(project + configuration(room), encoding="utf-8")
    return place


def configuration(room: Room) -> str:
    """What mutmut is told."""
    values = {
        "source_paths": ["src"],
        "only_mutate": [f"src/dermscan/{module}" for module in room.modules],
        "also_copy": ["tests", "docs"],
        "pytest_add_cli_args": ["-q", "-x", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": list(room.tests),
    }
    return "\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def results(place: Path, environment: dict[str, str]) -> dict[str, list[str]]:
    """The changes by what became of them."""
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    said = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        change, _, fate = line.strip().rpartition(": ")
        if change:
            found.setdefault(fate, []).append(change)
    return found


def main() -> None:
    """Change, test and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    place = stage(asked.room, ROOMS[asked.room])
    environment = {**os.environ, "DERMSCAN_BUNDLE": str(next((CHECKOUT / "models").glob("dermscan-*")))}
    if IN_MEMORY.is_dir():
        # Each change makes histories anew, and most of the time would go into waiting for the disk
        environment.setdefault("TMPDIR", str(IN_MEMORY))
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(asked.processes)]
    subprocess.run(command, cwd=place, env=environment, check=False)
    found = results(place, environment)
    noticed = sum(len(found.get(fate, ())) for fate in NOTICED)
    judged = noticed + len(found.get("survived", ())) + len(found.get("no tests", ()))
    for fate in ("survived", "no tests"):
        for change in found.get(fate, ()):
            sys.stdout.write(f"{fate}: {change}\n")
    sys.stdout.write(f"{asked.room}: {noticed} of {judged} noticed ({noticed / max(judged, 1):.1%})\n")
    sys.stdout.write(f"a change is shown by: cd {place} && {sys.executable} -m mutmut show CHANGE\n")
    sys.exit(noticed < LEAST * judged or not judged)


if __name__ == "__main__":
    main()
