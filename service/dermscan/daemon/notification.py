"""What systemd is told: ready, stopping, reloading, alive, and one line on how the work stands."""

import importlib
import os
import time
from collections.abc import Callable

from dermscan.errors import DermscanError

Notify = Callable[[str], None]


def systemd_notify() -> Notify:
    """A function that sends a state to the service manager, and does nothing where there is none.

    Raises:
        DermscanError: A service manager listens, and the library to speak to it is not installed.
    """
    if "NOTIFY_SOCKET" not in os.environ:
        return lambda _state: None
    try:
        notify = importlib.import_module("systemd.daemon").notify
    except ImportError:
        raise DermscanError(
            problem="systemd-python is not installed; install dermscan with its extra systemd"
        ) from None

    def send(state: str) -> None:
        notify(state)

    return send


def watchdog_interval_s() -> float | None:
    """Seconds between two signs of life, half of what the unit allows (sd_watchdog_enabled(3)); None without one."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2e6 if microseconds.isdigit() and for_us else None


def reloading_state() -> str:
    """The state that announces a reload; systemd insists on the moment it began (sd_notify(3))."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
