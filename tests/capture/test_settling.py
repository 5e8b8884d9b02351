"""When a camera's automatics have come to rest."""

from hypothesis import given
from hypothesis import strategies as st

from dermscan.capture.settling import STEADY_FRAMES, Settling

VALUE = st.none() | st.floats(0.1, 1e6)


def test_it_is_said_once_after_some_steady_frames() -> None:
    settling = Settling()
    said = [settling.settles((1000.0, 2.0)) for _ in range(3 * STEADY_FRAMES)]
    assert said.index(True) == STEADY_FRAMES
    assert sum(said) == 1


def test_a_jump_begins_anew() -> None:
    settling = Settling()
    values = [100.0] * STEADY_FRAMES + [200.0] * (STEADY_FRAMES + 1)
    said = [settling.settles((value,)) for value in values]
    assert said.index(True) == 2 * STEADY_FRAMES


def test_what_is_not_told_cannot_settle() -> None:
    settling = Settling()
    assert not any(settling.settles((None, None)) for _ in range(100))


@given(st.lists(st.tuples(VALUE, VALUE), max_size=60))
def test_it_is_never_said_twice(frames: list[tuple[float | None, float | None]]) -> None:
    settling = Settling()
    assert sum(settling.settles(values) for values in frames) <= 1
