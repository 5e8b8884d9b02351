"""A wall clock that can be set for one process alone. The machine's own clock is never touched."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "clock.c"
DAY_S = 86_400


class WallClock:
    """Shifts what a process takes for the time of day; harmless where there is no C compiler."""

    def __init__(self, folder: Path) -> None:
        self._shift = folder / "clock-shift"
        self._library = folder / "clock.so"
        self.set(0)
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is not None:
            build = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE)]
            subprocess.run(build, check=True)

    @property
    def works(self) -> bool:
        return self._library.exists()

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        if not self.works:
            return {}
        return {"LD_PRELOAD": str(self._library), "DERMSCAN_SOAK_CLOCK": str(self._shift)}

    def set(self, seconds: int) -> None:
        """Jump; 0 is the true time."""
        mode = "r+b" if self._shift.exists() else "wb"
        with self._shift.open(mode, buffering=0) as file:
            file.write(struct.pack("=q", seconds))
