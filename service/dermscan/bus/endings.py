"""How a connection to the broker can end, and which end a failure or an answer means."""

import ssl
from dataclasses import dataclass
from enum import Enum, auto

from paho.mqtt.reasoncodes import ReasonCode

_REFUSALS = frozenset(
    {
        "Bad user name or password",
        "Not authorized",
        "Client identifier not valid",
        "Banned",
        "Bad authentication method",
    }
)


class Ending(Enum):
    """How a connection ended."""

    ABSENT = auto()
    """Nobody answers, or not for now."""
    LOST = auto()
    """It was there and is gone."""
    REFUSED = auto()
    """It does not want this device, or this device does not trust it."""
    OLDER = auto()
    """It does not speak MQTT 5."""
    TAKEN_OVER = auto()
    """Another client came with the same identity."""
    STOPPED = auto()
    """This device said goodbye."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection ended, and in words what was the matter."""

    how: Ending
    problem: str = ""


def unopened(error: OSError | UnicodeError) -> Ended:
    """Say what a connection that could not be opened means."""
    match error:
        case ssl.SSLCertVerificationError():
            return Ended(Ending.REFUSED, f"its certificate is not to be trusted, {error.verify_message}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Ended(Ending.ABSENT)
        case ssl.SSLError():
            # OpenSSL's own errors have a reason; those that Python raises may have none
            reason = (getattr(error, "reason", None) or "reason unknown").lower()
            alert = reason.partition("_alert_")[2].replace("_", " ")
            told = f"it ends the TLS connection, {alert}" if alert else f"no TLS connection, {reason}"
            return Ended(Ending.REFUSED, told)
        case PermissionError():
            return Ended(Ending.REFUSED, "this user may not open its socket")
        case _:
            return Ended(Ending.ABSENT)


def unaccepted(answer: ReasonCode) -> Ended:
    """Say what a CONNACK that is a failure means."""
    name = answer.getName()
    if name in _REFUSALS:
        return Ended(Ending.REFUSED, name.lower())
    return Ended(Ending.OLDER if name == "Unsupported protocol version" else Ending.ABSENT)


def parted(reason: ReasonCode | None) -> Ended:
    """Say what the end of an accepted connection means."""
    taken = reason is not None and reason.getName() == "Session taken over"
    return Ended(Ending.TAKEN_OVER if taken else Ending.LOST)
