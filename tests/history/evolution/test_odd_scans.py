"""Whatever was filed, a comparison answers; it never fails."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RiskBand, Scan
from dermscan.domain.evolution import ChangeBand
from dermscan.history.evolution import compare

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def filed(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], days: float = 0) -> Scan:
    said = Assessment(Quality(9, 0.5, 0, 0, 0.2), None, LesionMask(mask, 0.5), None, {}, None, None, RiskBand.LOW, None)
    return Scan("", Frame(pixels, 0, 0.0, FIRST + timedelta(days=days), 0.05), said, Provenance("", "", "", ""), "")


@given(st.integers(1, 90), st.integers(1, 90), st.floats(0, 1), st.integers(0, 2**31))
@settings(max_examples=25)
def test_noise_of_any_size_is_answered(height: int, width: int, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    scans = [
        filed(random.integers(0, 256, (height, width, 3), np.uint8), random.random((height, width)) < share, days)
        for days in (0, 91)
    ]
    assert compare(*scans).band in ChangeBand


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("size", [1, 40])
def test_one_colour_alone_is_answered(level: int, size: int) -> None:
    pixels = np.full((96, 128, 3), level, np.uint8)
    mask = np.zeros((96, 128), np.bool_)
    mask[40 : 40 + size, 50 : 50 + size] = True
    found = compare(filed(pixels, mask), filed(pixels, mask, 91))
    assert found.band is not ChangeBand.CHANGED


@pytest.mark.parametrize("full", [False, True])
def test_an_empty_and_a_full_mask_are_not_comparable(full: bool) -> None:  # noqa: FBT001
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    scan = filed(pixels, np.full((60, 80), full))
    assert compare(scan, scan).band is ChangeBand.NOT_COMPARABLE


@pytest.mark.parametrize("shape", [(3000, 8), (8, 3000)])
def test_a_very_long_frame_is_answered(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    mask = np.zeros(shape, np.bool_)
    mask[2:6, 2:6] = True
    scan = filed(pixels, mask)
    assert compare(scan, scan).band in ChangeBand
