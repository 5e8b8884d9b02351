"""Runs one operation to its end. Usage: child.py MODULE OPERATION FOLDER."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main(module: str, name: str, folder: Path) -> None:
    """Run it."""
    runpy.run_path(module)["OPERATIONS"][name].run(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
