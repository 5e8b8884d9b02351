"""Writes a bundle's model card from the measurements in `models/measurements`, and from nothing else."""

import json
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
MEASUREMENTS = HERE / "measurements"
TEXT = HERE / "model_card.txt"


def write_card(target: Path) -> None:
    """Write MODEL_CARD.md into a bundle.

    Raises:
        FileNotFoundError: A measurement has not been made yet.
    """
    box, classes, medsam, variants = (measured(name) for name in ("box", "classifier", "medsam", "variants"))
    permissive = measured("box-permissive"), measured("classifier-permissive")
    card = Template(TEXT.read_text(encoding="utf-8")).substitute(
        name=target.name,
        outlines=outline_table(box),
        found=found_table(box),
        alarms=alarm_table(box),
        parity=parity_table(medsam),
        lite=outline_table(measured("box-lite")),
        variants=variant_table(variants),
        tried_images=sum(int(figures["images"]) for figures in next(iter(variants.values())).values()),
        strangers=stranger_table(classes["strangers"]),
        classes=class_table(classes),
        areas=area_table(classes),
        confusion=confusion_table(classes["detector"]["test"]["all"]),
        reading=reading(box["choice"]),
        bits=bits_table(measured("bits")),
        permissive_outlines=beside(box, permissive[0], list(box["dice"])),
        permissive_classes=classes_beside(classes, permissive[1]),
        cross_outlines=beside(box, measured("box-cross"), ["isic2018"]),
        **{name: f"{value:g}" for name, value in classes["choice"].items()},
    )
    (target / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def measured(name: str) -> dict[str, Any]:
    """One file of measurements."""
    return json.loads((MEASUREMENTS / f"{name}.json").read_text(encoding="utf-8"))


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; numbers with three decimals, missing ones as a dash."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def reading(choice: dict[str, Any]) -> str:
    """How the detector's map becomes a box and the box a view, in words."""
    roi, view = choice["roi"], choice["segmentation"]
    seen = "the whole frame" if view["context"] is None else f"a square of {view['context']:g} sides of the box"
    return (
        f"threshold {roi['threshold']:g}, least score {roi['min_score']:g}, least share {roi['min_share']:g}, "
        f"margin {view['box_margin']:g}, segmented: {seen}"
    )


def outline_table(box: dict[str, Any]) -> str:
    """Dice and Jaccard behind either box, by set."""
    head = ["set", "images", "expert's box: Dice", "Jaccard", "detector's box: Dice", "Jaccard", "Jaccard below 0.65"]
    rows: list[list[object]] = []
    for folder, both in box["dice"].items():
        expert, found = both["expert_box"], both["detector_box"]
        figures = (expert["dice"], expert["jaccard"], found["dice"], found["jaccard"], found["share_below_threshold"])
        rows.append([folder, found["images"], *figures])
    return table(head, rows)


def found_table(box: dict[str, Any]) -> str:
    """How well the detector's boxes meet the experts', by set."""
    rows: list[list[object]] = [
        [folder, figures["images"], figures["mean_iou"], figures["recall_at_half"]]
        for folder, figures in box["found"].items()
    ]
    return table(["set", "images", "mean IoU of the boxes", "share with IoU of 0.5 or more"], rows)


def beside(box: dict[str, Any], other: dict[str, Any], sets: list[str]) -> str:
    """Figures of this bundle and of another, `this / other`, by set."""
    head = ["set", "images", "IoU of 0.5 or more", "expert's box: Dice", "detector's box: Dice", "Jaccard below 0.65"]
    names = (("expert_box", "dice"), ("detector_box", "dice"), ("detector_box", "share_below_threshold"))
    rows: list[list[object]] = []
    for folder in sets:
        found = [both["found"][folder]["recall_at_half"] for both in (box, other)]
        pairs = [found, *([both["dice"][folder][kind][name] for both in (box, other)] for kind, name in names)]
        images = box["dice"][folder]["detector_box"]["images"]
        rows.append([folder, images, *(" / ".join(_cell(value) for value in pair) for pair in pairs)])
    return table(head, rows)


def classes_beside(classes: dict[str, Any], other: dict[str, Any]) -> str:
    """The classifier of this bundle and of another behind the detector's box, `this / other`, by set."""
    names = {"balanced_accuracy": "balanced accuracy", "auc_malignant": "AUC malignancy", "ece": "ECE"}
    rows: list[list[object]] = []
    for folder, figures in classes["detector"]["test"].items():
        if not folder.startswith("tone_"):
            both = figures, other["detector"]["test"][folder]
            cells = [" / ".join(_cell(some.get(name)) for some in both) for name in names]
            rows.append([folder, figures["images"], *cells])
    return table(["set", "images", *names.values()], rows)


def alarm_table(box: dict[str, Any]) -> str:
    """Frames without a lesion in which the detector sees one."""
    rows: list[list[object]] = [
        [kind.replace("_", " "), total, count] for kind, (count, total) in box["false_alarms"].items()
    ]
    return table(["frames without a lesion", "frames", "taken for one"], rows)


def parity_table(medsam: dict[str, Any]) -> str:
    """Agreement with PyTorch and size, by kind."""
    rows: list[list[object]] = [
        [kind, medsam["megabytes"][kind], medsam["mean"][kind], medsam["least"][kind]] for kind in medsam["mean"]
    ]
    return table(["kind", "MB", "mean Dice against PyTorch", "least"], rows)


def variant_table(variants: dict[str, Any]) -> str:
    """What was tried, a column a set."""
    sets = list(next(iter(variants.values())))
    rows: list[list[object]] = []
    for name, figures in variants.items():
        parts = [figures[folder] for folder in sets]
        rows.append([name, *(f"{p['expert_box']:.3f} / {p['detector_box']:.3f} / {p['poor']:.2f}" for p in parts)])
    return table(["way", *sets], rows)


def stranger_table(strange: dict[str, float]) -> str:
    """Areas under the curve, by kind of picture without a lesion."""
    return table([kind.replace("_", " ") for kind in strange], [list(strange.values())])


def class_table(classes: dict[str, Any]) -> str:
    """The classifier on the test part, by box and set."""
    names = {
        "balanced_accuracy": "balanced accuracy",
        "accuracy": "accuracy",
        "auc_malignant": "AUC malignancy",
        "ece": "ECE",
        "sensitivity_moderate": "sensitivity, moderate or higher",
        "specificity_moderate": "specificity",
        "sensitivity_high": "sensitivity, high",
        "specificity_high": "specificity, high",
        "share_abstained": "abstained",
        "balanced_accuracy_of_the_rest": "balanced accuracy of the rest",
    }
    rows: list[list[object]] = []
    for box in ("expert", "detector"):
        for folder, figures in classes[box]["test"].items():
            rows.append([box, folder, figures["images"], *(figures.get(name) for name in names)])
    return table(["box", "set", "images", *names.values()], rows)


def bits_table(bits: dict[str, dict[str, float]]) -> str:
    """What eight bits cost, network by network."""
    names = {"box_iou": "IoU of the boxes", "dice": "Dice", "balanced_accuracy": "balanced accuracy"}
    names |= {"auc_malignant": "AUC malignancy"}
    rows: list[list[object]] = [
        [kind, figures["images"], *(figures[name] for name in names)] for kind, figures in bits.items()
    ]
    return table(["arithmetic", "images", *names.values()], rows)


def area_table(classes: dict[str, Any]) -> str:
    """Area under the ROC curve by code, detector's box, test part."""
    figures = classes["detector"]["test"]["all"]
    return table(figures["labels"], [[figures["auc"][label] for label in figures["labels"]]])


def confusion_table(figures: dict[str, Any]) -> str:
    """Counts, a row a true code, a column the most probable one."""
    labels = figures["labels"]
    rows = [[label, *counts] for label, counts in zip(labels, figures["confusion"], strict=True)]
    return table(["true \\ answered", *labels], rows)
