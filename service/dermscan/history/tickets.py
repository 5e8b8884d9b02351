"""One-time tickets: permission to scan a known lesion, without naming it on the bus. Nobody without the key reads one.

A ticket is its own record: lesion and expiry, sealed with AES-256-GCM under a key that is derived from the history's.
Whoever may read the history can therefore make one while another process holds the history's writer lock; the
process that writes remembers, by their hashes, those that were used.
"""

import binascii
import hashlib
import secrets
import struct
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete
from sqlalchemy.orm import Session

from dermscan.errors import TicketRefused
from dermscan.history.keys import SecretKey
from dermscan.history.schema import TicketRow

TICKET_LENGTH = 64
"""Characters of a ticket: letters, digits, hyphens and underscores."""

FORGOTTEN_AFTER = timedelta(days=1)
"""How long a used ticket is remembered after it has expired: a clock that is set back does not make it good again."""

_NONCE_BYTES = 12
_TAG_BYTES = 16
_CONTENT = struct.Struct(">16sI")
_BINDING = b"dermscan ticket 1"
_NO_LESION = bytes(16)


def seal_ticket(key: SecretKey, lesion_id: str | None, expires_at: datetime) -> str:
    """Make a ticket of `TICKET_LENGTH` characters.

    Args:
        key: The history's key for tickets.
        lesion_id: The lesion, None for any new one.
        expires_at: When it ceases to be good; it is rounded down to a whole second.
    """
    lesion = _NO_LESION if lesion_id is None else uuid.UUID(lesion_id).bytes
    nonce = secrets.token_bytes(_NONCE_BYTES)
    content = _CONTENT.pack(lesion, int(expires_at.timestamp()))
    return urlsafe_b64encode(nonce + AESGCM(key.expose()).encrypt(nonce, content, _BINDING)).decode()


@dataclass(frozen=True, slots=True)
class Permission:
    """What a ticket says.

    Attributes:
        ticket_hash: SHA-256 of the ticket.
        lesion_id: The lesion, None for any new one.
        expires_at: When it ceases to be good.
    """

    ticket_hash: bytes
    lesion_id: str | None
    expires_at: datetime


def open_ticket(key: SecretKey, ticket: str, now: datetime) -> Permission:
    """Read a ticket.

    Raises:
        TicketRefused: It was made up or altered, or has expired.
    """
    sealed = _decoded(ticket)
    try:
        content = AESGCM(key.expose()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _BINDING)
    except InvalidTag:
        raise TicketRefused(problem="it is unknown") from None
    lesion, expires = _CONTENT.unpack(content)
    if expires <= now.timestamp():
        raise TicketRefused(problem="it has expired")
    lesion_id = None if lesion == _NO_LESION else str(uuid.UUID(bytes=lesion))
    return Permission(hashlib.sha256(ticket.encode()).digest(), lesion_id, datetime.fromtimestamp(expires, UTC))


def use_ticket(session: Session, permission: Permission, now: datetime) -> None:
    """Remember that a ticket is used up, and forget those that expired long ago.

    Raises:
        TicketRefused: It was used already.
    """
    session.execute(delete(TicketRow).where(TicketRow.expires_at <= now - FORGOTTEN_AFTER))
    if session.get(TicketRow, permission.ticket_hash) is not None:
        raise TicketRefused(problem="it was used already")
    session.add(
        TicketRow(
            ticket_hash=permission.ticket_hash,
            lesion_id=permission.lesion_id,
            expires_at=permission.expires_at,
            used_at=now,
        )
    )


def _decoded(ticket: str) -> bytes:
    """The sealed bytes; a ticket has one spelling only, or changing its spelling would make it new."""
    try:
        sealed = urlsafe_b64decode(ticket.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        raise TicketRefused(problem="it is unknown") from None
    if len(sealed) != _NONCE_BYTES + _CONTENT.size + _TAG_BYTES or urlsafe_b64encode(sealed).decode() != ticket:
        raise TicketRefused(problem="it is unknown")
    return sealed
