"""When a camera's automatics have come to rest, judged from what its driver tells of each frame. It never waits."""

STEADY_FRAMES = 8
TOLERANCE = 0.02
"""Greatest change of a value, as a share of it, from frame to frame while it counts as steady."""

Values = tuple[float | None, ...]


class Settling:
    """Sees the values of each frame, and says once that they have settled."""

    def __init__(self) -> None:
        """Begin unsettled."""
        self._last: Values | None = None
        self._steady = 0
        self._said = False

    def settles(self, values: Values) -> bool:
        """See a frame's exposure and gains.

        Args:
            values: Always the same ones in the same order; None for what the driver does not tell. Where it tells
                nothing there is nothing that could settle.

        Returns:
            Whether they have just settled; True once only.
        """
        last, self._last = self._last, values
        if self._said or all(value is None for value in values):
            return False
        self._steady = self._steady + 1 if last is not None and _is_steady(last, values) else 0
        self._said = self._steady >= STEADY_FRAMES
        return self._said


def _is_steady(last: Values, values: Values) -> bool:
    pairs = [(old, new) for old, new in zip(last, values, strict=True) if old is not None and new is not None]
    return all(abs(new - old) <= TOLERANCE * abs(old) for old, new in pairs)
