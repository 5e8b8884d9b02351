"""Tickets as they come from the bus: only one that was sealed with the key opens, in one spelling."""

from datetime import UTC, datetime

from dermscan.errors import TicketRefused
from dermscan.history.keys import SecretKey
from dermscan.history.tickets import open_ticket, seal_ticket

KEY = SecretKey(bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = seal_ticket(KEY, "12345678-1234-4234-8234-123456789abc", datetime(2030, 1, 1, tzinfo=UTC)).encode()
SEEDS = (GOOD, seal_ticket(KEY, None, NOW).encode(), GOOD[:40], b"=" * 64, b"\xff" * 64)


def fuzz(data: bytes) -> None:
    ticket = data.decode("utf-8", errors="surrogateescape")
    try:
        open_ticket(KEY, ticket, NOW)
    except TicketRefused:
        return
    assert data == GOOD, "a ticket that nobody sealed was opened"
