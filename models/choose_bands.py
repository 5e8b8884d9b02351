"""Chooses temperature, bands and abstention on the validation part, and reports the classifier on the test part.

    python models/choose_bands.py --folder BUILD --report models/measurements/classifier.json

The lesion's box is read from the expert's mask (`expert`) and from the exported detector (`detector`), whose errors the
classifier meets on the device. Choices rest on both, each picture once by either box.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import onnxruntime
import typer
from numpy.typing import NDArray
from rich.progress import track

from data import CODES, Row, data_folder, mask_box, of_sets, read_image, read_mask, read_rows
from dermscan.analysis.preparation import classifier_input, roi_input
from dermscan.analysis.roi import region
from dermscan.bundle.manifest import ClassifierModel, Normalisation, RoiModel
from dermscan.domain import MALIGNANT, RgbImage, Roi
from dermscan.evaluation.classes import area_under_curve, class_summary
from export import CLASSIFIER_SIZE, ROI_SIZE
from networks import MEAN, STD
from segmenting import UNBOUND, session
from skin_tone import tone_group, typology_angle
from strangers import strangers
from train_classifier import CONTEXT

Numbers: TypeAlias = NDArray[np.float64]

SENSITIVITY = 0.95
"""Share of the malignant lesions that must lie in the moderate band or above it."""
SPECIFICITY = 0.95
"""Share of the other lesions that must lie below the high band."""
STRANGE = 0.01
"""Share of the validation part that may be called unfamiliar."""
ABSTAINED = 0.15
"""Share of the validation part for which the classifier may abstain in all."""
FEWEST = 30
"""Images of a group below which it has no figures."""
SCALING = Normalisation(mean=MEAN, std=STD)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the classifier said about one part.

    Attributes:
        logits: (n, 8).
        truth: (n,) index of the code.
        folders: The set of each row.
        tones: The tone of the skin around each lesion.
    """

    logits: Numbers
    truth: NDArray[np.int64]
    folders: NDArray[np.str_]
    tones: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Some of them."""
        return Answers(self.logits[chosen], self.truth[chosen], self.folders[chosen], self.tones[chosen])


def feeding() -> ClassifierModel:
    """How the classifier is fed; what is to be chosen stands at its neutral value."""
    return ClassifierModel(
        file=UNBOUND,
        input_size=CLASSIFIER_SIZE,
        context=CONTEXT,
        normalisation=SCALING,
        labels=CODES,
        temperature=1.0,
        moderate_from=0.0,
        high_from=100.0,
        min_confidence=0.0,
        max_energy=0.0,
    )


def answers(rows: Sequence[Row], classifier: Path, detector: Path, roi: dict[str, float]) -> dict[str, Answers]:
    """The logits for every row, by either box."""
    network, finder = session(classifier), session(detector)
    model = RoiModel(file=UNBOUND, input_size=ROI_SIZE, normalisation=SCALING, **roi)
    logits: dict[str, list[Numbers]] = {"expert": [], "detector": []}
    tones = []
    for row in track(rows, description=f"classifying {rows[0].part}"):
        pixels, lesion = read_image(row.image), read_mask(row.mask)
        box = mask_box(lesion)
        tones.append(tone_group(typology_angle(pixels, lesion)))
        whole = Roi(0, 0, pixels.shape[1], pixels.shape[0])
        boxes = {"expert": box or whole, "detector": _found(pixels, finder, model) or whole}
        for name, chosen in boxes.items():
            logits[name].append(network.run(None, {"image": classifier_input(pixels, chosen, feeding())})[0][0])
    truth = np.array([CODES.index(row.code) for row in rows])
    folders = np.array([row.folder for row in rows])
    tone = np.array(tones)
    return {name: Answers(np.array(values, np.float64), truth, folders, tone) for name, values in logits.items()}


def _found(pixels: RgbImage, finder: onnxruntime.InferenceSession, model: RoiModel) -> Roi | None:
    heat = finder.run(None, {"image": roi_input(pixels, model)})[0]
    return region(heat, model, pixels.shape)


def softmax(logits: Numbers, temperature: float) -> Numbers:
    """(n, 8) probabilities."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def best_temperature(given: Answers) -> float:
    """The temperature of the least negative log-likelihood, by a search over a fine grid."""

    def cost(temperature: float) -> float:
        shares = softmax(given.logits, temperature)[np.arange(len(given.truth)), given.truth]
        return float(-np.log(np.maximum(shares, 1e-12)).mean())

    return float(min(np.exp(np.linspace(np.log(0.3), np.log(5.0), 400)), key=cost))


def free_energy(logits: Numbers) -> Numbers:
    """(n,) -log sum exp(logits), lower the more familiar a picture (Liu et al. 2020)."""
    top = logits.max(axis=1)
    return np.asarray(-(top + np.log(np.exp(logits - top[:, None]).sum(axis=1))))


def risk(shares: Numbers) -> Numbers:
    """(n,) probability of malignancy in per cent."""
    return np.asarray(100 * shares[:, [code in MALIGNANT for code in CODES]].sum(axis=1))


def malignant_rows(given: Answers) -> NDArray[np.bool_]:
    """(n,) whether the code is malignant."""
    return np.isin(given.truth, [CODES.index(code) for code in MALIGNANT])


def chosen_bands(given: Answers) -> dict[str, float]:
    """Everything of the manifest that the validation part decides."""
    temperature = best_temperature(given)
    shares = softmax(given.logits, temperature)
    malignant = malignant_rows(given)
    moderate = float(np.quantile(risk(shares)[malignant], 1 - SENSITIVITY, method="lower"))
    high = float(np.quantile(risk(shares)[~malignant], SPECIFICITY, method="higher"))
    energy = round(float(np.quantile(free_energy(given.logits), 1 - STRANGE)), 3)
    familiar = free_energy(given.logits) <= energy
    doubt = (ABSTAINED - (1 - familiar.mean())) / familiar.mean()
    return {
        "temperature": round(temperature, 4),
        "moderate_from": round(moderate - 0.05, 1),
        "high_from": round(max(high, moderate) + 0.05, 1),
        "min_confidence": round(float(np.quantile(shares.max(axis=1)[familiar], doubt)), 3),
        "max_energy": energy,
    }


def summary(given: Answers, choice: dict[str, float]) -> dict[str, Any]:
    """The figures of one part by one box."""
    shares = softmax(given.logits, choice["temperature"])
    malignant = malignant_rows(given)
    moderate, high = risk(shares) >= choice["moderate_from"], risk(shares) >= choice["high_from"]
    strange = (free_energy(given.logits) > choice["max_energy"]) | (shares.max(axis=1) < choice["min_confidence"])
    return {
        **class_summary(shares, given.truth),
        "sensitivity_moderate": float(moderate[malignant].mean()),
        "specificity_moderate": float(1 - moderate[~malignant].mean()),
        "sensitivity_high": float(high[malignant].mean()),
        "specificity_high": float(1 - high[~malignant].mean()),
        "share_abstained": float(strange.mean()),
        "balanced_accuracy_of_the_rest": class_summary(shares[~strange], given.truth[~strange])["balanced_accuracy"],
    }


def by_group(given: Answers, choice: dict[str, float]) -> dict[str, Any]:
    """The figures of one part: whole, by set and by tone of skin."""
    figures = {"all": summary(given, choice)}
    for groups, prefix in ((given.folders, ""), (given.tones, "tone_")):
        for name in np.unique(groups):
            here = given.of(groups == name)
            few = len(here.truth) < FEWEST or not malignant_rows(here).any()
            figures[f"{prefix}{name}"] = {"images": len(here.truth)} if few else summary(here, choice)
    return figures


def joined(parts: dict[str, Answers]) -> Answers:
    """Both boxes' answers after one another."""
    fields = ("logits", "truth", "folders", "tones")
    return Answers(*(np.concatenate([getattr(part, field) for part in parts.values()]) for field in fields))


def strangeness(lesions: Answers, classifier: Path, detector: Path, roi: dict[str, float]) -> dict[str, Any]:
    """How well the free energy tells strangers from the lesions of the same part: area under the curve, by kind."""
    network, finder = session(classifier), session(detector)
    model = RoiModel(file=UNBOUND, input_size=ROI_SIZE, normalisation=SCALING, **roi)
    known, energies = free_energy(lesions.logits), {}
    for kind, frames in strangers("test", read_rows(data_folder(), "test")).items():
        boxes = [_found(frame, finder, model) or Roi(0, 0, frame.shape[1], frame.shape[0]) for frame in frames]
        inputs = [classifier_input(frame, box, feeding()) for frame, box in zip(frames, boxes, strict=True)]
        energies[kind] = free_energy(np.concatenate([network.run(None, {"image": given})[0] for given in inputs]))
    everything = np.concatenate(list(energies.values()))
    return {kind: separation(known, values) for kind, values in energies.items()} | {
        "all": separation(known, everything)
    }


def separation(known: Numbers, strange: Numbers) -> float | None:
    """Area under the curve of a score that is greater for strangers."""
    scores, positive = np.concatenate([known, strange]), np.arange(len(known) + len(strange)) >= len(known)
    return area_under_curve(scores, positive)


def main(
    folder: Annotated[Path, typer.Option(help="Build folder: exports, and the detector's choices.")],
    report: Annotated[Path, typer.Option(help="Where the figures go, JSON.")],
    file: Annotated[str, typer.Option(help="Which of the exported classifiers.")] = "classifier.quantised.onnx",
    sets: Annotated[str, typer.Option(help="Sets to choose on, with commas between; all by default.")] = "",
) -> None:
    """Choose on the validation part, report on the test part."""
    roi = json.loads((folder / "box-choices.json").read_text(encoding="utf-8"))["roi"]
    said: dict[str, dict[str, Answers]] = {}
    for part in ("validation", "test"):
        known = [row for row in read_rows(data_folder(), part) if row.code]
        rows = of_sets(known, sets) if part == "validation" else known
        said[part] = answers(rows, folder / "export" / file, folder / "export" / "roi.float32.onnx", roi)
    choice = chosen_bands(joined(said["validation"]))
    (folder / "bands-choices.json").write_text(json.dumps({"classifier": choice}, indent=2), encoding="utf-8")
    figures = {box: {part: by_group(said[part][box], choice) for part in said} for box in ("expert", "detector")}
    files = folder / "export" / file, folder / "export" / "roi.float32.onnx"
    strange = strangeness(said["test"]["detector"], *files, roi)
    print("strangers", strange)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps({"choice": choice, "strangers": strange, **figures}, indent=1) + "\n", encoding="utf-8"
    )
    for box, parts in figures.items():
        shown = {name: round(value, 4) for name, value in parts["test"]["all"].items() if isinstance(value, float)}
        print(box, shown)


if __name__ == "__main__":
    typer.run(main)
