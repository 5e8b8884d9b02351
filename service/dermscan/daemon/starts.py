"""Counts the service's starts across its deaths, and tells when it must stay in safe mode instead of dying again.

Times are seconds since the machine's start, so that a clock that jumps changes nothing. It never opens the history.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from dermscan.errors import OutputError
from dermscan.history.durable import replace_file

NAME = "starts"
"""The file beside the history; whoever deletes it ends safe mode."""

LOOPS = ((5, 60.0), (8, 1800.0))
"""So many starts within so many seconds are a crash loop: one that dies at once, and one that dies by the watchdog."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LONGEST = 4096

_log = logging.getLogger(__name__)


class Record(BaseModel):
    """What is kept of the starts.

    Attributes:
        boot_id: The kernel's name of the machine's start that the times belong to.
        starts: Times of the starts that have not ended in order, in seconds since the machine's start.
        safe_mode: Whether safe mode was entered and not left yet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    boot_id: str = ""
    starts: tuple[FiniteFloat, ...] = Field((), max_length=64)
    safe_mode: bool = False

    def with_start(self, boot_id: str, seconds: float) -> "Record":
        """The record with one start more; what is too old for any loop falls out."""
        oldest = seconds - max(span for _, span in LOOPS)
        kept = [start for start in self.starts if oldest <= start <= seconds] if boot_id == self.boot_id else []
        starts = (*kept, seconds)[-max(count for count, _ in LOOPS) :]
        return Record(boot_id=boot_id, starts=starts, safe_mode=self.safe_mode or _is_loop(starts))


class Starts:
    """The starts of the service whose history lies in a folder."""

    def __init__(self, folder: Path, clock: Callable[[], float] | None = None, boot_id: Path = BOOT_ID) -> None:
        """Read nothing yet.

        Args:
            folder: The history's folder.
            clock: Seconds since the machine's start, sleep included; None for the kernel's.
            boot_id: File with the kernel's name of this start of the machine.
        """
        self._path = folder / NAME
        self._clock = clock or (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        self._boot_id = boot_id

    @property
    def record(self) -> Record:
        """What is kept now; an unreadable record is an empty one."""
        try:
            with self._path.open("rb") as file:
                return Record.model_validate_json(file.read(LONGEST))
        except (OSError, ValidationError):
            return Record()

    @property
    def safe_mode(self) -> bool:
        """Whether the service must not work."""
        return self.record.safe_mode

    def note(self) -> bool:
        """Count a start that begins now; whether it must stay in safe mode."""
        record = self.record.with_start(_boot_id(self._boot_id), self._clock())
        self._keep(record)
        return record.safe_mode

    def end_in_order(self) -> None:
        """Forget the starts, the last of which was ended by somebody's will; safe mode stays what it is."""
        self._keep(Record(safe_mode=self.safe_mode))

    def clear(self) -> bool:
        """Leave safe mode and forget the starts; whether there was anything to leave.

        Raises:
            OutputError: The record cannot be deleted.
        """
        was_safe = self.safe_mode
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(target=self._path, problem=error.strerror) from None
        return was_safe

    def _keep(self, record: Record) -> None:
        if not self._path.parent.is_dir():
            return  # before the very first start there is nothing that could have died
        try:
            replace_file(self._path, record.model_dump_json().encode())
        except OSError as error:
            _log.warning("The starts cannot be counted: %s", error.strerror)


def _is_loop(starts: tuple[float, ...]) -> bool:
    return any(len(starts) >= count and starts[-1] - starts[-count] <= span for count, span in LOOPS)


def _boot_id(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
