import logging
import sys

import pytest

from dermscan.daemon.journal import configure_logging


def test_without_a_journal_lines_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    configure_logging()
    logging.getLogger("dermscan.daemon").info("Scan filed in %d ms", 80)
    logging.getLogger("dermscan.daemon").debug("not shown")
    assert "INFO Scan filed in 80 ms" in capsys.readouterr().err
    configure_logging(verbose=True)
    logging.getLogger("dermscan.daemon").debug("shown")
    logging.getLogger("sqlalchemy.engine").warning("not ours")
    assert "shown" in capsys.readouterr().err


def test_under_systemd_lines_go_to_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    configure_logging()
    (handler,) = logging.getLogger("dermscan").handlers
    assert type(handler).__name__ == "JournalHandler"


def test_a_machine_without_the_library_still_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    configure_logging()
    (handler,) = logging.getLogger("dermscan").handlers
    assert isinstance(handler, logging.StreamHandler)
