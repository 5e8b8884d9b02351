"""The printed page is as large as it says, and is the target that the calibration looks for."""

import io

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray

from dermscan.calibration.color import measure_color
from dermscan.calibration.finding import find_target, square_px
from dermscan.calibration.printing import CONTROL_MM, Paper, target_pdf
from dermscan.calibration.scale import measure_scale
from dermscan.calibration.target import FAR, NEAR

DPI = 200
MM = 25.4
SIZES_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}


def printed(paper: Paper, dpi: int = DPI) -> NDArray[np.uint8]:
    """The page as a printer of this resolution lays it down, (height, width, 3) uint8, RGB."""
    document = pypdfium2.PdfDocument(io.BytesIO(target_pdf(paper)))
    try:
        assert len(document) == 1
        return np.array(document[0].render(scale=dpi / 72).to_pil().convert("RGB"))
    finally:
        document.close()


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_the_page_has_the_papers_size(paper: Paper) -> None:
    height, width = printed(paper, dpi=100).shape[:2]
    assert (width / 100 * MM, height / 100 * MM) == pytest.approx(SIZES_MM[paper], abs=0.3)


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_the_target_is_printed_at_true_size(paper: Paper) -> None:
    page = printed(paper)
    found = find_target(page)
    assert found.target is FAR
    assert len(found.corners) == 35
    scale = measure_scale([found], page.shape[1::-1], None, 1.0)
    assert scale.mm_per_pixel == pytest.approx(MM / DPI, rel=0.0015)
    assert square_px(found) * MM / DPI == pytest.approx(18.0, rel=0.0015)


def test_the_small_target_is_printed_at_true_size() -> None:
    page = printed("a4", dpi=600)
    found = find_target(np.ascontiguousarray(page[-page.shape[0] * 2 // 5 :, : page.shape[1] // 3]))
    assert found.target is NEAR
    assert square_px(found) * MM / 600 == pytest.approx(2.5, rel=0.002)


def test_the_patches_have_their_colours() -> None:
    page = printed("a4")
    color = measure_color([page], [find_target(page)])
    assert color.patches == 16
    assert color.delta_e_before < 0.3


def test_the_bar_is_as_long_as_it_says() -> None:
    dark = printed("letter").max(axis=2) < 40
    runs = [longest_run(line) for line in dark]
    assert max(runs) * MM / DPI == pytest.approx(CONTROL_MM, abs=0.3)


def longest_run(line: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def test_the_page_is_the_same_every_time() -> None:
    assert target_pdf("a4") == target_pdf("a4")
    assert target_pdf("a4") != target_pdf("letter")
