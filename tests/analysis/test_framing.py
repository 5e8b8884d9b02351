"""From frame to frame: when a lesion is held still, what to mend, and that one lesion is scanned once."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.analysis.framing import AWAY_S, Framing, View, sharpest
from dermscan.analysis.roi import find_roi
from dermscan.analysis.runtime import Models
from dermscan.domain import Frame, Quality, RejectReason, Roi
from dermscan.settings import QualitySettings, ScanSettings

MakeFrame = Callable[..., Frame]
Render = Callable[..., NDArray[np.uint8]]
STEP_S = 0.125
SCAN = ScanSettings(hold_still_s=1.0, min_iou=0.7)
HOME = Roi(128, 80, 192, 160)


@dataclass
class Scene:
    """A scripted camera at eight frames a second, whose times are exact."""

    make_frame: MakeFrame
    pictures: dict[str, NDArray[np.uint8]]
    time_s: float = 0.0
    roi: Roi | None = HOME
    framing: Framing = field(init=False)

    def __post_init__(self) -> None:
        self.framing = Framing(lambda _: self.roi, QualitySettings(), SCAN)

    def show(self, name: str = "lesion", frames: int = 1, roi: Roi | None = HOME) -> View:
        self.roi = roi
        for _ in range(frames):
            view = self.framing.look(self.make_frame(self.pictures[name], at=self.time_s))
            self.time_s += STEP_S
        return view


@pytest.fixture
def scene(make_frame: MakeFrame, render: Render) -> Scene:
    lesion = render()
    return Scene(
        make_frame,
        {
            "lesion": lesion,
            "other": render(center=(0.45, 0.55), axes=(0.2, 0.1), seed=40)[:, ::-1].copy(),
            "wall": np.full((240, 320, 3), 150, np.uint8),
            "dark": (lesion // 10).astype(np.uint8),
            "moved": np.roll(lesion, 24, axis=1),
        },
    )


def test_the_first_frame_is_not_ready(scene: Scene) -> None:
    view = scene.show()
    assert view.roi == HOME
    assert view.guidance is None
    assert view.still_for_s == 0
    assert not view.ready


def test_a_lesion_held_still_becomes_ready_after_the_time(scene: Scene) -> None:
    views = [scene.show() for _ in range(12)]
    assert [view.ready for view in views] == [False] * 8 + [True] * 4
    assert views[8].still_for_s == 1.0


@pytest.mark.parametrize(
    ("name", "roi", "reason"),
    [
        ("dark", HOME, RejectReason.TOO_DARK),
        ("moved", HOME, RejectReason.MOTION),
        ("lesion", None, RejectReason.NO_LESION),
        ("lesion", Roi(150, 110, 160, 120), RejectReason.LESION_TOO_SMALL),
        ("lesion", Roi(0, 0, 320, 200), RejectReason.LESION_CUT_OFF),
    ],
)
def test_anything_wrong_gives_guidance_and_starts_the_time_anew(
    scene: Scene, name: str, roi: Roi | None, reason: RejectReason
) -> None:
    scene.show(frames=8)
    wrong = scene.show(name, roi=roi)
    assert wrong.guidance is reason
    assert (wrong.still_for_s, wrong.ready) == (0.0, False)
    again = [scene.show(name if name == "moved" else "lesion") for _ in range(9)]
    assert not any(view.ready for view in again[:8])


def test_a_box_that_jumps_starts_the_time_anew(scene: Scene) -> None:
    scene.show(frames=8)
    assert scene.show(roi=Roi(170, 80, 234, 160)).still_for_s == 0
    assert scene.show(roi=Roi(170, 80, 234, 160)).still_for_s == STEP_S


def test_a_box_that_wavers_a_little_is_still(scene: Scene) -> None:
    scene.show(frames=5)
    assert scene.show(roi=Roi(132, 82, 195, 163)).still_for_s == 5 * STEP_S


def test_a_lesion_that_stays_is_scanned_once(scene: Scene) -> None:
    assert scene.show(frames=12).ready
    scene.framing.mark_scanned()
    assert not any(scene.show().ready for _ in range(60))


def test_a_scanned_lesion_under_a_trembling_hand_is_not_scanned_again(scene: Scene) -> None:
    scene.show(frames=12)
    scene.framing.mark_scanned()
    ready = []
    for _ in range(5):
        scene.show("moved", roi=Roi(152, 80, 216, 160))
        ready += [scene.show().ready for _ in range(14)]
    assert not any(ready)


def test_the_detector_s_flicker_does_not_arm_again(scene: Scene) -> None:
    scene.show(frames=12)
    scene.framing.mark_scanned()
    scene.show(frames=3, roi=None)
    assert not any(scene.show().ready for _ in range(30))


def test_a_lesion_that_left_and_came_back_is_scanned_again(scene: Scene) -> None:
    scene.show(frames=12)
    scene.framing.mark_scanned()
    scene.show("wall", frames=round(AWAY_S / STEP_S) + 1, roi=None)
    assert scene.show(frames=12).ready


def test_another_picture_at_the_same_place_is_another_lesion(scene: Scene) -> None:
    scene.show(frames=12)
    scene.framing.mark_scanned()
    assert scene.show("other").guidance is RejectReason.MOTION
    assert scene.show("other", frames=12).ready


def test_the_time_that_a_scan_takes_is_no_absence(scene: Scene) -> None:
    scene.show(frames=12)
    scene.framing.mark_scanned()
    scene.time_s += 5.0
    assert not any(scene.show().ready for _ in range(30))


def test_a_scan_on_command_of_nothing_does_not_hide_the_next_lesion(scene: Scene) -> None:
    scene.show("wall", frames=2, roi=None)
    scene.framing.mark_scanned()
    scene.show("wall", frames=round(AWAY_S / STEP_S), roi=None)
    assert scene.show(frames=12).ready


@settings(deadline=None, max_examples=25)
@given(script=st.lists(st.sampled_from(["lesion", "dark", "moved", "wall", "gone", "scan"]), max_size=40))
def test_ready_always_means_held_still_long_enough_with_nothing_wrong(
    make_frame: MakeFrame, render: Render, script: list[str]
) -> None:
    lesion = render(120, 160)
    pictures = {"lesion": lesion, "dark": lesion // 10, "moved": np.roll(lesion, 12, axis=1), "wall": lesion * 0 + 150}
    scene = Scene(make_frame, pictures)
    home, good_since = Roi(64, 40, 96, 80), None
    for step in script:
        if step == "scan":
            scene.framing.mark_scanned()
            good_since = None
            continue
        view = scene.show("lesion" if step == "gone" else step, roi=None if step == "gone" else home)
        started = scene.time_s - STEP_S
        good_since = None if view.guidance is not None else (started if good_since is None else good_since)
        assert view.still_for_s == pytest.approx(0 if good_since is None else started - good_since)
        assert not view.ready or view.still_for_s >= SCAN.hold_still_s
        assert (view.guidance is None) is (view.quality.reasons == ())


def test_the_time_is_that_of_the_frames_whatever_their_rate(scene: Scene) -> None:
    scene.show()
    scene.time_s += 0.9
    assert scene.show().ready


def quality(focus: float, *reasons: RejectReason) -> Quality:
    return Quality(focus, 0.5, 0.0, 0.0, 0.1, reasons)


def test_the_sharpest_frame_that_was_not_refused_is_chosen(make_frame: MakeFrame) -> None:
    frames = [make_frame(np.zeros((4, 4, 3)), at=time) for time in range(4)]
    figures = [quality(5), quality(9, RejectReason.MOTION), quality(7), quality(7)]
    assert sharpest(zip(frames, figures, strict=True)) is frames[2]


def test_when_all_were_refused_the_sharpest_is_chosen(make_frame: MakeFrame) -> None:
    frames = [make_frame(np.zeros((4, 4, 3)), at=time) for time in range(2)]
    figures = [quality(5, RejectReason.GLARE), quality(6, RejectReason.GLARE)]
    assert sharpest(zip(frames, figures, strict=True)) is frames[1]


def test_an_empty_burst_is_a_defect() -> None:
    with pytest.raises(ValueError, match="empty"):
        sharpest([])


def test_with_real_networks_a_rendered_lesion_becomes_ready(
    tiny_models: Models, make_frame: MakeFrame, render: Render
) -> None:
    framing = Framing(lambda frame: find_roi(frame, tiny_models), QualitySettings(), SCAN)
    rng, pixels = np.random.default_rng(4), render()
    views = [framing.look(make_frame(pixels + rng.normal(0, 3, pixels.shape), at=0.1 * step)) for step in range(13)]
    assert views[-1].ready
    assert not views[5].ready
