"""The gate refuses what is spoilt, for the right reason, and lets good frames through."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermscan.analysis.quality import UNRELATED, cut_off, judge, thumbnail
from dermscan.domain import Frame, RejectReason, Roi
from dermscan.settings import QualitySettings

MakeFrame = Callable[..., Frame]
Render = Callable[..., np.ndarray]
LIMITS = QualitySettings()
BOX = Roi(192, 120, 448, 360)


def test_a_good_frame_passes(make_frame: MakeFrame, render: Render) -> None:
    quality = judge(make_frame(render(480, 640)), BOX, None, LIMITS)
    assert quality.reasons == ()
    assert quality.reject is None
    assert quality.motion == 0
    assert quality.lesion_share == pytest.approx(0.2)


def read_rgb(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def spoil_dark(pixels: np.ndarray) -> np.ndarray:
    return pixels * 0.1


def spoil_bright(pixels: np.ndarray) -> np.ndarray:
    return pixels * 3.0


def spoil_blur(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.02 * pixels.shape[1]))


def spoil_glare(pixels: np.ndarray) -> np.ndarray:
    return cv2.circle(pixels.copy(), (320, 240), 50, (255, 255, 255), cv2.FILLED)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_dark, RejectReason.TOO_DARK),
        (spoil_bright, RejectReason.TOO_BRIGHT),
        (spoil_blur, RejectReason.OUT_OF_FOCUS),
        (spoil_glare, RejectReason.GLARE),
    ],
)
def test_a_spoilt_frame_is_refused_for_what_was_done_to_it(
    make_frame: MakeFrame, render: Render, spoil: Callable[[np.ndarray], np.ndarray], reason: RejectReason
) -> None:
    quality = judge(make_frame(spoil(render(480, 640))), BOX, None, LIMITS)
    assert reason in quality.reasons


def test_darkness_is_not_taken_for_blur(make_frame: MakeFrame, render: Render) -> None:
    bright, dark = (judge(make_frame(render(480, 640) * gain), BOX, None, LIMITS) for gain in (1.0, 0.3))
    assert dark.focus == pytest.approx(bright.focus, rel=0.15)


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.0])
def test_the_camera_s_resolution_matters_little(make_frame: MakeFrame, render: Render, scale: float) -> None:
    pixels = render(480, 640)
    other = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = Roi(*(scale * np.array([BOX.x0, BOX.y0, BOX.x1, BOX.y1])))
    one, two = judge(make_frame(pixels), BOX, None, LIMITS), judge(make_frame(other), box, None, LIMITS)
    assert two.focus == pytest.approx(one.focus, rel=0.25)
    assert two.exposure == pytest.approx(one.exposure, abs=0.01)


def test_blur_lowers_focus_step_by_step(make_frame: MakeFrame, render: Render) -> None:
    pixels = render(480, 640)
    blurred = [pixels, *(cv2.GaussianBlur(pixels, (0, 0), sigma) for sigma in (2, 4, 8, 16))]
    figures = [judge(make_frame(picture), BOX, None, LIMITS).focus for picture in blurred]
    assert figures == sorted(figures, reverse=True)


@pytest.mark.parametrize(("dx", "dy"), [(16, 0), (0, 12), (-24, 9), (40, -30)])
def test_motion_is_the_shift_in_per_cent_of_the_diagonal(
    make_frame: MakeFrame, render: Render, dx: int, dy: int
) -> None:
    wide = render(700, 900, axes=(0.15, 0.2))
    before = make_frame(wide[100:580, 100:740])
    after = make_frame(wide[100 + dy : 580 + dy, 100 + dx : 740 + dx])
    quality = judge(after, BOX, thumbnail(before), LIMITS)
    assert quality.motion == pytest.approx(100 * np.hypot(dx, dy) / 800, abs=0.3)
    assert RejectReason.MOTION in quality.reasons


def test_a_still_camera_with_a_noisy_sensor_does_not_move(make_frame: MakeFrame, render: Render) -> None:
    pixels, rng = render(480, 640), np.random.default_rng(5)
    one, two = (make_frame(pixels + rng.normal(0, 6, pixels.shape)) for _ in range(2))
    assert judge(two, BOX, thumbnail(one), LIMITS).motion < 0.2


def test_another_scene_has_no_common_shift(make_frame: MakeFrame) -> None:
    rng = np.random.default_rng(2)
    one, other = (cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (640, 480)) for _ in range(2))
    assert judge(make_frame(one), BOX, thumbnail(make_frame(other)), LIMITS).motion == UNRELATED


def test_measuring_motion_leaves_the_thumbnail_as_it_was(make_frame: MakeFrame, render: Render) -> None:
    previous = thumbnail(make_frame(render(480, 640)))
    kept = previous.copy()
    judge(make_frame(render(480, 640, center=(0.52, 0.5))), BOX, previous, LIMITS)
    assert np.array_equal(previous, kept)


def test_without_a_region_there_is_no_lesion_and_the_whole_frame_is_judged(
    make_frame: MakeFrame, render: Render
) -> None:
    quality = judge(make_frame(render(480, 640)), None, None, LIMITS)
    assert quality.reasons == (RejectReason.NO_LESION,)
    assert quality.lesion_share == 0


def test_a_small_lesion_is_too_small(make_frame: MakeFrame, render: Render) -> None:
    quality = judge(make_frame(render(480, 640)), Roi(300, 220, 330, 250), None, LIMITS)
    assert RejectReason.LESION_TOO_SMALL in quality.reasons


@pytest.mark.parametrize(
    ("box", "share"),
    [
        (Roi(100, 100, 200, 200), 0.0),
        (Roi(0, 100, 100, 200), 0.25),
        (Roi(0, 0, 100, 100), 0.5),
        (Roi(2, 100, 638, 200), 100 / 736),
        (Roi(0, 0, 640, 200), (640 + 400) / 1680),
        (Roi(0, 0, 640, 480), 1.0),
    ],
)
def test_cut_off_is_the_share_of_the_box_on_the_frame_s_edge(
    make_frame: MakeFrame, render: Render, box: Roi, share: float
) -> None:
    frame = make_frame(render(480, 640))
    assert cut_off(box, frame) == pytest.approx(share)
    refused = RejectReason.LESION_CUT_OFF in judge(frame, box, None, LIMITS).reasons
    assert refused is (share > LIMITS.max_cut_off)


def test_every_refusal_is_named_in_the_order_in_which_it_can_be_mended(make_frame: MakeFrame) -> None:
    quality = judge(make_frame(np.zeros((120, 160, 3))), Roi(0, 0, 160, 120), None, LIMITS)
    order = list(RejectReason)
    assert quality.reasons == (RejectReason.TOO_DARK, RejectReason.OUT_OF_FOCUS, RejectReason.LESION_CUT_OFF)
    assert [order.index(reason) for reason in quality.reasons] == sorted(order.index(r) for r in quality.reasons)
    assert quality.reject is RejectReason.TOO_DARK


corners = st.tuples(st.floats(0, 0.95), st.floats(0, 0.95), st.floats(0.01, 1), st.floats(0.01, 1))


@settings(deadline=None, max_examples=60)
@given(corner=corners, height=st.integers(1, 90), width=st.integers(1, 90), level=st.integers(0, 255))
def test_any_frame_and_any_box_in_it_can_be_judged(
    make_frame: MakeFrame, corner: tuple[float, float, float, float], height: int, width: int, level: int
) -> None:
    x, y, wide, high = corner
    box = Roi(x * width, y * height, min((x + wide) * width, width), min((y + high) * height, height))
    frame = make_frame(np.full((height, width, 3), level))
    quality = judge(frame, box, thumbnail(frame), LIMITS)
    assert np.isfinite([quality.focus, quality.exposure, quality.glare, quality.motion]).all()
    assert 0 <= quality.glare <= 1
    assert 0 <= quality.lesion_share <= 1
    assert quality.motion == 0


@pytest.mark.data
def test_real_pictures_pass_and_the_same_spoilt_are_refused(lesion_data: Path, make_frame: MakeFrame) -> None:
    with (lesion_data / "lesions.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["folder"] in {"clinical300", "ham224", "isic2018"}]
    passed: list[bool] = []
    refused: list[bool] = []
    for row in rows[:: len(rows) // 60]:
        pixels = read_rgb(lesion_data / row["image"])
        left, upper, wide, high = cv2.boundingRect(read_rgb(lesion_data / row["mask"])[..., 0])
        box = Roi(left, upper, left + max(wide, 1), upper + max(high, 1))
        reasons = judge(make_frame(pixels), box, None, LIMITS).reasons
        passed.append(not set(reasons) - {RejectReason.LESION_CUT_OFF, RejectReason.LESION_TOO_SMALL})
        spoilt = [make_frame(spoil(pixels)) for spoil in (spoil_dark, spoil_blur)]
        refused.extend(bool(judge(frame, box, None, LIMITS).reasons) for frame in spoilt)
    assert np.mean(passed) >= 0.93
    assert np.mean(refused) >= 0.93
