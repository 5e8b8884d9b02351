"""Reads until it is killed and says how many scans it saw. Usage: reading_without_end.py FOLDER."""

import sys
from pathlib import Path

from dermscan.history import History, MasterKey


def main(folder: Path) -> None:
    """Read without end."""
    with History.open(folder, MasterKey(bytes(range(32))), read_only=True) as history:
        while True:
            scans = history.latest(5)
            for summary in scans:
                history.load(summary.scan_id)
                history.timeline(summary.lesion_id)
            print(history.count(), flush=True)  # noqa: T201 - its report


if __name__ == "__main__":
    main(Path(sys.argv[1]))
