"""The lesion's A, B, C and D, each by a published or stated measure. They describe; they never weigh or diagnose."""

from dermscan.analysis.features.measuring import measure

__all__ = ["measure"]
