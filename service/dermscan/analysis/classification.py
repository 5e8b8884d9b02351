"""From a mask to calibrated probabilities, a risk and its band, or to an abstention with its reason: no diagnosis."""

from dataclasses import dataclass

import numpy as np

from dermscan.analysis.preparation import FloatArray, classifier_input
from dermscan.analysis.runtime import Models
from dermscan.analysis.segmentation import bounding_box
from dermscan.bundle.manifest import ClassifierModel
from dermscan.domain import (
    MALIGNANT,
    PRE_MALIGNANT,
    DiagnosisCode,
    Frame,
    IndeterminateReason,
    LesionMask,
    RiskBand,
)


@dataclass(frozen=True, slots=True)
class Classification:
    """What the classifier says about one lesion.

    Attributes:
        probabilities: Calibrated probability of each code, summing to 1, in the order of the bundle's labels.
        risk: Calibrated probability of malignancy (MEL, BCC, SCC) in per cent.
        pre_malignant: Calibrated probability of AK in per cent.
        energy: Free energy of the logits; the greater, the less the picture is like those of the training.
        band: How the risk is shown.
        reason: Why the classifier abstains; None unless the band is `INDETERMINATE`.
    """

    probabilities: dict[DiagnosisCode, float]
    risk: float
    pre_malignant: float
    energy: float
    band: RiskBand
    reason: IndeterminateReason | None


def classify(frame: Frame, mask: LesionMask, models: Models) -> Classification:
    """Classify the lesion under a mask.

    Args:
        frame: The frame.
        mask: The lesion's mask, not empty.
        models: The networks.
    """
    model = models.manifest.classifier
    (logits,) = models.classifier(classifier_input(frame.pixels, bounding_box(mask), model))
    return interpret(logits, model)


def interpret(logits: FloatArray, model: ClassifierModel) -> Classification:
    """Turn logits into a risk.

    Args:
        logits: (1, 8) float32 in the order of the model's labels.
        model: The classifier's part of the manifest: labels, temperature (Guo et al. 2017), bands, limits.
    """
    values = logits[0].astype(np.float64)
    shares = np.exp(_log_softmax(values / model.temperature))
    probabilities = {
        DiagnosisCode(label): float(share) for label, share in zip(model.labels, shares / shares.sum(), strict=True)
    }
    risk = _percent(probabilities, MALIGNANT)
    energy = -_log_sum_exp(values)
    reason = _abstention(energy, max(probabilities.values()), model)
    band = band_of(risk, model) if reason is None else RiskBand.INDETERMINATE
    return Classification(probabilities, risk, _percent(probabilities, PRE_MALIGNANT), energy, band, reason)


def band_of(risk: float, model: ClassifierModel) -> RiskBand:
    """The band in which a risk in per cent lies; a greater risk never lies in a lower band."""
    if risk >= model.high_from:
        return RiskBand.HIGH
    return RiskBand.MODERATE if risk >= model.moderate_from else RiskBand.LOW


def _abstention(energy: float, confidence: float, model: ClassifierModel) -> IndeterminateReason | None:
    """Energy as a sign of an unfamiliar picture: Liu et al. 2020."""
    if energy > model.max_energy:
        return IndeterminateReason.UNFAMILIAR
    return IndeterminateReason.LOW_CONFIDENCE if confidence < model.min_confidence else None


def _percent(probabilities: dict[DiagnosisCode, float], codes: frozenset[DiagnosisCode]) -> float:
    return min(100 * sum(share for code, share in probabilities.items() if code in codes), 100.0)


def _log_softmax(values: np.ndarray) -> np.ndarray:
    return np.asarray(values - _log_sum_exp(values))


def _log_sum_exp(values: np.ndarray) -> float:
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))
