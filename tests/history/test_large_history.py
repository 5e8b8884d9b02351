from pathlib import Path

import pytest
from sqlalchemy import text

from dermscan.history import History
from history.large_history import KEY, build


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history as the measurement of speed builds it, only smaller."""
    folder = tmp_path_factory.mktemp("large") / "history"
    with History.open(folder, KEY) as history:
        build(history, folder, 240, 12)
    return folder


def test_what_the_measurement_builds_is_a_history_as_any_other(large: Path) -> None:
    with History.open(large, KEY) as history:
        assert history.count() == 240
        history.check()
        history.prove()
        assert history.verify_audit() == ()
        lesion = history.latest(1)[0].lesion_id
        assert len(history.timeline(lesion)) == 20


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM scan WHERE lesion_id = 'x' ORDER BY taken_at, scan_id",
        "SELECT * FROM scan ORDER BY taken_at DESC LIMIT 20",
        "SELECT * FROM scan WHERE scan_id >= 'x' AND scan_id < 'y'",
        "SELECT * FROM blob WHERE scan_id = 'x'",
        "SELECT * FROM lesion WHERE subject_id = 'x'",
        "SELECT max(seq) FROM audit",
    ],
)
def test_what_a_person_waits_for_reads_by_an_index(large: Path, query: str) -> None:
    with History.open(large, KEY) as history, history._engine.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    steps = [str(step[-1]) for step in plan]
    assert any(step.startswith("SEARCH") or "USING INDEX" in step for step in steps), steps
    assert not any(step.startswith("SCAN") and "USING" not in step for step in steps), steps
