import re
import string
import threading
import uuid
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dermscan.errors import TicketRefused, UnknownRecord
from dermscan.history import History, MasterKey
from dermscan.history.tickets import TICKET_LENGTH, seal_ticket

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def test_a_ticket_names_its_lesion_once(history: History) -> None:
    lesion = history.create_lesion()
    ticket = history.issue_ticket(lesion, MINUTE, NOW)
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", ticket)
    assert history.redeem_ticket(ticket, NOW) == lesion
    with pytest.raises(TicketRefused, match="used already"):
        history.redeem_ticket(ticket, NOW)


def test_a_ticket_for_a_new_lesion_names_none(history: History) -> None:
    assert history.redeem_ticket(history.issue_ticket(None, MINUTE)) is None


def test_a_ticket_is_good_until_it_expires(history: History) -> None:
    lesion = history.create_lesion()
    first, second = history.issue_ticket(lesion, MINUTE, NOW), history.issue_ticket(lesion, MINUTE, NOW)
    assert history.redeem_ticket(first, NOW + MINUTE - timedelta(microseconds=1)) == lesion
    with pytest.raises(TicketRefused, match="expired"):
        history.redeem_ticket(second, NOW + MINUTE)
    assert history.redeem_ticket(second, NOW) == lesion


def rows(history: History) -> list[tuple[object, ...]]:
    with history._engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM ticket"))]


def test_used_tickets_are_forgotten_a_day_after_they_expired(history: History) -> None:
    old, later = (history.issue_ticket(None, MINUTE, moment) for moment in (NOW, NOW + 2 * DAY))
    history.redeem_ticket(old, NOW)
    history.redeem_ticket(later, NOW + 2 * DAY)
    assert len(rows(history)) == 1


def test_a_clock_that_is_set_back_does_not_make_a_used_ticket_good(history: History) -> None:
    used, other = history.issue_ticket(None, MINUTE, NOW), history.issue_ticket(None, MINUTE, NOW + DAY / 2)
    history.redeem_ticket(used, NOW)
    history.redeem_ticket(other, NOW + DAY / 2)
    with pytest.raises(TicketRefused, match="used already"):
        history.redeem_ticket(used, NOW)


def test_a_reader_issues_while_another_process_could_be_writing(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        lesion = history.create_lesion()
        with History.open(folder, master, create=False, read_only=True) as reader:
            ticket = reader.issue_ticket(lesion, MINUTE, NOW)
            with pytest.raises(UnknownRecord):
                reader.issue_ticket(str(uuid.uuid4()), MINUTE)
        assert history.redeem_ticket(ticket, NOW) == lesion


def test_a_ticket_of_another_history_is_unknown(history: History, tmp_path: Path, master: MasterKey) -> None:
    with History.open(tmp_path / "other", master) as other:
        ticket = other.issue_ticket(None, MINUTE)
    with pytest.raises(TicketRefused, match="unknown"):
        history.redeem_ticket(ticket)


def test_a_ticket_for_a_lesion_that_is_gone_is_refused(history: History) -> None:
    ticket = seal_ticket(history._vault.ticket_key, str(uuid.uuid4()), NOW + MINUTE)
    with pytest.raises(TicketRefused, match="gone"):
        history.redeem_ticket(ticket, NOW)
    assert rows(history) == []


def test_nobody_can_tell_two_tickets_for_one_lesion_from_two_for_different_ones(history: History) -> None:
    lesion = history.create_lesion()
    tickets = [history.issue_ticket(lesion, MINUTE, NOW) for _ in range(8)]
    assert len({ticket[start : start + 8] for ticket in tickets for start in range(0, 64, 8)}) == 8 * 8
    raw = uuid.UUID(lesion).bytes
    assert not any(raw[:4] in urlsafe_b64decode(ticket) for ticket in tickets)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80) | st.text(string.ascii_letters + string.digits + "-_", min_size=64, max_size=64))
def test_a_made_up_ticket_is_refused_and_not_repeated(history: History, made_up: str) -> None:
    history.issue_ticket(None, MINUTE)
    with pytest.raises(TicketRefused) as caught:
        history.redeem_ticket(made_up)
    assert len(made_up) < 10 or made_up not in str(caught.value)


@pytest.mark.parametrize("place", range(TICKET_LENGTH))
def test_a_ticket_with_one_letter_changed_is_unknown(history: History, place: int) -> None:
    ticket = history.issue_ticket(None, MINUTE)
    changed = ticket[:place] + ("A" if ticket[place] != "A" else "B") + ticket[place + 1 :]
    with pytest.raises(TicketRefused, match="unknown"):
        history.redeem_ticket(changed)
    assert history.redeem_ticket(ticket) is None


@pytest.mark.parametrize("spelling", ["{}=", "{}====", " {}", "{}\n", "={}", "{}é"])
def test_a_ticket_has_one_spelling(history: History, spelling: str) -> None:
    ticket = history.issue_ticket(None, MINUTE)
    with pytest.raises(TicketRefused, match="unknown"):
        history.redeem_ticket(spelling.format(ticket))


def test_the_database_holds_the_hash_only(history: History) -> None:
    ticket = history.issue_ticket(None, MINUTE)
    history.redeem_ticket(ticket)
    (row,) = rows(history)
    assert ticket not in repr(row)
    assert ticket.encode() not in b"".join(value for value in row if isinstance(value, bytes))


def test_a_ticket_outlives_a_restart(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        lesion = history.create_lesion()
        ticket = history.issue_ticket(lesion, MINUTE, NOW)
    with History.open(folder, master) as history:
        assert history.redeem_ticket(ticket, NOW) == lesion


def test_of_many_at_once_one_redeems(history: History) -> None:
    ticket = history.issue_ticket(None, MINUTE)
    outcomes: list[str] = []

    def redeem() -> None:
        try:
            history.redeem_ticket(ticket)
            outcomes.append("redeemed")
        except TicketRefused:
            outcomes.append("refused")

    threads = [threading.Thread(target=redeem) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["redeemed"] + ["refused"] * 5
