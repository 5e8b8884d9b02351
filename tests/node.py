"""Other people's programs, by Node.js: what `deploy/test` installs beside the tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "bus" / "npm"
CHECKOUT = Path(__file__).parents[1]
CONTRACT = CHECKOUT / "docs" / "bus"


def node(script: str, *arguments: str | Path) -> list[str]:
    """The command that runs one of the scripts."""
    program = shutil.which("node")
    if program is None or not (FOLDER / "node_modules").is_dir():
        pytest.fail("Node.js or its packages are missing: run ./deploy/test once")
    return [program, str(FOLDER / script), *map(str, arguments)]


def read_by_node(script: str, *arguments: str | Path, given: object = None) -> Any:
    """What a script answers, read as JSON."""
    done = subprocess.run(
        node(script, *arguments),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
