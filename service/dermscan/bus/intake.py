"""Judges what comes in on the command topics; lets nothing through that is not small, live, well-formed and rare."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from pydantic import ValidationError

from dermscan.bus.events import COMMAND_MAX_BYTES, Command, CommandRefusal, CommandScan

BURST = 5
"""Commands of a kind that may come at once."""

RATE_HZ = 1.0
"""Commands of a kind a second in the long run."""

REMEMBERED_TICKETS = 64


class Allowance:
    """How many commands of one kind may come: a bucket of tokens that fills again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin full."""
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_at = clock()

    def spend(self) -> bool:
        """Take a token; whether there was one."""
        now = self._clock()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE_HZ)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class CommandIntake:
    """Judges commands and counts the refused ones. Safe from any thread; a refusal costs microseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # Each kind its own: a flood of orders must not keep anybody from breaking one off
        self._allowances = defaultdict[type[Command], Allowance](lambda: Allowance(clock))
        self._tickets: deque[str] = deque(maxlen=REMEMBERED_TICKETS)
        self._lock = threading.Lock()
        self._refused = 0

    @property
    def refused(self) -> int:
        """Commands refused since the process started."""
        with self._lock:
            return self._refused

    def refuse(self) -> None:
        """Count a command that was refused elsewhere."""
        with self._lock:
            self._refused += 1

    def judge(
        self, kind: type[Command], payload: bytes, *, retained: bool, redelivered: bool
    ) -> Command | CommandRefusal:
        """Say whether a message is a command to carry out.

        Args:
            kind: What the message's topic takes.
            payload: The message as it came.
            retained: Whether the broker kept it from earlier: a command of the past is never carried out.
            redelivered: Whether the sender marks it as sent before.

        Returns:
            The command, or why it is refused.
        """
        verdict = self._verdict(kind, payload, retained=retained, redelivered=redelivered)
        if isinstance(verdict, CommandRefusal):
            self.refuse()
        return verdict

    def _verdict(
        self, kind: type[Command], payload: bytes, *, retained: bool, redelivered: bool
    ) -> Command | CommandRefusal:
        if retained:
            return CommandRefusal.RETAINED
        if len(payload) > COMMAND_MAX_BYTES:
            return CommandRefusal.OVERSIZED
        try:
            command = kind.model_validate_json(payload)
        except ValidationError:
            return CommandRefusal.MALFORMED
        ticket = command.ticket if isinstance(command, CommandScan) else None
        if redelivered or ticket in self._tickets:
            return CommandRefusal.DUPLICATE
        if not self._allowances[kind].spend():
            return CommandRefusal.TOO_MANY
        if ticket is not None:
            self._tickets.append(ticket)
        return command
