"""Logits become calibrated probabilities, a risk, a band, or an abstention."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.analysis.classification import band_of, classify, interpret
from dermscan.analysis.runtime import Models
from dermscan.bundle.manifest import BundleFile, ClassifierModel, Normalisation
from dermscan.domain import DiagnosisCode, Frame, IndeterminateReason, LesionMask, RiskBand

MODEL = ClassifierModel(
    file=BundleFile(path="classifier.onnx", sha256="0" * 64, bytes=1),
    input_size=64,
    context=1.5,
    normalisation=Normalisation(mean=(0, 0, 0), std=(1, 1, 1)),
    labels=tuple(code.value for code in DiagnosisCode),
    temperature=1.0,
    moderate_from=10.0,
    high_from=50.0,
    min_confidence=0.3,
    max_energy=-2.0,
)
logits = st.lists(st.floats(-30, 30, width=32), min_size=8, max_size=8)


def row(values: list[float]) -> np.ndarray:
    return np.array([values], np.float32)


def of_probabilities(**shares: float) -> np.ndarray:
    """Logits whose softmax is these probabilities, with a familiar energy."""
    rest = (1 - sum(shares.values())) / (8 - len(shares))
    return row([float(np.log(max(shares.get(code, rest), 1e-30))) + 5 for code in DiagnosisCode])


def test_the_risk_is_the_probability_of_the_malignant_codes() -> None:
    result = interpret(of_probabilities(MEL=0.2, BCC=0.1, SCC=0.05, AK=0.15, NV=0.5), MODEL)
    assert result.risk == pytest.approx(35, abs=1e-3)
    assert result.pre_malignant == pytest.approx(15, abs=1e-3)
    assert result.probabilities[DiagnosisCode.NV] == pytest.approx(0.5, abs=1e-5)
    assert result.energy == pytest.approx(-5, abs=1e-5)
    assert (result.band, result.reason) == (RiskBand.MODERATE, None)


@pytest.mark.parametrize(
    ("risk", "band"),
    [(0, RiskBand.LOW), (9.99, RiskBand.LOW), (10, RiskBand.MODERATE), (50, RiskBand.HIGH), (100, RiskBand.HIGH)],
)
def test_bands_begin_where_the_manifest_says(risk: float, band: RiskBand) -> None:
    assert band_of(risk, MODEL) is band


def test_an_unsure_classifier_abstains() -> None:
    result = interpret(row([5.0] * 8), MODEL)
    assert (result.band, result.reason) == (RiskBand.INDETERMINATE, IndeterminateReason.LOW_CONFIDENCE)
    assert result.risk == pytest.approx(37.5)


def test_an_unfamiliar_picture_is_named_before_low_confidence() -> None:
    result = interpret(row([-5.0] * 8), MODEL)
    assert (result.band, result.reason) == (RiskBand.INDETERMINATE, IndeterminateReason.UNFAMILIAR)


def test_temperature_flattens_the_probabilities_and_leaves_the_energy() -> None:
    cold = interpret(of_probabilities(MEL=0.9), MODEL)
    warm = interpret(of_probabilities(MEL=0.9), MODEL.model_copy(update={"temperature": 2.0}))
    assert warm.probabilities[DiagnosisCode.MEL] < cold.probabilities[DiagnosisCode.MEL]
    assert warm.energy == cold.energy


@given(values=logits, temperature=st.floats(0.05, 20))
def test_probabilities_sum_to_one_and_risks_are_per_cents(values: list[float], temperature: float) -> None:
    result = interpret(row(values), MODEL.model_copy(update={"temperature": temperature}))
    assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert tuple(result.probabilities) == tuple(DiagnosisCode)
    assert 0 <= result.risk <= 100
    assert 0 <= result.pre_malignant <= 100
    assert result.risk + result.pre_malignant <= 100 + 1e-9
    assert np.isfinite(result.energy)
    assert (result.reason is None) is (result.band is not RiskBand.INDETERMINATE)


@given(values=logits, order=st.permutations(range(8)))
def test_the_order_of_the_labels_is_the_order_of_the_logits(values: list[float], order: list[int]) -> None:
    codes = tuple(DiagnosisCode)
    shuffled = MODEL.model_copy(update={"labels": tuple(codes[index].value for index in order)})
    one, other = interpret(row(values), MODEL), interpret(row([values[index] for index in order]), shuffled)
    assert other.probabilities == pytest.approx(one.probabilities)
    assert other.risk == pytest.approx(one.risk)
    assert tuple(other.probabilities) == tuple(codes[index] for index in order)


@given(values=logits, shift=st.floats(-5, 5))
def test_a_common_shift_of_the_logits_moves_only_the_energy(values: list[float], shift: float) -> None:
    one, other = interpret(row(values), MODEL), interpret(row([value + shift for value in values]), MODEL)
    assert other.probabilities == pytest.approx(one.probabilities, abs=1e-4)
    assert other.energy == pytest.approx(one.energy - shift, abs=1e-4)


@given(one=st.floats(0, 100), other=st.floats(0, 100), limits=st.tuples(st.floats(0, 100), st.floats(0, 100)))
def test_a_greater_risk_never_lies_in_a_lower_band(one: float, other: float, limits: tuple[float, float]) -> None:
    model = MODEL.model_copy(update={"moderate_from": min(limits), "high_from": max(limits)})
    order = [RiskBand.LOW, RiskBand.MODERATE, RiskBand.HIGH]
    lower, upper = sorted((one, other))
    assert order.index(band_of(lower, model)) <= order.index(band_of(upper, model))


def test_the_lesion_under_the_mask_is_what_is_classified(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    frame = make_frame(render())
    here, elsewhere = np.zeros((240, 320), bool), np.zeros((240, 320), bool)
    here[90:150, 130:190] = True
    elsewhere[0:30, 0:30] = True
    dark, light = (classify(frame, LesionMask(mask, 1.0), tiny_models) for mask in (here, elsewhere))
    assert sum(dark.probabilities.values()) == pytest.approx(1)
    assert max(abs(dark.probabilities[code] - light.probabilities[code]) for code in DiagnosisCode) > 0.01
    assert classify(frame, LesionMask(here, 1.0), tiny_models) == dark


def test_a_limit_itself_is_within_it() -> None:
    values = of_probabilities(MEL=0.4)
    at = interpret(values, MODEL)
    confidence = max(at.probabilities.values())
    limits = {"max_energy": at.energy, "min_confidence": confidence}
    assert interpret(values, MODEL.model_copy(update=limits)).reason is None
    beyond = {"max_energy": np.nextafter(at.energy, -9)}, {"min_confidence": np.nextafter(confidence, 1)}
    reasons = [interpret(values, MODEL.model_copy(update=limits | one)).reason for one in beyond]
    assert reasons == [IndeterminateReason.UNFAMILIAR, IndeterminateReason.LOW_CONFIDENCE]


@pytest.mark.parametrize("count", [7, 9])
def test_logits_that_are_not_one_for_each_label_are_a_defect(count: int) -> None:
    with pytest.raises(ValueError, match="zip"):
        interpret(row([1.0] * count), MODEL)
