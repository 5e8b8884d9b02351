"""Reads what a process holds, again and again: memory, file descriptors, threads. It changes nothing."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process held at one moment.

    Attributes:
        at: Monotonic seconds.
        pid: Which process.
        megabytes: Resident memory, in 10^6 bytes.
        descriptors: Open files, sockets and pipes.
        threads: Its threads.
    """

    at: float
    pid: int
    megabytes: float
    descriptors: int
    threads: int


def read(pid: int) -> Sample | None:
    """Look once; None where the process is gone."""
    place = Path("/proc") / str(pid)
    try:
        lines = (place / "status").read_text(encoding="utf-8").splitlines()
        descriptors = len(list((place / "fd").iterdir()))
    except OSError:
        return None
    told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if "VmRSS" not in told:
        return None
    return Sample(time.monotonic(), pid, int(told["VmRSS"].split()[0]) * 1024 / 1e6, descriptors, int(told["Threads"]))


class Gauges:
    """Samples the processes that a function names, once a second."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids
        self.samples: list[Sample] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    def of(self, pid: int) -> list[Sample]:
        return [sample for sample in self.samples if sample.pid == pid]

    def _look(self) -> None:
        while not self._ending.wait(EVERY_S):
            self.samples += [sample for pid in self._pids() if (sample := read(pid)) is not None]
