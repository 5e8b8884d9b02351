import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.console.attempts import FREE, LOCKED_AFTER, LONGEST_WAIT_S, REMEMBERED, Attempts
from dermscan.console.people import People, refuse_weak
from dermscan.console.role import Role
from dermscan.console.sessions import MOST, Handles, Sessions
from dermscan.console.state_file import LARGEST_BYTES, read_state
from dermscan.errors import InputError

PIN = "tidal-48213"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_who_was_added_is_known_by_the_pin_and_by_no_other(tmp_path: Path) -> None:
    people = People(tmp_path)
    people.add("a.wren", Role.CLINICIAN, PIN)
    known = People(tmp_path).check("a.wren", PIN)
    assert known is not None
    assert (known.name, known.role) == ("a.wren", Role.CLINICIAN)
    assert people.check("a.wren", "tidal-48214") is None
    assert people.check("b.wren", PIN) is None


def test_the_file_has_argon2id_and_no_pin_and_is_its_owners_alone(tmp_path: Path) -> None:
    People(tmp_path / "console").add("a.wren", Role.CLINICIAN, PIN)
    path = tmp_path / "console" / "people.json"
    content = path.read_text(encoding="utf-8")
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in content
    assert PIN not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_whoever_is_removed_is_gone(tmp_path: Path) -> None:
    people = People(tmp_path)
    people.add("a.wren", Role.CLINICIAN, PIN)
    people.remove("a.wren")
    assert people.all() == ()
    with pytest.raises(InputError, match="nobody has it"):
        people.remove("a.wren")


@pytest.mark.parametrize("name", ["", "A.wren", "a wren", "../people", "a" * 33, "-a", "a\n", "ä"])
def test_a_name_that_could_be_taken_for_something_else_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="small letter"):
        People(tmp_path).add(name, Role.CLINICIAN, PIN)
    assert not (tmp_path / "people.json").exists()


@pytest.mark.parametrize("pin", ["", "12345", "000000", "123456", "987654", "aaaaaaaa", "a.wren", "x" * 129])
def test_a_pin_that_a_few_tries_find_is_refused(pin: str) -> None:
    with pytest.raises(InputError):
        refuse_weak("a.wren", pin)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"people": 7}', '{"people": [{"name": "a"}]}', '{"version": 1, "x": 1}']
)
def test_a_damaged_file_lets_nobody_in_and_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "people.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        People(tmp_path).all()


def test_the_first_failures_cost_nothing_and_each_after_twice_the_one_before(tmp_path: Path, clock: Clock) -> None:
    attempts, waits = Attempts(tmp_path, clock), []
    for _ in range(LOCKED_AFTER):
        attempts.failed("a.wren")
        waits.append(attempts.wait_s("a.wren"))
    assert waits == [0.0] * FREE + [2.0**step for step in range(1, LOCKED_AFTER - FREE + 1)]
    assert attempts.of("a.wren").locked
    assert attempts.wait_s("b.wren") == 0.0
    attempts.forget("a.wren")
    assert not attempts.of("a.wren").locked


def test_failures_outlive_a_restart_and_a_clock_that_is_set_back(tmp_path: Path, clock: Clock) -> None:
    for _ in range(FREE + 3):
        Attempts(tmp_path, clock).failed("a.wren")
    clock.now = -1e9
    again = Attempts(tmp_path, clock)
    assert again.of("a.wren").count == FREE + 3
    assert again.wait_s("a.wren") == LONGEST_WAIT_S


def test_made_up_names_push_out_each_other_and_never_a_locked_account(tmp_path: Path, clock: Clock) -> None:
    attempts = Attempts(tmp_path, clock)
    for _ in range(LOCKED_AFTER):
        attempts.failed("a.wren")
    for number in range(REMEMBERED + 20):
        attempts.failed(f"made-up-{number}")
    assert attempts.of("a.wren").locked
    assert len(json.loads((tmp_path / "attempts.json").read_text(encoding="utf-8"))) <= REMEMBERED + 1


def test_a_session_is_found_by_its_cookie_alone_and_locks_when_idle(clock: Clock) -> None:
    sessions = Sessions(60, 3600, clock)
    cookie, session = sessions.begin("a.wren", Role.CLINICIAN, "hash")
    session.kept["embedding"] = object()
    assert sessions.find(cookie) is session
    assert sessions.find(cookie[:-1] + "x") is None
    clock.now += 59
    assert sessions.find(cookie, touch=False) is session
    locked = [session.locked]
    clock.now += 2
    assert sessions.find(cookie, touch=False) is session
    assert [*locked, session.locked] == [False, True]
    assert "embedding" not in session.kept
    fresh = sessions.unlock(cookie)
    assert fresh is not None
    assert fresh != cookie
    assert sessions.find(cookie) is None
    assert sessions.find(fresh) is session


def test_a_session_ends_after_its_hours_whoever_is_at_the_screen(clock: Clock) -> None:
    sessions = Sessions(60, 600, clock)
    cookie, _ = sessions.begin("a.wren", Role.CLINICIAN, "hash")
    for _ in range(15):
        clock.now += 50
        found = sessions.find(cookie)
    assert found is None


def test_there_are_never_more_sessions_than_that(clock: Clock) -> None:
    sessions = Sessions(60, 600, clock)
    cookies = [sessions.begin(f"p{number}", Role.CLINICIAN, "hash")[0] for number in range(MOST + 5)]
    assert [sessions.find(cookie) is None for cookie in cookies] == [True] * 5 + [False] * MOST
    sessions.end_all_of(f"p{MOST}")
    assert sessions.find(cookies[MOST]) is None


@given(st.text(max_size=40), st.sampled_from(["scan", "lesion", ""]))
def test_no_guess_is_a_handle(guess: str, kind: str) -> None:
    handles = Handles()
    name = handles.name("scan", "the-scan")
    assert handles.target("scan", name) == "the-scan"
    assert handles.target("lesion", name) is None
    assert handles.name("scan", "the-scan") == name
    if guess != name:
        assert handles.target(kind, guess) is None


def test_the_oldest_names_of_records_go_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermscan.console.sessions.HANDLES", 2)
    handles = Handles()
    names = [handles.name("scan", str(number)) for number in range(3)]
    assert [handles.target("scan", name) for name in names] == [None, "1", "2"]
    assert handles.name("scan", "2") == names[2]


def test_a_state_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    path.write_bytes(b"x" * (LARGEST_BYTES + 1))
    with pytest.raises(InputError, match="far too large"):
        read_state(path)
    path.write_bytes(b"x" * LARGEST_BYTES)
    assert read_state(path) == b"x" * LARGEST_BYTES
