import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from daemon.rehearsal import Recorder
from dermscan.analysis.framing import Framing
from dermscan.bus.events import HealthCode, ScanFailed, ScanRefused
from dermscan.capture.camera import Camera
from dermscan.daemon import keeping
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import KeptCamera
from dermscan.daemon.orders import Order, OrderBook
from dermscan.daemon.pulse import Pulse
from dermscan.daemon.watcher import PATIENCE_S, Watcher
from dermscan.domain import Frame, RejectReason, Roi
from dermscan.errors import CameraDriverMissing, CameraError, CameraLost, CameraStalled
from dermscan.settings import QualitySettings, ScanSettings

RATE_HZ = 10
LESION = "lesion"
SKIN = "skin"
DARK = "dark"
Step = str | CameraError


def picture(kind: str, random: np.random.Generator) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """A sharp rendered scene: textured skin, with a dark disc or without, or the same with the light off."""
    texture = random.integers(-25, 25, (240, 320, 1))
    scene = np.clip(np.array([200, 160, 140]) + texture, 0, 255).astype(np.uint8)
    rows, columns = np.ogrid[:240, :320]
    if kind != SKIN:
        disc = (rows - 120) ** 2 + (columns - 160) ** 2 < 60**2
        scene[disc] = np.clip(np.array([90, 60, 40]) + texture[disc], 0, 255)
    return (scene // 12 if kind == DARK else scene).astype(np.uint8)


class ScriptedCamera(Camera):
    """A camera that plays a script: a scene a frame, or an error in its place; at its end the watching ends."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self._played = 0
        self._scenes = {kind: picture(kind, np.random.default_rng(5)) for kind in (LESION, SKIN, DARK)}
        self.opened = 0
        self.closed = 0
        self.stills: list[int] = []
        self.without_still: Collection[int] = ()

    @property
    def name(self) -> str:
        return "scripted"

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def still(self, frame: Frame) -> Frame:
        """Twice as wide and high, of the frame that was read last; where a script says so, not to be had."""
        assert frame.sequence == self._played, "a still is of the last exposure"
        self.stills.append(frame.sequence)
        if frame.sequence in self.without_still:
            raise CameraLost
        return replace(frame, pixels=frame.pixels.repeat(2, axis=0).repeat(2, axis=1))

    def read(self) -> Frame:
        if self._played >= len(self._steps):
            raise CameraDriverMissing(backend="scripted", remedy="none")
        step = self._steps[self._played]
        self._played += 1
        if isinstance(step, CameraError):
            raise step
        return Frame(self._scenes[step], self._played, self._played / RATE_HZ, datetime.now(UTC))


class Desk:
    """Stands where the analyst stands: takes frames and is done at once."""

    def __init__(self) -> None:
        self.taken: list[tuple[Order, Frame]] = []

    @property
    def busy(self) -> bool:
        return False

    def submit(self, order: Order, frame: Frame) -> None:
        self.taken.append((order, frame))


class ChangingBook(OrderBook):
    """An order book in which somebody else does something when it is looked into for the nth time."""

    def __init__(self, looks: int, change: Callable[[OrderBook], object]) -> None:
        super().__init__()
        self._looks = looks
        self._change = change

    def pending(self) -> Order | None:
        self._looks -= 1
        if self._looks == 0:
            self._change(self)
        return super().pending()


def see_disc(frame: Frame) -> Roi | None:
    """Stands where the learned detector stands: knows which scene has the disc."""
    return Roi(95, 55, 225, 185, 0.9) if frame.pixels[120, 160].mean() < frame.pixels[5, 5].mean() * 0.6 else None


Watch = Callable[..., tuple[Desk, OrderBook, ScriptedCamera]]


@pytest.fixture
def watch(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Runs a watcher over a script to its end; gives what was handed on, the order book, and the camera."""
    monkeypatch.setattr(keeping, "REOPEN_PAUSE_S", 0.001)

    def run(
        *steps: Step,
        automatic: bool = True,
        order: Order | None = None,
        done_s: float = 0,
        book: OrderBook | None = None,
        without_still: Collection[int] = (),
    ) -> tuple[Desk, OrderBook, ScriptedCamera]:
        camera, desk, orders = ScriptedCamera(*steps), Desk(), book or OrderBook()
        camera.without_still = without_still
        if order is not None:
            orders.place(order)
        scan = ScanSettings(automatic=automatic, hold_still_s=1, burst_frames=3, done_s=done_s)
        board = Board(recorder, lambda _state: None)
        kept = KeptCamera(camera, reopen_attempts=5, board=board, pulse=Pulse(60))
        watcher = Watcher(kept, Framing(see_disc, QualitySettings(), scan), desk, orders, board, scan)
        with pytest.raises(CameraDriverMissing):
            watcher.run(threading.Event())
        assert camera.opened == camera.closed
        return desk, orders, camera

    return run


def test_a_lesion_held_still_is_scanned_once(watch: Watch, recorder: Recorder) -> None:
    desk, orders, _ = watch(*[SKIN] * 10, *[LESION] * 60)
    ((order, _frame),) = desk.taken
    assert order == Order()
    assert orders.free
    assert recorder.states == ["ready", "hold_still", "analysing", "done"]


def test_the_next_lesion_is_scanned_after_the_first_has_left(watch: Watch, recorder: Recorder) -> None:
    desk, _, _ = watch(*[LESION] * 30, *[SKIN] * 15, *[LESION] * 30)
    assert len(desk.taken) == 2
    assert recorder.states == ["hold_still", "analysing", "done", "ready", "hold_still", "analysing", "done"]


def test_done_stays_on_the_display_for_its_time(watch: Watch, recorder: Recorder) -> None:
    watch(*[LESION] * 16, *[SKIN] * 25, done_s=5)
    assert recorder.states == ["hold_still", "analysing"], "the analyst shows done; nothing may overwrite it for 5 s"


def test_a_dark_picture_is_refused_with_its_reason(watch: Watch, recorder: Recorder) -> None:
    desk, _, _ = watch(*[DARK] * 40)
    assert desk.taken == []
    assert set(recorder.states) == {"framing"}
    assert recorder.statuses[0].guidance == "too_dark"


def test_nothing_starts_by_itself_when_that_is_switched_off(watch: Watch) -> None:
    desk, _, _ = watch(*[LESION] * 40, automatic=False)
    assert desk.taken == []


def test_a_command_starts_a_scan_without_waiting_for_stillness(watch: Watch) -> None:
    order = Order("3e0f", by_command=True)
    desk, orders, _ = watch(*[SKIN] * 5, *[LESION] * 5, automatic=False, order=order)
    assert [taken for taken, _ in desk.taken] == [order]
    assert orders.free


def test_a_command_that_sees_no_good_picture_is_broken_off_with_the_reason(watch: Watch, recorder: Recorder) -> None:
    frames = round(PATIENCE_S * RATE_HZ) + 5
    desk, orders, _ = watch(*[DARK] * frames, order=Order(by_command=True))
    assert desk.taken == []
    assert orders.free
    assert recorder.events == [ScanRefused(reason=RejectReason.TOO_DARK)]


@pytest.mark.parametrize("error", [CameraStalled(seconds=3), CameraLost()])
def test_a_loss_shows_a_fault_and_what_is_seen_once_it_is_over(
    watch: Watch, recorder: Recorder, error: CameraError
) -> None:
    watch(*[SKIN] * 10, error, error, *[SKIN] * 10)
    assert recorder.states == ["ready", "fault", "ready"]
    assert recorder.event_types == ["camera_lost", "camera_back"]


def test_an_order_that_waits_for_a_picture_is_broken_off_when_the_camera_is_lost(
    watch: Watch, recorder: Recorder
) -> None:
    script = [*[DARK] * 5, CameraLost(), *[LESION] * 20]
    desk, orders, _ = watch(*script, automatic=False, order=Order("a", by_command=True))
    assert desk.taken == []
    assert orders.free
    assert ScanFailed(code=HealthCode.CAMERA_LOST) in recorder.events


def test_what_is_handed_on_is_the_still_of_the_sharpest_frame_and_only_a_burst_asks_for_stills(watch: Watch) -> None:
    desk, _, camera = watch(*[SKIN] * 10, *[LESION] * 60)
    ((_, frame),) = desk.taken
    assert (frame.height, frame.width) == (480, 640)
    assert frame.sequence in camera.stills
    assert 1 <= len(camera.stills) <= 3, "at most one for each frame of the burst"


def test_a_still_that_cannot_be_had_leaves_the_burst_its_other_frames(watch: Watch) -> None:
    desk, _, camera = watch(*[LESION] * 30, without_still={11})
    assert camera.stills[0] == 11, "the burst begins there"
    ((_, frame),) = desk.taken
    assert frame.sequence in {12, 13}


def test_without_any_still_an_order_is_broken_off(watch: Watch, recorder: Recorder) -> None:
    order = Order("a", by_command=True)
    desk, orders, _ = watch(*[LESION] * 5, automatic=False, order=order, without_still=range(100))
    assert desk.taken == []
    assert orders.free
    assert recorder.event_types == ["scan_refused"]


def test_a_burst_does_not_span_a_loss(watch: Watch) -> None:
    desk, _, _ = watch(*[LESION] * 11, CameraLost(), *[LESION] * 2)
    assert desk.taken == []


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_an_order_broken_off_before_the_picture_is_chosen_leaves_nothing(
    watch: Watch, recorder: Recorder, looks: int
) -> None:
    book = ChangingBook(looks, OrderBook.close)
    desk, _, _ = watch(*[LESION] * 8, automatic=False, order=Order("a", by_command=True), book=book)
    assert book.free
    assert desk.taken == []
    assert recorder.event_types == []
    assert "analysing" not in recorder.states


@pytest.mark.parametrize("looks", range(9, 20))
def test_an_order_that_comes_while_a_lesion_is_held_still_is_carried_out(watch: Watch, looks: int) -> None:
    ordered = Order("a", by_command=True)
    book = ChangingBook(looks, lambda book: book.place(ordered))
    desk, _, _ = watch(*[LESION] * 30, book=book)
    assert ordered in [order for order, _ in desk.taken]
    assert book.free
