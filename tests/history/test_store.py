import logging
import os
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dermscan.domain import Assessment, Frame, Laterality, LesionFeatures, LesionMask, Quality, RiskBand, Roi, Scan
from dermscan.errors import HistoryUnavailable, UnknownRecord
from dermscan.history import History, MasterKey, ScanSummary

NewScan = Callable[..., Scan]
SameScan = Callable[[Scan, Scan], None]

FIGURES = st.floats(allow_nan=False, allow_infinity=False)


def test_a_scan_comes_back_as_it_was_filed(history: History, new_scan: NewScan, same_scan: SameScan) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    same_scan(history.load(scan.scan_id), scan)


def test_a_scan_without_a_lesion_in_it_comes_back(history: History, new_scan: NewScan, same_scan: SameScan) -> None:
    scan = new_scan(2, with_mask=False)
    history.file_scan(scan)
    same_scan(history.load(scan.scan_id), scan)


def test_red_stays_red(history: History, new_scan: NewScan) -> None:
    scan = new_scan(3)
    red = np.zeros((5, 7, 3), np.uint8)
    red[..., 0] = 255
    assessment = new_scan(3, with_mask=False).assessment
    reddened = Scan(scan.scan_id, Frame(red, 0, 0.0, scan.taken_at), assessment, scan.provenance, scan.device)
    history.file_scan(reddened)
    np.testing.assert_array_equal(history.load(scan.scan_id).frame.pixels, red)


def test_what_is_filed_survives_closing(
    folder: Path, master: MasterKey, new_scan: NewScan, same_scan: SameScan, private: Callable[[Path], None]
) -> None:
    scan = new_scan(4)
    with History.open(folder, master) as history:
        lesion = history.file_scan(scan)
        private(folder)
    private(folder)
    with History.open(folder, master) as history:
        same_scan(history.load(scan.scan_id), scan)
        assert [summary.scan_id for summary in history.timeline(lesion)] == [scan.scan_id]
        history.check()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pixels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    figures=st.lists(FIGURES, min_size=12, max_size=12),
    mask_bits=st.integers(0, 2**32 - 1),
)
def test_every_pixel_and_figure_comes_back_exactly(
    history: History, new_scan: NewScan, same_scan: SameScan, pixels: np.ndarray, figures: list[float], mask_bits: int
) -> None:
    model = new_scan(5)
    bits = np.random.default_rng(mask_bits).integers(0, 2, pixels.shape[:2]).astype(np.bool_)
    assessment = Assessment(
        quality=Quality(figures[0], figures[1], figures[2], figures[3], figures[4]),
        roi=Roi(0.1, 0.2, 0.1 + abs(figures[5]) + 1, 1e9, figures[6]),
        mask=LesionMask(bits, figures[7]),
        features=LesionFeatures(0, figures[8], 8, figures[9], 6, figures[10], None, int(bits.sum()), 1.0, 2.0),
        probabilities=model.assessment.probabilities,
        risk=figures[11],
        pre_malignant=None,
        band=RiskBand.LOW,
        reason=None,
    )
    scan = Scan(str(uuid.uuid4()), Frame(pixels, 1, figures[0], model.taken_at), assessment, model.provenance, "room-1")
    history.file_scan(scan)
    same_scan(history.load(scan.scan_id), scan)


def test_a_figure_that_is_no_number_is_not_filed(history: History, folder: Path, new_scan: NewScan) -> None:
    good = new_scan(6)
    bad = Assessment(Quality(float("nan"), 0, 0, 0, 0), None, None, None, {}, None, None, RiskBand.INDETERMINATE, None)
    scan = Scan(good.scan_id, good.frame, bad, good.provenance, good.device)
    with pytest.raises(ValueError, match="not JSON compliant"):
        history.file_scan(scan)
    assert history.count() == 0
    assert not any((folder / "transit").iterdir())
    assert not any((folder / "blobs").iterdir())


def test_the_summary_says_everything_but_the_pictures(history: History, new_scan: NewScan) -> None:
    scan = new_scan(7)
    lesion = history.file_scan(scan)
    summary = history.find(scan.scan_id)
    assert isinstance(summary, ScanSummary)
    assert (summary.scan_id, summary.lesion_id, summary.taken_at) == (scan.scan_id, lesion, scan.taken_at)
    assert summary.frame_size == (scan.frame.width, scan.frame.height)
    assert summary.features == scan.assessment.features
    assert summary.probabilities == scan.assessment.probabilities
    assert list(summary.probabilities) == list(scan.assessment.probabilities)
    assert summary.provenance == scan.provenance
    assert summary.filed_at.tzinfo is not None


def test_a_timeline_is_one_lesion_oldest_first(history: History, new_scan: NewScan) -> None:
    lesion = history.file_scan(new_scan(3))
    for seed in (1, 5, 2):
        assert history.file_scan(new_scan(seed), lesion) == lesion
    history.file_scan(new_scan(4))
    days = [summary.taken_at.day for summary in history.timeline(lesion)]
    assert days == [2, 3, 4, 6]


def test_the_latest_are_of_all_lesions_newest_first(history: History, new_scan: NewScan) -> None:
    for seed in (3, 1, 5, 2):
        history.file_scan(new_scan(seed))
    assert [summary.taken_at.day for summary in history.latest(3)] == [6, 4, 3]
    assert history.count() == 4


def test_a_scan_is_found_by_a_beginning_that_fits_it_alone(history: History, new_scan: NewScan) -> None:
    model = new_scan(1)
    ids = ["11111111-1111-4111-8111-111111111111", "11111111-1111-4222-8111-111111111111"]
    for scan_id in ids:
        history.file_scan(Scan(scan_id, model.frame, model.assessment, model.provenance, model.device))
    assert history.find(ids[0][:16]).scan_id == ids[0]
    assert history.find(ids[1]).scan_id == ids[1]
    with pytest.raises(UnknownRecord, match="unique scan"):
        history.find("11111111")
    for unknown in ("1111111", "22222222", "%%%%%%%%", "", "11111111-1111-4111-8111-1111111111111"):
        with pytest.raises(UnknownRecord, match="no such scan"):
            history.find(unknown)


def test_a_lesion_is_what_was_recorded(history: History) -> None:
    first = history.create_lesion(
        subject_alias="heron-7", anatomic_site="T-D8200", laterality=Laterality.LEFT, note="follow up in spring"
    )
    second = history.create_lesion(subject_alias="heron-7")
    lesion = history.lesion(first)
    assert (lesion.lesion_id, lesion.subject_alias, lesion.anatomic_site) == (first, "heron-7", "T-D8200")
    assert (lesion.laterality, lesion.note) == (Laterality.LEFT, "follow up in spring")
    assert history.lesion(second).subject_alias == "heron-7"
    assert history.timeline(second) == ()


def test_a_scan_without_a_lesion_opens_one_in_the_inbox(history: History, new_scan: NewScan) -> None:
    lesion = history.lesion(history.file_scan(new_scan(1)))
    assert (lesion.subject_alias, lesion.anatomic_site, lesion.laterality, lesion.note) == (None, None, None, None)


def test_what_is_unknown_is_said_to_be(history: History, folder: Path, new_scan: NewScan) -> None:
    nowhere = str(uuid.uuid4())
    with pytest.raises(UnknownRecord, match="no such lesion"):
        history.lesion(nowhere)
    with pytest.raises(UnknownRecord, match="no such lesion"):
        history.timeline(nowhere)
    with pytest.raises(UnknownRecord, match="no such lesion"):
        history.file_scan(new_scan(1), nowhere)
    with pytest.raises(UnknownRecord, match="no such lesion"):
        history.issue_ticket(nowhere, timedelta(minutes=1))
    with pytest.raises(UnknownRecord, match="no such scan"):
        history.load(nowhere)
    assert history.count() == 0
    assert not any((folder / "transit").iterdir())


def test_filing_twice_is_a_defect_that_leaves_the_first(
    history: History, folder: Path, new_scan: NewScan, same_scan: SameScan
) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    before = sorted((folder / "blobs").iterdir())
    with pytest.raises(Exception, match="UNIQUE") as caught:
        history.file_scan(scan)
    assert scan.scan_id not in str(caught.value)
    assert sorted((folder / "blobs").iterdir()) == before
    assert not any((folder / "transit").iterdir())
    same_scan(history.load(scan.scan_id), scan)
    assert history.count() == 1


def test_blob_names_tell_nothing_of_the_scan(history: History, folder: Path, new_scan: NewScan) -> None:
    scan = new_scan(1)
    lesion = history.file_scan(scan)
    names = [path.name for path in (folder / "blobs").iterdir()]
    assert len(names) == 2
    for name in names:
        assert len(name) == 32
        assert not set(name) - set("0123456789abcdef")
        assert scan.scan_id.replace("-", "") != name != lesion.replace("-", "")


def test_each_filing_of_the_same_picture_looks_different(history: History, folder: Path, new_scan: NewScan) -> None:
    model = new_scan(1)
    lesion = history.file_scan(model)
    again = Scan(str(uuid.uuid4()), model.frame, model.assessment, model.provenance, model.device)
    history.file_scan(again, lesion)
    contents = [path.read_bytes() for path in (folder / "blobs").iterdir()]
    assert len({content[36:68] for content in contents}) == 4


def test_threads_file_and_read_together(history: History, new_scan: NewScan) -> None:
    scans = [new_scan(seed) for seed in range(12)]
    failures: list[BaseException] = []

    def work(mine: list[Scan]) -> None:
        try:
            for scan in mine:
                history.file_scan(scan)
                history.load(scan.scan_id)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is judged by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(scans[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert history.count() == 12
    history.check()


def test_free_space_is_the_disks(history: History, folder: Path) -> None:
    disk = os.statvfs(folder)
    assert history.free_bytes() == pytest.approx(disk.f_bavail * disk.f_frsize, rel=0.2)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_two_hundred_scans_cost_no_memory_and_no_descriptors(history: History, new_scan: NewScan) -> None:
    def resident_kib() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0])

    scan = new_scan(0, size=(320, 240))
    lesion = history.create_lesion()

    def file(times: int) -> None:
        for _ in range(times):
            again = Scan(str(uuid.uuid4()), scan.frame, scan.assessment, scan.provenance, scan.device)
            history.file_scan(again, lesion)
            history.load(again.scan_id)

    file(20)
    open_before, kib_before = descriptors(), resident_kib()
    file(180)
    assert descriptors() == open_before
    assert resident_kib() - kib_before < 16 * 1024
    assert history.count() == 200
    assert len(history.latest(500)) == 200


def test_opening_and_closing_leaves_no_descriptor(folder: Path, master: MasterKey) -> None:
    History.open(folder, master).close()
    before = descriptors()
    for _ in range(20):
        History.open(folder, master).close()
    assert descriptors() == before


def test_nobody_is_named_in_the_log(
    folder: Path,
    master: MasterKey,
    new_scan: NewScan,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    scan = new_scan(1)
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias="heron-7", note="follow up in spring")
        history.file_scan(scan, lesion)
        history.load(scan.scan_id)
        history.redeem_ticket(history.issue_ticket(lesion, timedelta(minutes=1)))
    said = caplog.text + "".join(capfd.readouterr())
    for secret in (scan.scan_id, lesion, "heron-7", "spring", bytes(range(32)).hex(), str(folder)):
        assert secret not in said


def test_a_reader_cannot_write(folder: Path, master: MasterKey, history: History, new_scan: NewScan) -> None:
    history.file_scan(new_scan(1))
    with History.open(folder, master, read_only=True) as reader:
        assert reader.count() == 1
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.file_scan(new_scan(2))
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.create_lesion()
    assert not any((folder / "transit").iterdir())
