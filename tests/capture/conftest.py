"""Cameras that need no device: a clock that waits for nobody, folders of images, videos, counts of open files."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from dermscan.capture.pacing import Clock
from dermscan.domain import RgbImage

SUFFIXES = (".jpg", ".png", ".bmp", ".tif", ".webp")


class StoppedClock(Clock):
    """Time that passes only when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def utc_now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def flat(color: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> RgbImage:
    """A picture of one colour, RGB; size is (width, height)."""
    return np.full((size[1], size[0], 3), color, dtype=np.uint8)


def save_image(path: Path, pixels: RgbImage) -> Path:
    """Write an RGB picture to an image file."""
    assert cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return path


def save_video(path: Path, pictures: list[RgbImage]) -> Path:
    """Write RGB pictures to a Motion JPEG video."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture
def paint() -> Callable[..., RgbImage]:
    return flat


@pytest.fixture
def write_image() -> Callable[[Path, RgbImage], Path]:
    return save_image


@pytest.fixture
def write_video() -> Callable[[Path, list[RgbImage]], Path]:
    return save_video


@pytest.fixture
def gray_folder(tmp_path: Path) -> Path:
    """Five images, one of each kind, whose gray is 0, 40, 80, 120, 160 in the order of their names."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, suffix in enumerate(SUFFIXES):
        save_image(folder / f"{number}{suffix}", flat((40 * number,) * 3))
    return folder


@pytest.fixture
def gray_video(tmp_path: Path) -> Path:
    """Six pictures whose gray is 0, 40, ... 200."""
    return save_video(tmp_path / "video.avi", [flat((40 * number,) * 3) for number in range(6)])


@pytest.fixture
def count_open_files() -> Callable[[], int]:
    return lambda: sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def resident_mb() -> Callable[[], float]:
    """Memory of this process that is in use now, in megabytes."""

    def measure() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    return measure
