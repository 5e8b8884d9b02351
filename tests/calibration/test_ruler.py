"""The ruler in a picture: read on the phantom, whose scale is known, and on real pictures that have one, or none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermscan.calibration.ruler import SAME, Ruler, RulerVerdict, read_ruler, verdict
from dermscan.capture.phantom.scene import VIEW_MM, PhantomScene, render_phantom
from dermscan.domain import RgbImage

WITH_MARKS = {"ISIC_0012126": 10.0, "ISIC_0014498": 33.4, "ISIC_0014554": 33.0, "ISIC_0012655": 16.9}
"""Pictures on which a ruler is to be seen, and the distance of its marks in pixels, counted by eye."""

WITHOUT_MARKS = ("ISIC_0000000", "ISIC_0000001")


@pytest.mark.parametrize("width", [640, 1280])
@pytest.mark.parametrize("lesion", [0, None])
@pytest.mark.parametrize("seed", [0, 3])
def test_the_phantoms_ruler_gives_its_scale(width: int, lesion: int | None, seed: int) -> None:
    scene = PhantomScene(width, width * 3 // 4, seed, lesion)
    pixels, _ = render_phantom(scene)
    ruler = read_ruler(pixels)
    assert ruler is not None
    assert ruler.pixels_per_mark * scene.mm_per_pixel == pytest.approx(1, abs=0.01)
    assert ruler.marks in {int(VIEW_MM) - 1, int(VIEW_MM)}
    assert verdict(scene.mm_per_pixel, ruler) is RulerVerdict.AGREES
    assert verdict(1.4 * scene.mm_per_pixel, ruler) is RulerVerdict.DISAGREES


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_it_is_read_along_every_edge(turns: int) -> None:
    scene = PhantomScene(640, 480)
    pixels, _ = render_phantom(scene)
    ruler = read_ruler(np.ascontiguousarray(np.rot90(pixels, turns)))
    assert ruler is not None
    assert ruler.pixels_per_mark * scene.mm_per_pixel == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("turn", [-4.0, -2.0, 2.0, 4.0])
def test_it_is_read_when_it_lies_askew(turn: float) -> None:
    scene = PhantomScene(640, 480)
    pixels, _ = render_phantom(scene)
    matrix = cv2.getRotationMatrix2D((320, 240), turn, 0.85)
    askew = np.asarray(cv2.warpAffine(pixels, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    ruler = read_ruler(askew)
    assert ruler is not None
    assert ruler.pixels_per_mark * scene.mm_per_pixel == pytest.approx(0.85, abs=0.02)


def bare(width: int, seed: int) -> RgbImage:
    """The phantom's skin without the strip that the ruler lies on."""
    pixels, _ = render_phantom(PhantomScene(width, width * 3 // 4, seed))
    return np.ascontiguousarray(pixels[: round(0.88 * len(pixels))])


@pytest.mark.parametrize("seed", range(4))
def test_skin_has_no_marks(seed: int) -> None:
    assert read_ruler(bare(640, seed)) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (30, 30)])
def test_a_picture_of_nothing_has_none(shape: tuple[int, int]) -> None:
    assert read_ruler(np.full((*shape, 3), 127, np.uint8)) is None


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 160), height=st.integers(1, 160))
def test_noise_has_none(seed: int, width: int, height: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    ruler = read_ruler(noise)
    assert ruler is None or ruler.pixels_per_mark > 0


def test_a_mark_is_a_millimetre_or_a_usual_part_of_one() -> None:
    for mark_mm in (1.0, 0.5, 0.2, 0.1):
        assert verdict(mark_mm / 20, Ruler(20 * (1 + 0.9 * SAME), 12, 0.9)) is RulerVerdict.AGREES
    assert verdict(0.7 / 20, Ruler(20, 12, 0.9)) is RulerVerdict.DISAGREES


def test_without_a_ruler_or_a_scale_nothing_is_said() -> None:
    assert verdict(0.02, None) is RulerVerdict.NO_RULER
    assert verdict(None, None) is RulerVerdict.NO_RULER
    assert verdict(None, Ruler(20, 12, 0.9)) is RulerVerdict.NO_SCALE


@pytest.mark.data
@pytest.mark.parametrize("name", WITH_MARKS)
def test_a_real_ruler_is_read(lesion_data: Path, name: str) -> None:
    ruler = read_ruler(stored(lesion_data, name))
    assert ruler is not None
    assert ruler.pixels_per_mark == pytest.approx(WITH_MARKS[name], rel=0.02)


@pytest.mark.data
@pytest.mark.parametrize("name", WITHOUT_MARKS)
def test_real_skin_has_no_marks(lesion_data: Path, name: str) -> None:
    assert read_ruler(stored(lesion_data, name)) is None


def stored(folder: Path, name: str) -> RgbImage:
    """A picture of ISIC 2018."""
    found = cv2.imread(str(folder / "isic2018" / "images" / f"{name}.jpg"))
    assert found is not None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
