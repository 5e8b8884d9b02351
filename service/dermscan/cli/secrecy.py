"""Keeps what a command has in memory - keys, pictures - out of every file. It wipes and locks nothing."""

import ctypes
import logging
import resource

_PR_SET_DUMPABLE = 4

_log = logging.getLogger(__name__)


def forbid_dumps() -> None:
    """Let neither a core file nor a crash handler nor a debugger of the same user have this process's memory.

    The limit keeps the kernel from writing a core file; the flag, prctl(2), also from handing one to a program such as
    systemd-coredump. Both pass on to children that are forked, and the limit to programs that they start.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        _log.warning("The kernel does not let this process forbid dumps of its memory")
