"""How well probabilities agree with diagnoses: balanced accuracy, areas under curves, calibration, confusion."""

import numpy as np
from numpy.typing import NDArray

from dermscan.domain import MALIGNANT, DiagnosisCode

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
CODES = tuple(DiagnosisCode)


def confusion_matrix(truth: Labels, predicted: Labels, classes: int = len(CODES)) -> NDArray[np.int64]:
    """Counts of images, (classes, classes): row the true class, column the predicted one."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean recall over the classes that occur, from a confusion matrix with the truth in rows."""
    totals = confusion.sum(axis=1)
    present = totals > 0
    return float((np.diag(confusion)[present] / totals[present]).mean())


def area_under_curve(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Area under the receiver operating characteristic, by ranks (Hanley & McNeil 1982), ties counted half.

    Args:
        scores: (n,) greater means more likely positive.
        positive: (n,) whether it is.

    Returns:
        The area, None unless there are both positives and negatives.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_ranks[position][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def expected_calibration_error(probabilities: Floats, truth: Labels, bins: int = 15) -> float:
    """Expected calibration error of the greatest probability, equal-width bins (Naeini et al. 2015, Guo et al. 2017).

    Args:
        probabilities: (n, classes), rows sum to 1.
        truth: (n,) index of the true class.
        bins: Number of bins.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    weight = np.bincount(index, minlength=bins)
    gap = np.bincount(index, right, bins) - np.bincount(index, confidence, bins)
    return float(np.abs(gap[weight > 0]).sum() / len(truth))


def class_summary(probabilities: Floats, truth: Labels) -> dict[str, object]:
    """All figures of a classifier on one set.

    Args:
        probabilities: (n, 8) calibrated, columns in the order of `DiagnosisCode`, n >= 1.
        truth: (n,) index of the true code.

    Returns:
        `images`, `balanced_accuracy`, `accuracy`, `auc` by code, `auc_malignant`, `ece`, `confusion`, `labels`.
    """
    confusion = confusion_matrix(truth, probabilities.argmax(axis=1))
    malignant = np.array([code in MALIGNANT for code in CODES])
    return {
        "images": len(truth),
        "labels": [str(code) for code in CODES],
        "balanced_accuracy": balanced_accuracy(confusion),
        "accuracy": float(np.trace(confusion) / len(truth)),
        "auc": {
            str(code): area_under_curve(probabilities[:, index], truth == index) for index, code in enumerate(CODES)
        },
        "auc_malignant": area_under_curve(probabilities[:, malignant].sum(axis=1), malignant[truth]),
        "ece": expected_calibration_error(probabilities, truth),
        "confusion": confusion.tolist(),
    }
