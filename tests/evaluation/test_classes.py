import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from dermscan.evaluation.classes import (
    area_under_curve,
    balanced_accuracy,
    class_summary,
    confusion_matrix,
    expected_calibration_error,
)

EIGHT = 8


def rows(
    seed: int, images: int
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(EIGHT), images), random.integers(0, EIGHT, images)


@given(seed=st.integers(0, 10_000), images=st.integers(1, 60))
def test_balanced_accuracy_is_the_librarys(seed: int, images: int) -> None:
    probabilities, truth = rows(seed, images)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(truth, predicted)
    recalls = metrics.recall_score(truth, predicted, labels=np.unique(truth), average=None, zero_division=0)
    assert balanced_accuracy(confusion) == pytest.approx(recalls.mean())
    assert (confusion == metrics.confusion_matrix(truth, predicted, labels=range(EIGHT))).all()


@given(seed=st.integers(0, 10_000), images=st.integers(2, 60), digits=st.integers(0, 3))
def test_the_area_under_the_curve_is_the_librarys_with_ties(seed: int, images: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(images).round(digits)
    positive = random.random(images) < 0.4
    area = area_under_curve(scores, positive)
    if positive.all() or not positive.any():
        assert area is None
    else:
        assert area == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_calibration_error_on_known_answers() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert expected_calibration_error(sure, np.array([0, 0])) == 0
    assert expected_calibration_error(sure, np.array([0, 1])) == pytest.approx(0.5)
    unsure = np.array([[0.8, 0.2]] * 10)
    assert expected_calibration_error(unsure, np.array([0] * 8 + [1] * 2)) == pytest.approx(0)


def test_a_summary_of_a_perfect_classifier() -> None:
    truth = np.arange(EIGHT)
    summary = class_summary(np.eye(EIGHT), truth)
    assert summary["balanced_accuracy"] == 1
    assert summary["auc_malignant"] == 1
    assert summary["ece"] == 0


def test_a_class_that_does_not_occur_has_no_area() -> None:
    probabilities, _ = rows(1, 10)
    summary = class_summary(probabilities, np.ones(10, np.int64))
    areas = summary["auc"]
    assert isinstance(areas, dict)
    assert set(areas.values()) == {None}
    assert summary["auc_malignant"] is None
