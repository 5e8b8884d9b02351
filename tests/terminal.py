"""A terminal at which a test reads what a command asks, and types."""

import os
import pty
import select
import signal
import time

from appliance import PATIENCE_S


class Terminal:
    """A pseudo-terminal at which a person reads and types."""

    def __init__(self, command: list[str]) -> None:
        self.said = ""
        self._pid, self._line = pty.fork()
        if self._pid == 0:
            os.environ["COLUMNS"] = "120"
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job of a shell would hand on that it is ignored
            os.execv(command[0], command)  # noqa: S606 - the child of the terminal becomes the command

    def asked(self, question: str, answer: str) -> None:
        """Wait for a question and answer it."""
        self.hears(question)
        self.said = self.said.partition(question)[2]
        os.write(self._line, answer.encode() + b"\n")

    def hears(self, words: str) -> None:
        until = time.monotonic() + 2 * PATIENCE_S
        while words not in self.said:
            assert time.monotonic() < until, self.said
            assert self._read(), self.said

    def _read(self) -> bool:
        if not select.select([self._line], [], [], 1.0)[0]:
            return True
        try:
            told = os.read(self._line, 4096)
        except OSError:
            return False
        self.said += told.decode(errors="replace")
        return bool(told)

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._line)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
