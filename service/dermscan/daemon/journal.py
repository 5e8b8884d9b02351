"""Where log lines go: to the journal under systemd, to standard error otherwise. Never a name, never a risk."""

import importlib
import logging
import os
import sys

from dermscan.daemon.sparing import Sparing


def configure_logging(*, verbose: bool = False) -> None:
    """Send this software's log lines to the journal or to standard error.

    Args:
        verbose: Whether to log at level DEBUG.
    """
    logger = logging.getLogger("dermscan")
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
    handler = _handler()
    handler.addFilter(Sparing())
    logger.addHandler(handler)


def _handler() -> logging.Handler:
    if "JOURNAL_STREAM" not in os.environ:
        return _stderr_handler()
    try:
        journal = importlib.import_module("systemd.journal")
    except ImportError:
        return _stderr_handler()
    handler: logging.Handler = journal.JournalHandler(SYSLOG_IDENTIFIER="dermscan")
    return handler


def _stderr_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    return handler
