from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from dermscan.domain import CameraState, Scan
from dermscan.errors import UnknownRecord
from dermscan.history import History
from dermscan.settings import RetentionSettings

NewScan = Callable[..., Scan]
STATE = CameraState("picamera2", "0", 0.01, 2.0, 1.0, 1.8, 1.4, 9.5)


def with_camera(scan: Scan) -> Scan:
    return replace(scan, frame=replace(scan.frame, camera=STATE, calibration_id="ab" * 16))


def test_a_scan_says_how_its_camera_stood_and_which_calibration_it_used(
    history: History, new_scan: NewScan, same_scan: Callable[[Scan, Scan], None]
) -> None:
    scan = with_camera(new_scan(1))
    history.file_scan(scan)
    (summary,) = history.latest()
    assert (summary.camera, summary.calibration_id) == (STATE, "ab" * 16)
    same_scan(history.load(scan.scan_id), scan)


def test_a_scan_without_either_says_nothing(history: History, new_scan: NewScan) -> None:
    history.file_scan(new_scan(1))
    (summary,) = history.latest()
    assert (summary.camera, summary.calibration_id) == (None, None)


def test_a_baseline_is_set_by_hand_and_taken_back(history: History, new_scan: NewScan) -> None:
    first, second = new_scan(1), new_scan(2)
    lesion = history.file_scan(first)
    history.file_scan(second, lesion)
    assert history.lesion(lesion).baseline_scan_id is None
    history.set_baseline(lesion, second.scan_id)
    assert history.lesion(lesion).baseline_scan_id == second.scan_id
    assert history.audit_entries()[0].action == "baseline_set"
    history.set_baseline(lesion, None)
    assert history.lesion(lesion).baseline_scan_id is None


def test_another_lesions_scan_is_no_baseline(history: History, new_scan: NewScan) -> None:
    lesion, other = history.file_scan(new_scan(1)), new_scan(2)
    history.file_scan(other)
    for wrong in (other.scan_id, "no such scan"):
        with pytest.raises(UnknownRecord, match="scan of this lesion"):
            history.set_baseline(lesion, wrong)
    assert history.lesion(lesion).baseline_scan_id is None


def test_a_baseline_set_by_hand_outlives_the_policy_of_retention(history: History, new_scan: NewScan) -> None:
    scans = [new_scan(number) for number in range(1, 5)]
    lesion = history.create_lesion(subject_alias="heron-7")
    for scan in scans:
        history.file_scan(scan, lesion)
    history.set_baseline(lesion, scans[1].scan_id)
    late = scans[-1].taken_at + timedelta(days=400)
    assert history.expire(RetentionSettings(max_age_days=30), late) == 2
    assert [scan.scan_id for scan in history.timeline(lesion)] == [scans[0].scan_id, scans[1].scan_id]


def test_an_erased_lesion_has_no_baseline(history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    lesion = history.file_scan(scan)
    history.set_baseline(lesion, scan.scan_id)
    history.erase_lesion(lesion)
    with pytest.raises(UnknownRecord):
        history.set_baseline(lesion, None)
