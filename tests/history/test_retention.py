from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from dermscan.domain import Scan
from dermscan.history import History, MasterKey
from dermscan.history.schema import AuditRow, BlobRow
from dermscan.settings import RetentionSettings

NewScan = Callable[..., Scan]
YEAR = RetentionSettings(max_age_days=365)


def kept(history: History) -> set[str]:
    return {summary.scan_id for summary in history.latest(1000)}


def test_without_a_policy_nothing_goes(history: History, new_scan: NewScan) -> None:
    history.file_scan(new_scan(1))
    assert history.expire(RetentionSettings()) == 0
    assert history.count() == 1


def test_old_scans_go_and_baselines_of_followed_lesions_stay(folder: Path, history: History, new_scan: NewScan) -> None:
    first = new_scan(0).frame.taken_at
    followed = history.create_lesion(subject_alias="heron-7")
    mine = [new_scan(day) for day in (0, 10, 20, 400)]
    for scan in mine:
        history.file_scan(scan, followed)
    unassigned = new_scan(5)
    inbox = history.file_scan(unassigned)
    twice = [new_scan(6), new_scan(390)]
    second = history.file_scan(twice[0])
    history.file_scan(twice[1], second)
    alone = new_scan(7)
    history.file_scan(alone, history.create_lesion(subject_alias="crane-5"))
    now = first + timedelta(days=400)
    assert history.expire(YEAR, now) == 3
    assert kept(history) == {mine[0].scan_id, mine[3].scan_id, twice[0].scan_id, twice[1].scan_id, alone.scan_id}
    assert len(list((folder / "blobs").iterdir())) == 2 * 5
    newest = history.audit_entries(1)[0]
    assert (newest.action, newest.amount) == ("scans_expired", 3)
    with pytest.raises(Exception, match="any more"):
        history.lesion(inbox)
    assert history.expire(YEAR, now) == 0
    assert history.verify_audit() == ()
    for scan_id in kept(history):
        history.load(scan_id)


def test_while_room_is_short_the_oldest_go_first(
    history: History, new_scan: NewScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = [new_scan(seed) for seed in range(25)]
    for scan in reversed(scans):
        history.file_scan(scan)
    monkeypatch.setattr(History, "free_bytes", lambda self: (30 - self.count()) * 1_000_000)
    assert history.expire(RetentionSettings(min_free_mb=15)) == 10
    assert kept(history) == {scan.scan_id for scan in scans[10:]}
    assert history.expire(RetentionSettings(min_free_mb=100)) == 15, "and then there is nothing left to delete"


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filed=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=12),
    assigned=st.sets(st.integers(0, 3)),
    age=st.integers(1, 30),
)
def test_a_followed_lesion_never_loses_its_baseline(
    tmp_path_factory: pytest.TempPathFactory,
    master: MasterKey,
    new_scan: NewScan,
    filed: list[tuple[int, int]],
    assigned: set[int],
    age: int,
) -> None:
    with History.open(tmp_path_factory.mktemp("history") / "h", master) as history:
        lesions = [history.create_lesion(subject_alias=f"s-{n}" if n in assigned else None) for n in range(4)]
        for which, day in filed:
            history.file_scan(new_scan(day, size=(8, 8)), lesions[which])
        before = {lesion: history.timeline(lesion) for lesion in lesions}
        now = new_scan(0).frame.taken_at + timedelta(days=31)
        reckoned = history.would_expire(RetentionSettings(max_age_days=age), now)
        assert history.count() == len(filed), "reckoning deletes nothing"
        assert reckoned == history.expire(RetentionSettings(max_age_days=age), now)
        left = kept(history)
        for number, lesion in enumerate(lesions):
            scans = before[lesion]
            young = {scan.scan_id for scan in scans if scan.taken_at >= now - timedelta(days=age)}
            assert young <= left
            if scans and (number in assigned or (len(scans) > 1 and young - {scans[0].scan_id})):
                assert scans[0].scan_id in left
        assert history.verify_audit() == ()


def test_how_much_would_go_for_room_is_reckoned_by_size(
    history: History, new_scan: NewScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(30):
        history.file_scan(new_scan(seed, size=(300, 400)))
    with history._reading() as session:
        sizes = [row.size_bytes for row in session.scalars(select(BlobRow))]
    monkeypatch.setattr(History, "free_bytes", lambda _self: 0)
    assert 2_000_000 < sum(sizes) / 30 * 10 < 5_000_000
    assert history.would_expire(RetentionSettings(min_free_mb=1)) == 10, "ten at a time, and three would not do"
    assert history.would_expire(RetentionSettings(min_free_mb=1000)) == 30
    assert history.count() == 30


def entries_at(history: History, *times: datetime) -> None:
    """Let the audit log have entries of these times alone."""
    with history._recording() as session:
        session.execute(text("DROP TRIGGER audit_no_delete"))
        session.execute(text("DROP TRIGGER audit_no_update"))
        session.execute(delete(AuditRow))
        for seq, at in enumerate(times, start=1):
            session.add(AuditRow(seq=seq, at=at, actor="unit x", action="scan_filed", chain=b""))


NOW = datetime(2027, 6, 1, tzinfo=UTC)


def ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=passed) for passed in days]


@pytest.mark.parametrize(
    ("now", "entries", "doubt"),
    [
        (NOW, [], None),
        (NOW, ago(400, 330, 260, 180, 100, 20), None),
        (NOW, ago(1), None),
        (datetime(1970, 1, 1, tzinfo=UTC), [], "before this software"),
        (datetime(2025, 12, 31, tzinfo=UTC), ago(3000), "before this software"),
        (NOW, ago(5, -1), "behind the last entry"),
        (NOW, ago(200, 100), "jumped by 100 days"),
        (NOW, ago(500, 20, 10, 0), "jumped by 480 days"),
        (NOW, ago(500, 31, 20, 10, 0), None),
        (NOW, ago(120, 29), "jumped by 91 days"),
        (NOW, ago(118, 29), None),
    ],
)
def test_a_clock_is_believed_or_not(
    history: History, now: datetime, entries: list[datetime], doubt: str | None
) -> None:
    entries_at(history, *entries)
    found = history.clock_doubt(now)
    assert (found is None) if doubt is None else (found is not None and doubt in found)


@pytest.mark.parametrize("policy", [YEAR, RetentionSettings(min_free_mb=100_000_000)])
def test_by_a_clock_that_is_not_believed_nothing_goes(
    history: History, new_scan: NewScan, caplog: pytest.LogCaptureFixture, policy: RetentionSettings
) -> None:
    history.file_scan(new_scan(0, taken_at=datetime.now(UTC) - timedelta(days=4000)))
    entries_at(history, datetime.now(UTC) - timedelta(days=500))
    assert history.would_expire(policy) == 0
    assert history.expire(policy) == 0
    assert history.count() == 1
    assert "No scan is deleted by the policy of retention: the clock has jumped" in caplog.text


def test_a_believed_clock_is_acted_upon(history: History, new_scan: NewScan) -> None:
    history.file_scan(new_scan(0, taken_at=datetime.now(UTC) - timedelta(days=400)))
    assert (history.would_expire(YEAR), history.expire(YEAR), history.count()) == (1, 1, 0)
