from collections.abc import Callable
from itertools import pairwise
from math import hypot

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.camera_settings import CameraSettings
from dermscan.capture.pacing import Clock
from dermscan.capture.phantom import EMPTY, VIEW_MM, PhantomCamera, PhantomScene, Pose, is_held, render_phantom
from dermscan.capture.phantom.motion import AWAY, CYCLE_S, pose_at, visit_at
from dermscan.capture.phantom.texture import cell_borders, noise_octaves, smoothstep
from dermscan.domain import RgbImage
from dermscan.errors import CameraLost
from dermscan.settings import QualitySettings

WIDTH, HEIGHT = 320, 240


def phantom(clock: Clock, **changes: object) -> PhantomCamera:
    values: dict[str, object] = {"backend": "phantom", "width": WIDTH, "height": HEIGHT, "rate_hz": 5} | changes
    return PhantomCamera(CameraSettings.model_validate(values), clock)


def scene(**changes: object) -> PhantomScene:
    values: dict[str, object] = {"width": WIDTH, "height": HEIGHT} | changes
    return PhantomScene(**values)  # type: ignore[arg-type]


def luminance(picture: RgbImage) -> NDArray[np.float64]:
    weighted = picture.astype(np.float64) * np.array([0.299, 0.587, 0.114])
    return np.asarray(weighted.sum(axis=2), dtype=np.float64)


def smoothed(picture: RgbImage, window: int) -> RgbImage:
    """The picture without hairs and noise."""
    return np.asarray(cv2.medianBlur(picture, window), dtype=np.uint8)


def touches_edge(mask: NDArray[np.bool_]) -> bool:
    return bool(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any())


def test_the_same_scene_is_the_same_picture() -> None:
    first, second = render_phantom(scene(seed=3)), render_phantom(scene(seed=3))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("change", [{"seed": 4}, {"lesion": 1}, {"noise": 9}, {"pose": Pose(x=0.1)}])
def test_another_scene_is_another_picture(change: dict[str, object]) -> None:
    assert not np.array_equal(render_phantom(scene())[0], render_phantom(scene(**change))[0])


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10**6), st.integers(0, 500))
def test_every_lesion_is_one_dark_region_without_holes_inside_the_view(seed: int, lesion: int) -> None:
    picture, mask = render_phantom(scene(seed=seed, lesion=lesion))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.dtype == np.bool_
    assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2
    assert cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)[0] == 2
    assert not touches_edge(mask)
    columns = np.flatnonzero(mask.any(axis=0))
    assert 0.15 < (columns[-1] - columns[0] + 1) / WIDTH < 0.5
    brightness = luminance(picture)
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25))) > cv2.dilate(mask.astype(np.uint8), np.ones((9, 9)))
    assert float(brightness[mask].mean()) < 0.8 * float(brightness[ring].mean())


@pytest.mark.parametrize("lesion", range(4))
def test_the_mask_is_where_the_pigment_is(lesion: int) -> None:
    picture, mask = render_phantom(scene(lesion=lesion))
    bare, _ = render_phantom(scene(lesion=None))
    darker = luminance(bare) - luminance(picture) > 0.15 * luminance(bare)
    dice = 2 * np.count_nonzero(darker & mask) / (np.count_nonzero(darker) + np.count_nonzero(mask))
    assert dice > 0.93


def test_a_lesion_has_several_colors() -> None:
    picture, mask = render_phantom(scene())
    spread = picture[mask].astype(np.float64).std(axis=0)
    assert spread.min() > 12


def test_empty_skin_has_no_lesion_and_no_dark_region() -> None:
    picture, mask = render_phantom(scene(pose=EMPTY))
    assert not mask.any()
    assert not render_phantom(scene(lesion=None))[1].any()
    brightness = luminance(smoothed(picture, 15))[: int(0.85 * HEIGHT)]
    assert brightness.min() > 0.75 * np.median(brightness)


@pytest.mark.parametrize("seed", range(5))
def test_skin_is_pinkish_and_bright_enough_for_the_quality_gate(seed: int) -> None:
    picture, _ = render_phantom(scene(seed=seed, lesion=None))
    red, green, blue = picture.mean(axis=(0, 1))
    assert red > green > blue
    limits = QualitySettings()
    assert limits.min_exposure + 0.2 < luminance(picture).mean() / 255 < limits.max_exposure - 0.1


def test_the_ruler_has_a_tick_each_millimetre() -> None:
    picture, _ = render_phantom(PhantomScene(lesion=None))
    strip = luminance(picture)[int(0.915 * 960) : int(0.93 * 960)].mean(axis=0)
    ticks = np.flatnonzero(
        (strip < 0.7 * np.median(strip)) & (strip <= np.roll(strip, 1)) & (strip < np.roll(strip, -1))
    )
    gaps = np.diff(ticks)
    gaps = gaps[gaps > 10]
    assert len(gaps) >= 20
    assert float(np.median(gaps)) == pytest.approx(1280 / VIEW_MM, abs=1)


def test_the_scale_is_the_phantoms_own(clock: Clock) -> None:
    with phantom(clock, mm_per_pixel=0.5) as camera:
        assert camera.read().mm_per_pixel == pytest.approx(VIEW_MM / WIDTH)
    assert scene().mm_per_pixel == pytest.approx(VIEW_MM / WIDTH)


def test_a_lesion_keeps_its_place_at_every_size() -> None:
    shares = [
        float(render_phantom(PhantomScene(width, height))[1].mean())
        for width, height in ((320, 240), (640, 480), (2000, 1500))
    ]
    assert shares == pytest.approx([shares[0]] * 3, rel=0.05)


@pytest.mark.parametrize(("width", "height"), [(160, 120), (400, 120), (161, 700), (1920, 1080)])
def test_odd_sizes_show_a_whole_lesion(width: int, height: int) -> None:
    picture, mask = render_phantom(PhantomScene(width, height))
    assert picture.shape == (height, width, 3)
    assert mask.any()
    assert not touches_edge(mask)


def test_two_cameras_with_one_seed_show_the_same_frames(clock: Clock) -> None:
    with phantom(clock, seed=8) as one, phantom(clock, seed=8) as other:
        for _ in range(20):
            assert np.array_equal(one.read().pixels, other.read().pixels)


def test_a_reopened_camera_begins_again(clock: Clock) -> None:
    camera = phantom(clock)
    with camera:
        first = [camera.read() for _ in range(3)]
    with camera:
        again = [camera.read() for _ in range(3)]
    assert [frame.sequence for frame in again] == [0, 1, 2]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))


def test_frames_come_at_the_rate_with_rising_numbers_and_times(clock: Clock) -> None:
    with phantom(clock, rate_hz=4) as camera:
        frames = [camera.read() for _ in range(8)]
    assert [frame.sequence for frame in frames] == list(range(8))
    assert [b.monotonic_s - a.monotonic_s for a, b in pairwise(frames)] == pytest.approx([0.25] * 7)
    assert all(a.taken_at < b.taken_at for a, b in pairwise(frames))


def test_the_hand_moves_less_than_the_limit_while_it_holds_still() -> None:
    limit = QualitySettings().max_motion / 100 * hypot(1280, 960) / 1280
    for rate_hz in (1, 5, 10, 30):
        moments = [n / rate_hz for n in range(int(3 * CYCLE_S * rate_hz))]
        for one, other in pairwise(moments):
            if is_held(one) and is_held(other):
                a, b = pose_at(one), pose_at(other)
                assert hypot(a.x - b.x, a.y - b.y) < 0.4 * limit
                assert abs(np.radians(a.angle_deg - b.angle_deg)) * 0.6 < 0.2 * limit


def test_the_picture_shifts_less_than_the_limit_while_it_is_held_still(clock: Clock) -> None:
    with phantom(clock, rate_hz=5) as camera:
        frames = [camera.read() for _ in range(45)]
    held = [luminance(frame.pixels) for frame in frames if is_held(frame.sequence / 5)]
    assert len(held) > 20
    window = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_64F)
    shifts = [hypot(*cv2.phaseCorrelate(a, b, window)[0]) for a, b in pairwise(held)]
    assert max(shifts) < 0.5 * QualitySettings().max_motion / 100 * hypot(WIDTH, HEIGHT)


def test_the_hand_moves_more_than_the_limit_on_its_way() -> None:
    limit = QualitySettings().max_motion / 100 * hypot(1280, 960) / 1280
    steps = [abs(pose_at(n / 10).x - pose_at((n - 1) / 10).x) for n in range(18, 28)]
    assert min(steps) > limit


def test_a_visit_shows_empty_skin_then_the_lesion_then_empty_skin() -> None:
    truth = [
        render_phantom(scene(width=160, height=120, pose=pose_at(seconds)))[1]
        for seconds in (0.5, 2.2, 4.0, 9.5, CYCLE_S - 0.01)
    ]
    areas = [int(mask.sum()) for mask in truth]
    assert areas[0] == 0
    assert areas[2] == pytest.approx(areas[3], rel=0.05)
    assert areas[2] > 0
    assert areas[4] == 0


def test_every_visit_shows_another_lesion(clock: Clock) -> None:
    with phantom(clock, rate_hz=1) as camera:
        frames = [camera.read() for _ in range(3 * int(CYCLE_S) + 4)]
    held = {visit_at(frame.sequence): frame.pixels for frame in frames if is_held(frame.sequence)}
    assert set(held) == {0, 1, 2}
    areas = {int((luminance(smoothed(pixels, 9))[:200] < 95).sum()) for pixels in held.values()}
    assert len(areas) == 3


def test_the_lesion_changes_only_while_empty_skin_is_in_view() -> None:
    change = [n / 50 for n in range(1, 3000) if visit_at(n / 50) != visit_at((n - 1) / 50)]
    assert len(change) == int(60 // CYCLE_S)
    for seconds in change:
        for moment in (seconds - 0.02, seconds, seconds + 0.5):
            assert pose_at(moment).x == pytest.approx(AWAY, abs=0.005)


def test_a_camera_that_is_not_open_is_lost(clock: Clock) -> None:
    camera = phantom(clock)
    with pytest.raises(CameraLost):
        camera.read()
    with camera:
        camera.read()
    with pytest.raises(CameraLost):
        camera.read()
    camera.close()
    assert camera.name == "phantom"


def test_memory_does_not_grow_over_three_hundred_frames(clock: Clock, resident_mb: Callable[[], float]) -> None:
    with phantom(clock, width=640, height=480) as camera:
        for _ in range(60):
            camera.read()
        before = resident_mb()
        for _ in range(300):
            camera.read()
        assert resident_mb() - before < 40


def test_twenty_openings_neither_leak_memory_nor_files(
    clock: Clock, resident_mb: Callable[[], float], count_open_files: Callable[[], int]
) -> None:
    camera = phantom(clock)
    with camera:
        camera.read()
    before = resident_mb(), count_open_files()
    for _ in range(20):
        with camera:
            camera.read()
    assert resident_mb() - before[0] < 60
    assert count_open_files() == before[1]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 90), st.integers(1, 90), st.floats(1, 60), st.integers(1, 6))
def test_noise_is_normalised_and_finite(seed: int, height: int, width: int, longest: float, octaves: int) -> None:
    noise = noise_octaves(np.random.default_rng(seed), (height, width), longest, octaves)
    assert noise.shape == (height, width)
    assert np.isfinite(noise).all()
    assert abs(float(noise.mean())) < 1e-2


def test_cell_borders_lie_between_zero_and_one() -> None:
    borders = cell_borders(np.random.default_rng(1), (60, 80), 12, 0.5)
    assert borders.min() >= 0
    assert borders.max() == pytest.approx(1)
    assert 0.02 < float((borders > 0.5).mean()) < 0.6


def test_smoothstep_goes_from_zero_to_one() -> None:
    field = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]], dtype=np.float32)
    assert smoothstep(field, 0, 1).tolist() == [[0.0, 0.0, 0.5, 1.0, 1.0]]
