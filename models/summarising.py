"""Sums the judged pairs of scans up. The bands are weighed anew from the figures, so that limits can be tried."""

from typing import Any

import numpy as np

from dermscan.domain.evolution import ChangeBand, ChangeReason, ColorChange, ContourChange, FollowUpWindow, Growth
from dermscan.history.evolution import rules

Json = dict[str, Any]
LIMITS = ("AREA_LIMIT", "SHAPE_LIMIT", "ASYMMETRIC_LIMIT", "FOCAL_LIMIT", "OVERALL_LIMIT", "UNSURE_RATIO")
BARS = {"area_error_p90": 0.05, "false_changed": 0.05, "growth_25_found": 0.90}


def summary(kept: dict[str, list[Json]]) -> Json:
    """The figures of the reported half, by where the masks come from and by the set of the pictures.

    Args:
        kept: The judged pairs by the source of the masks.
    """
    return {
        "bars": BARS,
        "limits": {name: getattr(rules, name) for name in LIMITS},
        "masks": {
            source: {
                part: _part([row for row in rows if part in ("all", row["set"])])
                for part in ("all", "isic2018", "ham224", "ham200")
            }
            for source, rows in kept.items()
        },
    }


def _part(rows: list[Json]) -> Json:
    return {half: _half([row for row in rows if row["half"] == half]) for half in ("tuned", "reported")}


def _half(rows: list[Json]) -> Json:
    cases = sorted({row["case"] for row in rows})
    return {case: _case([row for row in rows if row["case"] == case]) for case in cases}


def _case(rows: list[Json]) -> Json:
    """One kind of change: how often which band, and how far the growth is off."""
    bands = [weighed(row)[0] for row in rows]
    comparable = [row for row in rows if row["growth"] is not None]
    errors = [row["growth"]["area"] - row["true_growth"] for row in comparable]
    reasons = [reason for row in rows for reason in weighed(row)[1]]
    placed = [row["misplaced"] for row in comparable if row["misplaced"] is not None]
    return {
        "pairs": len(rows),
        "measured": len(comparable),
        "bands": {band: bands.count(band) for band in ChangeBand},
        "reasons": {reason: reasons.count(reason) for reason in ChangeReason if reason in reasons},
        "true_growth_mean": _mean([row["true_growth"] for row in rows]),
        "area_errors": [round(error, 4) for error in errors],
        "area_error_p50": _percentile(errors, 50),
        "area_error_p90": _percentile(errors, 90),
        "misplaced_p50": _percentile(placed, 50),
        "misplaced_p90": _percentile(placed, 90),
        "mask_dice": _mean([value for row in rows for value in row["dice_masks"]]),
    }


def weighed(row: Json) -> tuple[ChangeBand, tuple[ChangeReason, ...]]:
    """Band and reasons of one pair by the rules as they are now."""
    if row["growth"] is None:
        return ChangeBand.NOT_COMPARABLE, tuple(ChangeReason(reason) for reason in row["reasons"])
    color = None if row["color"] is None else ColorChange(**row["color"], change_map=np.zeros((1, 1), np.float32))
    return rules.weigh(Growth(**row["growth"]), ContourChange(**row["contour"]), color, FollowUpWindow.SHORT_TERM)


def _percentile(values: list[float], share: int) -> float | None:
    return float(np.percentile(np.abs(values), share)) if values else None


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
