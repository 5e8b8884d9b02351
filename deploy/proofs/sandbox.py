"""Tries from inside a unit's sandbox what it must not be able to do, and prints each attempt with its outcome.

Usage: sandbox.py [console], the scanner's when left out. It ends with the number of attempts that went otherwise.
"""

import ctypes
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

STATE = Path(os.environ["STATE_DIRECTORY"])
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


def connect(family: int, kind: int, address: object) -> None:
    """Open a socket and reach an address."""
    with socket.socket(family, kind) as opened:
        opened.settimeout(3)
        opened.connect(address)
        opened.send(b"x")


def write(path: str) -> None:
    """Make a file."""
    Path(path).write_text("x", encoding="ascii")


def read(path: str) -> None:
    """Read a file."""
    Path(path).read_bytes()


def library(name: str, *arguments: object) -> None:
    """Call a function of the C library that tells its failure by -1."""
    found = ctypes.CDLL(None, use_errno=True)
    if getattr(found, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def executable_memory() -> None:
    """Ask for memory that can be written and run."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def list_homes() -> None:
    """See whose homes there are."""
    if not list(Path("/home").iterdir()):
        raise PermissionError(0, "nothing is seen")


def another_process() -> None:
    """See a process of another user."""
    read("/proc/1/environ")


FORBIDDEN: dict[str, Callable[[], None]] = {
    "reach the broker of this machine over TCP": lambda: connect(socket.AF_INET, STREAM, ("127.0.0.1", 1883)),
    "reach an address of the internet over TCP": lambda: connect(socket.AF_INET, STREAM, ("192.0.2.1", 443)),
    "reach a name server over UDP": lambda: connect(socket.AF_INET, DATAGRAM, ("192.0.2.53", 53)),
    "reach an address over IPv6": lambda: connect(socket.AF_INET6, STREAM, ("2001:db8::1", 443)),
    "reach this machine over IPv6": lambda: connect(socket.AF_INET6, STREAM, ("::1", 8080)),
    "open a raw socket": lambda: connect(socket.AF_INET, socket.SOCK_RAW, ("192.0.2.1", 0)),
    "open a packet socket": lambda: connect(socket.AF_PACKET, socket.SOCK_RAW, ("lo", 0)),
    "speak to the kernel by netlink": lambda: connect(socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
    "write to /": lambda: write("/proof-of-writing"),
    "write to /etc": lambda: write("/etc/proof-of-writing"),
    "write to /usr": lambda: write("/usr/lib/dermscan/proof-of-writing"),
    "write to /var": lambda: write("/var/proof-of-writing"),
    "write to /opt": lambda: write("/opt/proof-of-writing"),
    "write to the settings": lambda: write("/etc/dermscan/settings.toml"),
    "write to the broker's folder": lambda: write("/run/dermscan-broker/proof-of-writing"),
    "write to the backups": lambda: write("/var/backups/dermscan/proof-of-writing"),
    "write to another user's home": lambda: write("/home/nurse/proof-of-writing"),
    "read another user's home": lambda: read("/home/nurse/notes"),
    "read root's home": lambda: read("/root/notes"),
    "list the homes": list_homes,
    "read another's file in /tmp": lambda: read("/tmp/left-by-another"),  # noqa: S108 - that is the attempt
    "read the sealed credentials": lambda: read("/etc/credstore.encrypted/dermscan-master-key"),
    "read the passwords of the machine": lambda: read("/etc/shadow"),
    "read the broker's secrets": lambda: read("/etc/mosquitto/dermscan/secrets/console"),
    "read another process's environment": another_process,
    "open the memory of the machine": lambda: read("/dev/mem"),
    "open a terminal": lambda: read("/dev/tty0"),
    "open the kernel's log": lambda: read("/dev/kmsg"),
    "become root": lambda: os.setuid(0),
    "join the group root": lambda: os.setgroups([0]),
    "mount a file system": lambda: library("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "make a name space": lambda: library("unshare", 0x10000000),
    "load a kernel module": lambda: library("syscall", 175, 0, 0, b""),
    "set the clock": lambda: library("settimeofday", ctypes.byref((ctypes.c_long * 2)(0, 0)), None),
    "change the machine's name": lambda: library("sethostname", b"other", 5),
    "make memory that can be written and run": executable_memory,
    "trace a process": lambda: library("ptrace", 16, 1, 0, 0),
    "raise its priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
    "set a file's set-user-ID bit": lambda: Path(STATE, "mine").chmod(0o4700),
}
ALLOWED: dict[str, Callable[[], None]] = {
    "write to its own state": lambda: write(str(STATE / "mine")),
    "read its master key": lambda: read(os.environ["CREDENTIALS_DIRECTORY"] + "/dermscan-master-key"),
    "reach the broker's Unix socket": lambda: connect(socket.AF_UNIX, STREAM, "/run/dermscan-broker/mqtt.sock"),
}


MACHINE = ("reach the broker of this machine over TCP",)
"""What the console may do and the scanner may not."""
SCANNER = ("reach the broker's Unix socket",)
"""What the scanner may do and the console may not."""


def of_console() -> tuple[dict[str, Callable[[], None]], dict[str, Callable[[], None]]]:
    """What the console may do, and what it may not."""
    may = {name: what for name, what in ALLOWED.items() if name not in SCANNER}
    may |= {name: FORBIDDEN[name] for name in MACHINE}
    may["read the shared history"] = lambda: read("/var/lib/dermscan/keyring")
    may_not = {name: what for name, what in FORBIDDEN.items() if name not in MACHINE}
    may_not |= {name: ALLOWED[name] for name in SCANNER}
    return may, may_not


def attempt(what: Callable[[], None]) -> str | None:
    """Why it was refused, None when it was not."""
    try:
        what()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return None


def main() -> None:
    """Try everything."""
    allowed, forbidden = of_console() if sys.argv[1:] == ["console"] else (ALLOWED, FORBIDDEN)
    wrong = 0
    for name, what in allowed.items():
        refused = attempt(what)
        wrong += refused is not None
        print(f"{'possible' if refused is None else f'REFUSED ({refused})'}: {name}")  # noqa: T201 - the record
    for name, what in forbidden.items():
        refused = attempt(what)
        wrong += refused is None
        print(f"{'POSSIBLE' if refused is None else f'refused ({refused})'}: {name}")  # noqa: T201 - the record
    Path(STATE, "mine").unlink(missing_ok=True)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
