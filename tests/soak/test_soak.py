"""Three minutes of the whole appliance among all faults, each once. `deploy/soak` runs it for as long as one likes."""

from pathlib import Path

import pytest

from soak.bed import made_bed, missing
from soak.course import Course
from soak.plan import Plan

PATIENCE = 10.0
"""The machine may be busy; what is promised in which time is judged by the long run."""


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # paho's, at each attempt while a broker is away
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_appliance_keeps_its_promises_through_every_fault(tmp_path: Path) -> None:
    if (absent := missing()) is not None:
        pytest.skip(absent)
    with made_bed(tmp_path) as bed:
        course = Course(bed, PATIENCE)
        course.run(Plan(8, course.possible).once(), scans_between=2)
        record = course.result(0.01)
    assert record["wrong"] == []
    assert len(record["faults"]) == len(course.possible)
    assert record["scans"] >= 2 * len(record["faults"])
