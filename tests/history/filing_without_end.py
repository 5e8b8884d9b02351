"""Files scans until it is killed, and says after each that it was filed. Usage: filing_without_end.py FOLDER [SIZE]."""

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dermscan.domain import Assessment, Frame, Provenance, Quality, RiskBand, Scan
from dermscan.history import History, MasterKey


def main(folder: Path, size: int) -> None:
    """File without end."""
    pixels = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
    frame = Frame(pixels, 0, 1.5, datetime(2026, 3, 1, tzinfo=UTC))
    nothing = Assessment(Quality(1, 1, 0, 0, 0), None, None, None, {}, None, None, RiskBand.INDETERMINATE, None)
    with History.open(folder, MasterKey(bytes(range(32)))) as history:
        while True:
            scan = Scan(str(uuid.uuid4()), frame, nothing, Provenance("b", "h", "v", "s"), "room-1")
            history.file_scan(scan)
            print(scan.scan_id, flush=True)  # noqa: T201 - its report


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 64)
