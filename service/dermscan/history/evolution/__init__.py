"""How a lesion changes from one scan to another: laid over each other, measured, weighed. It never diagnoses."""

from dermscan.history.evolution.comparing import compare

__all__ = ["compare"]
