import numpy as np
import pytest

from dermscan.evaluation.judging import tight_box
from dermscan.evaluation.overlap import dice, overlap_summary


def square(x0: int, x1: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.zeros((10, 20), np.bool_)
    mask[2:6, x0:x1] = True
    return mask


def test_dice_on_known_answers() -> None:
    assert dice(square(0, 4), square(0, 4)) == 1
    assert dice(square(0, 4), square(2, 6)) == pytest.approx(0.5)
    assert dice(square(0, 4), square(8, 9)) == 0
    assert dice(square(0, 0), square(0, 0)) == 1


def test_a_summary_counts_failures_as_nothing() -> None:
    summary = overlap_summary(np.array([1.0, 0.5]))
    assert summary["dice"] == 0.75
    assert summary["jaccard"] == pytest.approx((1 + 1 / 3) / 2)
    assert summary["threshold_jaccard"] == 0.5
    assert summary["share_below_threshold"] == 0.5


def test_the_tight_box_holds_the_mask_exactly() -> None:
    box = tight_box(square(3, 7))
    assert box is not None
    assert (box.x0, box.y0, box.x1, box.y1) == (3, 2, 7, 6)
    assert tight_box(square(0, 0)) is None
