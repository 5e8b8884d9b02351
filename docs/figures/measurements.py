"""Writes docs/measurements.md and its charts from the files in docs/measurements/."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from dermscan.bundle.loading import shipped_folder

DOCS = Path(__file__).parents[1]
FILES = DOCS / "measurements"
WHOLE_TEST = DOCS.parent / "models" / "measurements" / "classifier.json"
STAGES = ("quality", "roi", "segment", "features", "classify", "total")
LIMIT = 0.65

HEAD = """# Measurements

Made by `docs/figures/measurements.py` from `docs/measurements/accuracy.json`, which `measure_accuracy.py` beside it
writes. How fast the device is, and what it needs, is in `docs/performance.md`. Accuracy is measured on pictures of
lesions that took no part in training or in the choice of any threshold (`models/split.py test`), by `dermscan
evaluate`, which runs the very pipeline that the daemon runs. Other pictures, other cameras and other skins will
give other figures.
"""


def read(name: str) -> Any:
    """One file of measurements."""
    return json.loads((FILES / name).read_text(encoding="utf-8"))


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def masks(report: dict[str, Any]) -> str:
    """How well the masks agree with the experts'."""
    names = {
        "dice": "Dice",
        "jaccard": "Jaccard",
        "threshold_jaccard": "Threshold Jaccard (0 below 0.65)",
        "share_below_threshold": "Share of images below Jaccard 0.65",
    }
    sets = (report["ground_truth_box"], report["automatic_box"])
    rows = [[name, *(number(one[key]) for one in sets)] for key, name in names.items()]
    text = f"## Masks\n\n{report['images']} images, of which {report['without_roi']} without a region of interest.\n\n"
    text += table(["per-image means", "ground-truth box", "automatic box"], rows)
    return text


def sources(measured: dict[str, Any]) -> str:
    """The masks by the set the pictures come from, and against Otsu's threshold as the detector."""
    keys = ("dice_gt_box", "dice_auto_box")
    rows = [
        [name, str(figures["images"]), *(number(figures[key]) for key in keys)]
        for name, figures in measured["sets"].items()
    ]
    otsu = measured["otsu"]
    return (
        "\n"
        + table(["set", "images", "Dice, ground-truth box", "Dice, automatic box"], rows)
        + f"\nWith the box of Otsu's threshold instead, on {otsu['images']} images of isic2018 of the same part, "
        + f"the same Med-SAM reaches Dice {number(otsu['dice_otsu_box'])}.\n"
    )


def classes(report: dict[str, Any]) -> str:
    """How well the probabilities agree with the diagnoses."""
    sets = (report["classification"], report["classification_decided"])
    names = {
        "images": "Images",
        "balanced_accuracy": "Balanced accuracy",
        "auc_malignant": "AUC of malignancy",
        "ece": "ECE",
    }
    rows = [[name, *(number(one[key], 0 if key == "images" else 3) for one in sets)] for key, name in names.items()]
    rows += [[f"AUC of {label}", *(number(one["auc"][label]) for one in sets)] for label in sets[0]["labels"]]
    reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in report["indeterminate"].items())
    text = "\n## Classes\n\n" + table(["", "all classified", "without indeterminate"], rows)
    share = 100 * report["share_indeterminate"]
    whole = json.loads(WHOLE_TEST.read_text(encoding="utf-8"))["detector"]["test"]["all"]
    text += (
        f"\nCropped by the detector's box instead of the mask, {whole['images']} images of the test part: balanced "
        f"accuracy {number(whole['balanced_accuracy'])} and AUC of malignancy {number(whole['auc_malignant'])}; "
        f"the [model card](../models/{shipped_folder().name}/MODEL_CARD.md) has all of it.\n"
    )
    return (
        text + f"\n{share:.1f} % of the images were indeterminate ({reasons}).\n\n![Confusion](figures/confusion.png)\n"
    )


def times(report: dict[str, Any]) -> str:
    """How long a picture took, of those that accuracy was measured on."""
    spent = report["milliseconds"]
    rows = [[stage, *(number(spent[stage][key], 1) for key in ("p50", "p95"))] for stage in STAGES]
    return "\n## Time\n\nOn these pictures, with two threads.\n\n" + table(
        ["milliseconds an image", "p50", "p95"], rows
    )


def draw_confusion(report: dict[str, Any], target: Path) -> None:
    """The confusion matrix as shares of the true class."""
    labels, counts = report["classification"]["labels"], np.array(report["classification"]["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > LIMIT else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(
        xlabel="predicted", ylabel="truth", title="Images by true and predicted class (colour: share of the truth)"
    )
    figure.savefig(target, dpi=110)
    plt.close(figure)


def draw_dice(histograms: dict[str, list[int]], target: Path) -> None:
    """How Dice is distributed over the images."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for key, name in (("dice_gt_box", "ground-truth box"), ("dice_auto_box", "automatic box")):
        counts = histograms[key]
        axes.stairs(counts, np.linspace(0, 1, len(counts) + 1), linewidth=1.8, label=name)
    axes.set(xlabel="Dice", ylabel="images", title="Dice of the masks, image by image")
    axes.legend(loc="upper left")
    figure.savefig(target, dpi=110)
    plt.close(figure)


def main() -> None:
    """Write the page and its charts."""
    measured = read("accuracy.json")
    report = measured["report"]
    draw_confusion(report, DOCS / "figures" / "confusion.png")
    draw_dice(measured["histograms"], DOCS / "figures" / "dice.png")
    parts = [
        HEAD,
        f"\nThe figures of this page are those of {report['bundle']}, where nothing else is said.\n",
        masks(report),
        sources(measured),
        "![Dice](figures/dice.png)",
        classes(report),
        times(report),
    ]
    (DOCS / "measurements.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
