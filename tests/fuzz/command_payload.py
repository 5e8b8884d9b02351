"""Payloads on the command topics: each is a command or a reason why it is none."""

from dermscan.bus.events import COMMAND_MAX_BYTES, Command, CommandCancel, CommandRefusal, CommandScan
from dermscan.bus.intake import CommandIntake

TICKET = b"A" * 64
SEEDS = (
    b'{"schema_version":1}',
    b'{"schema_version":1,"ticket":"' + TICKET + b'"}',
    b'{"schema_version":1,"ticket":null}',
    b"[" * COMMAND_MAX_BYTES,
)


def fuzz(data: bytes) -> None:
    for kind in (CommandScan, CommandCancel):
        verdict = CommandIntake(lambda: 0.0).judge(kind, data, retained=False, redelivered=False)
        assert isinstance(verdict, Command | CommandRefusal)
