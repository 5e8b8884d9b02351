"""Who may sign in at the console, by the commands that a technician has."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from appliance import Appliance
from dermscan.cli.main import app
from dermscan.console.attempts import LOCKED_AFTER, Attempts
from dermscan.errors import InputError
from terminal import Terminal

Called = Callable[..., Result]


@pytest.fixture
def user(appliance: Appliance) -> Called:
    """Calls `dermscan console user`."""
    appliance.sections["console"] = {"folder": appliance.folder / "console"}
    before = ["--settings", str(appliance.write_settings()), "console", "user"]
    return lambda *words, typed="": CliRunner().invoke(app, [*before, *words], input=typed)


def test_who_may_sign_in_is_listed_and_nobody_else(user: Called) -> None:
    user("add", "a.wren", "--role", "clinician", typed="tidal-48213\n")
    user("add", "t.crake", "--role", "technician", typed="sandy-90417\n")
    shown = user("list").output
    assert all(word in shown for word in ("a.wren", "clinician", "t.crake", "technician"))
    assert "locked" not in shown
    assert user("remove", "a.wren").output == "a.wren may sign in no longer.\n"
    assert "a.wren" not in user("list").output


def test_a_locked_account_is_shown_and_unlocked(appliance: Appliance, user: Called) -> None:
    user("add", "a.wren", typed="tidal-48213\n")
    attempts = Attempts(appliance.folder / "console")
    for _ in range(LOCKED_AFTER):
        attempts.failed("a.wren")
    assert "locked" in user("list").output
    assert user("unlock", "a.wren").output == "a.wren may try again.\n"
    assert "locked" not in user("list").output
    assert attempts.of("a.wren").count == 0


@pytest.mark.parametrize("what", ["unlock", "remove"])
def test_nobody_of_that_name_is_said(user: Called, what: str) -> None:
    refused = user(what, "nobody")
    assert isinstance(refused.exception, InputError)
    assert "that name" in str(refused.exception)


@pytest.mark.parametrize(("again", "code"), [("tidal-48213", 0), ("tidal-48214", 11)])
def test_at_a_terminal_a_pin_is_typed_twice_and_never_shown(
    appliance: Appliance, user: Called, again: str, code: int
) -> None:
    terminal = Terminal(appliance.command("console", "user", "add", "a.wren"))
    terminal.asked("PIN or passphrase: ", "tidal-48213")
    terminal.asked("Once more: ", again)
    assert terminal.end() == code, terminal.said
    assert "tidal" not in terminal.said
    assert ("the two are not the same" in terminal.said) is bool(code)
    assert ("a.wren" in user("list").output) is not bool(code)
