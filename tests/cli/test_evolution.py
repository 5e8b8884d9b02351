"""The timeline of a lesion, as a table, as JSON, and drawn."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance import Appliance
from dermscan.capture.phantom import PhantomScene, render_phantom
from dermscan.capture.phantom.motion import HELD
from dermscan.cli.closeups import BEFORE, NOW, SIDE, close_up
from dermscan.cli.evolution import _write_private
from dermscan.cli.timeline import Visit, visits
from dermscan.cli.timeline_page import page, picture
from dermscan.domain import (
    Assessment,
    Frame,
    LesionFeatures,
    LesionMask,
    Provenance,
    Quality,
    RiskBand,
    Scan,
)
from dermscan.domain.evolution import ChangeBand, ChangeReason
from dermscan.errors import InputError, OutputError
from dermscan.history.evolution import compare
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)


def scan(days: int, angle: float, *, masked: bool = True) -> Scan:
    scene = PhantomScene(width=480, height=360, seed=4, pose=replace(HELD, angle_deg=angle), noise=days)
    pixels, truth = render_phantom(scene)
    features = LesionFeatures(1, 0.1, 2, 1.3, 3, 120.0, None, int(truth.sum()), 3.5, 5.5)
    mask = LesionMask(truth, 0.9) if masked else None
    said = Assessment(
        Quality(9, 0.5, 0, 0, 0.2), None, mask, features if masked else None, {}, None, None, RiskBand.LOW, None
    )
    frame = Frame(pixels, 0, 0.0, FIRST + timedelta(days=days))
    return Scan(str(uuid.uuid4()), frame, said, Provenance("demo", "0" * 64, "0.1.0", "1" * 64), "room-1")


@pytest.fixture
def followed(appliance: Appliance) -> str:
    """A lesion with three visits, the last without a mask; and another lesion besides."""
    key = load_master_key(HistorySettings(folder=appliance.history, key_file=appliance.key_file))
    with History.open(appliance.history, key) as history:
        lesion = history.file_scan(scan(0, 0.0))
        history.file_scan(scan(91, 12.0), lesion)
        history.file_scan(scan(120, 0.0, masked=False), lesion)
        history.file_scan(scan(5, 3.0))
    return lesion


@pytest.fixture
def opened(appliance: Appliance, followed: str) -> Iterator[History]:
    assert followed
    key = load_master_key(HistorySettings(folder=appliance.history, key_file=appliance.key_file))
    with History.open(appliance.history, key, read_only=True) as history:
        yield history


@pytest.fixture
def shown(opened: History, followed: str) -> tuple[Visit, ...]:
    return visits(opened, followed, None)


def test_every_later_visit_is_compared_with_the_first(shown: tuple[Visit, ...]) -> None:
    assert [visit.taken_at for visit in shown] == [FIRST + timedelta(days=days) for days in (0, 91, 120)]
    baseline, second, third = (visit.evolution for visit in shown)
    assert baseline is None
    assert second is not None
    assert second.band is ChangeBand.NONE, second.reasons
    assert third is not None
    assert third.reasons == (ChangeReason.NO_MASK,)


def test_the_baseline_can_be_set_by_hand(opened: History, followed: str) -> None:
    second = opened.timeline(followed)[1]
    shown = visits(opened, followed, second.scan_id[:8])
    assert shown[0].scan_id == second.scan_id
    assert len(shown) == 2


def test_a_baseline_that_is_kept_is_taken_unless_another_is_named(appliance: Appliance, followed: str) -> None:
    key = load_master_key(HistorySettings(folder=appliance.history, key_file=appliance.key_file))
    with History.open(appliance.history, key) as history:
        first, second, _ = history.timeline(followed)
        history.set_baseline(followed, second.scan_id)
        assert visits(history, followed, None)[0].scan_id == second.scan_id
        assert visits(history, followed, first.scan_id)[0].scan_id == first.scan_id


def test_a_scan_of_another_lesion_is_no_baseline(opened: History, followed: str) -> None:
    others = [summary for summary in opened.latest() if summary.lesion_id != followed]
    with pytest.raises(InputError, match="another lesion"):
        visits(opened, followed, others[0].scan_id)


def test_thumbnails_show_the_outline_and_pages_load_nothing(shown: tuple[Visit, ...]) -> None:
    text = page(shown).decode()
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == text.count("src=") == 5
    outlined = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_COLOR)
    assert outlined is not None
    greenish = outlined[..., 1].astype(int) - outlined[..., 2]
    assert (greenish > 100).sum() > 50, "the outline is drawn"
    assert "http" not in text
    assert "this is no diagnosis" in text
    assert text.count("<svg") == 2
    assert "not comparable (no mask)" in text
    assert shown[0].scan_id not in text


def test_the_picture_holds_thumbnails_and_curves(shown: tuple[Visit, ...]) -> None:
    drawn = cv2.imdecode(np.frombuffer(picture(shown), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape[1] >= 3 * 240
    small = cv2.cvtColor(shown[0].thumbnail, cv2.COLOR_RGB2BGR)
    assert cv2.matchTemplate(drawn, small, cv2.TM_SQDIFF_NORMED).min() < 1e-3


def test_a_visit_is_laid_over_the_baseline_with_both_outlines_and_the_changes(shown: tuple[Visit, ...]) -> None:
    assert shown[0].closeup is None
    assert shown[2].closeup is None, "without a mask there is nothing to lay"
    seen = shown[1].closeup
    assert seen is not None
    assert seen.outlines.shape == (SIDE, SIDE, 3)
    for color in (BEFORE, NOW):
        assert (np.abs(seen.outlines.astype(int) - color).sum(axis=2) < 120).sum() > 50
    assert seen.changes is not None
    assert np.ptp(seen.changes.astype(int), axis=2).max() < 60, "nothing has changed, so all is grey"
    text = page(shown).decode()
    assert text.count('alt="laid over the baseline"') == text.count('alt="what changed"') == 1


def test_a_new_spot_is_shown_where_it_is() -> None:
    first, later = scan(0, 0.0), scan(91, 0.0)
    mask = first.assessment.mask
    assert mask is not None
    rows, columns = np.nonzero(mask.pixels)
    x, y = int(columns.mean()), int(rows.mean())
    spotted = cv2.circle(later.frame.pixels.copy(), (x, y), 14, (20, 20, 30), cv2.FILLED)
    later = replace(later, frame=replace(later.frame, pixels=np.asarray(spotted, np.uint8)))
    seen = close_up(first, later, compare(first, later))
    assert seen is not None
    assert seen.changes is not None
    down, across = np.nonzero(np.ptp(seen.changes.astype(int), axis=2) > 100)
    assert len(down) > 100
    scale = SIDE / (1.7 * max(np.ptp(columns) + 1, np.ptp(rows) + 1))
    left, upper = columns.min() + np.ptp(columns) / 2, rows.min() + np.ptp(rows) / 2
    assert np.median(across) == pytest.approx(SIDE / 2 + scale * (x - left), abs=8)
    assert np.median(down) == pytest.approx(SIDE / 2 + scale * (y - upper), abs=8)


def test_one_visit_alone_can_be_drawn(shown: tuple[Visit, ...]) -> None:
    assert b"baseline" in page(shown[:1])
    assert picture(shown[:1]).startswith(b"\x89PNG")


def test_a_file_with_pictures_is_its_owners_alone_even_where_one_was(tmp_path: Path) -> None:
    path = tmp_path / "timeline.html"
    path.write_bytes(b"longer than what comes")
    path.chmod(0o644)
    _write_private(path, b"short")
    assert path.read_bytes() == b"short"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed_when_pictures_are_written(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(OutputError):
        _write_private(tmp_path / "link.html", b"short")
    assert not (tmp_path / "elsewhere.html").exists()


def test_the_command_tells_json_and_writes_the_page(appliance: Appliance, followed: str, tmp_path: Path) -> None:
    target = tmp_path / "timeline.html"
    done = appliance.call("history", "evolution", followed[:8], "--out", str(target), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [visit["evolution"] and visit["evolution"]["band"] for visit in said] == [None, "none", "not_comparable"]
    assert abs(said[1]["evolution"]["growth"]["area"]) < 0.05
    assert "change_map" not in said[1]["evolution"]["color"]
    assert "pictures in clear" in done.stderr
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("arguments", "code"), [(("no-such-lesion",), 46), (("00000000", "--out", "t.pdf"), 12)])
def test_what_cannot_be_is_one_sentence(
    appliance: Appliance, followed: str, arguments: tuple[str, ...], code: int
) -> None:
    assert followed
    done = appliance.call("history", "evolution", *arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_the_table_says_that_it_is_no_diagnosis(appliance: Appliance, followed: str) -> None:
    done = appliance.call("history", "evolution", followed)
    assert "this is no diagnosis" in done.stdout
    assert "not comparable (no mask)" in done.stdout
