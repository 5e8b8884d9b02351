"""CIEDE2000 against the published test pairs of Sharma, Wu and Dalal 2005."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.domain.color_difference import ciede2000

Lab = tuple[float, float, float]
PUBLISHED: list[tuple[Lab, Lab, float]] = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]
CHANNEL = st.floats(-100, 100)
COLOR = st.tuples(st.floats(0, 100), CHANNEL, CHANNEL)


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_published_pairs(first: Lab, second: Lab, expected: float) -> None:
    assert float(ciede2000(np.array(first), np.array(second))) == pytest.approx(expected, abs=1e-4)


@given(COLOR, COLOR)
def test_it_is_a_symmetric_difference(first: Lab, second: Lab) -> None:
    there, back = ciede2000(np.array(first), np.array(second)), ciede2000(np.array(second), np.array(first))
    assert there >= 0
    assert float(there) == pytest.approx(float(back), abs=1e-6)
    assert float(ciede2000(np.array(first), np.array(first))) == 0


def test_it_takes_whole_pictures() -> None:
    pairs = np.array([[first, second] for first, second, _ in PUBLISHED])
    assert ciede2000(pairs[:, 0], pairs[:, 1]) == pytest.approx([pair[2] for pair in PUBLISHED], abs=1e-4)
