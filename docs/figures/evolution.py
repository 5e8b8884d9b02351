"""Writes docs/evolution.md and its charts from docs/measurements/evolution.json."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1]
BANDS = {"none": "#9ecae1", "watch": "#fdd0a2", "changed": "#e6550d", "not_comparable": "#bdbdbd"}
CASES = {
    "unchanged": "unchanged, seen again",
    "grown_10": "area + 10 %",
    "grown_25": "area + 25 %",
    "one_sided_25": "area + 25 %, on one side",
    "over_skin_25": "area + 25 %, the rim over the skin",
    "grown_50": "area + 50 %",
    "darker": "the whole lesion 25 % darker",
    "spot": "a new dark spot",
    "other_view": "real other view, no growth",
    "other_lesion": "another lesion",
}
SOURCES = {"labelled": "masks drawn by experts", "automatic": "masks of the model bundle"}
SETS = {"isic2018": "ISIC 2018, 512 px", "ham224": "HAM10000, 224 px", "ham200": "HAM10000, 200 px"}

HEAD = """# Evolution

How a lesion changed between two scans: `dermscan.history.evolution.compare`, on the command line `dermscan history
evolution LESION`. It describes a change; what it means is the clinician's. This page is made by
`docs/figures/evolution.py` from `measurements/evolution.json`, which `models/judge_evolution.py` writes.

## How two scans are compared

1. Both are reduced to 512 pixels. The dark rim of a dermatoscope is left out: it moves with the camera.
2. **Registration**: SIFT points are paired and a similarity (turn, scale, shift) is fitted by RANSAC. The skin's
   points decide, the farthest from the lesion that suffice, since a growing lesion carries its own points with it
   and pushes the skin beside it; skin that was pushed agrees with no similarity, so that no scale is told where the
   points are off by more than 0.35 % of the side. Points in a row, as a ruler's marks, do not count. Without enough
   texture the outlines are laid over each other, refined by ECC; that can tell no growth unless both scans are
   calibrated. In any case the two pictures' detail must correlate, the dark rim left out.
3. **The border is followed** from picture to picture by dense optical flow (DIS), both masks' in both directions,
   and once more in what the first flow has left, since a smooth flow falls short of a growth:
   two masks of one lesion differ by more than it grows in months, so a mask tells where the border is, not how it
   moved. Flow that contradicts itself there and back (2 % of the diameter), or leaves the pictures unlike (correlation
   below 0.7), is not used, and the masks alone decide.
4. **Growth** of area and greatest diameter in the scale of the skin or of the calibrations: as a share, a month,
   and in millimetres where both scans are calibrated. Where masks and followed border agree within 7 %, their mean
   is told, otherwise the border's; `area_by_masks` tells the masks' own.
5. **Outline**: Dice and Hausdorff distance of the masks, and the Dice of the followed border that is left once the
   baseline is enlarged to the same area; changes of asymmetry and border where both scans have features.
6. **Colour**: Shades of Gray on the skin that both show, then CIEDE2000 of the median colours, and a map of what
   differs beyond that overall change. The largest spot on the map is the focal change.

## What it says

| band | when |
|---|---|
| `not_comparable` | no mask, lesion cut off, different magnification, light or site, scale unknown |
| `changed` | up to 4.5 months: any change of form; beyond: one-sided growth, shape, focal change, new colour |
| `watch` | an overall change of pigment; masks that contradict the border; beyond 4.5 months even growth, shrinkage |
| `none` | none of these. Before 2.5 months with `short_interval`: too early to prove anything |

The short-term rules (2.5 to 4.5 months) are those of Menzies et al. 2001 (Arch Dermatol 137, 1583-9) and Altamura
et al. 2008 (Arch Dermatol 144, 502-6), the long-term ones those of Kittler et al. 2000 (J Am Acad Dermatol 43,
467-76) and 2006 (Arch Dermatol 142, 1113-9). They were made for eyes; where a number is needed, it is ours:
"""

SIMULATED = """
## Measured

No dated sequence of a lesion was at hand: the pairs are **simulated** from pictures of ISIC 2018 and HAM10000. The
follow-up is the same picture turned by up to 45 degrees, magnified 0.87 to 1.15 times, shifted, in another light,
with new noise and compression; a growth warps the lesion smoothly and pushes the skin around it, so its texture
grows with it, which that of a real lesion need not. Where "the rim grows over the skin", core and skin stay as they
are, and only the rim is drawn outwards: that is harder on the followed border. "Real other views" are two pictures of
one lesion from HAM10000, often at different magnification, each with a mask of its own and 200 pixels wide. Limits
were chosen on lesions of the validation part; the figures are those of the test part. No model saw either in training.

The experts' mask of a simulated follow-up is the baseline's, moved and grown with the picture: those figures judge
the registration alone. With the bundle's masks each picture is outlined anew, as on a device;
those pairs are few, so their figures are rough.
"""

TAIL = """
## What it cannot do

- Where a large growth pushes nearly all the skin that a small picture shows, the scale can be taken from that skin,
  and the growth is missed: with 50 % of growth in 2 of 24 pairs, both 224 pixels wide. More skin around the lesion
  prevents it, and a calibrated camera.
- A border that grows over the skin is followed short: with the bundle's masks by some 4 of 25 points.
- Two views of another magnification or turn, 200 pixels wide, are not comparable in two of three cases.
- Where the border cannot be followed, a mask that is drawn otherwise on the second picture is a growth to it.
- A real lesion grows new texture; these stretch or repeat theirs. How well a focal change is told apart from growth is
  not shown here.
- Small pictures with little skin around the lesion are often not comparable: the scale must come from skin that the
  growth has not moved. A calibrated camera needs none.
- The marks of an instrument that moves with the camera can pass for skin where they are not in a row.
- Milia-like cysts and globules are not told apart from other spots; neither the age of the person nor other lesions
  are weighed.
"""


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def points(value: float | None) -> str:
    """A share in percentage points, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f}"


def limits(measured: dict[str, Any]) -> str:
    """The numbers behind the bands."""
    names = {
        "AREA_LIMIT": "growth or shrinkage of the area, share",
        "ASYMMETRIC_LIMIT": "Dice at equal area below which a growth is on one side",
        "SHAPE_LIMIT": "Dice at equal area below which the shape is another",
        "UNSURE_RATIO": "ratio of the areas by which the masks contradict the followed border",
        "FOCAL_LIMIT": "share of the lesion that a changed spot covers",
        "OVERALL_LIMIT": "CIEDE2000 difference of the median colours",
    }
    return "\n" + table(["limit", "value"], [[text, f"{measured['limits'][name]:g}"] for name, text in names.items()])


def bars(measured: dict[str, Any]) -> str:
    """The figures that were asked for against what was reached."""
    rows = []
    for source, parts in measured["masks"].items():
        cases = parts["all"]["reported"]
        rows += [[SOURCES[source], *line] for line in _against(cases, measured["bars"])]
    made_by = f"\nThe bundle is {measured['bundle']}.\n" if "bundle" in measured else ""
    return "\n### Against the bars\n\n" + table(["masks", "figure", "bar", "reached", "held"], rows) + made_by


def _against(cases: dict[str, Any], asked: dict[str, float]) -> list[list[str]]:
    lines = []
    for case in ("unchanged", "grown_10", "grown_25", "over_skin_25", "grown_50", "other_view"):
        if case in cases and cases[case]["area_error_p90"] is not None:
            error = cases[case]["area_error_p90"]
            lines.append(
                _line(f"area growth, p90 of the error, points: {CASES[case]}", "5", points(error), error <= 0.05)
            )
    for case in ("unchanged", "other_view"):
        if case in cases and cases[case]["measured"]:
            share, of_compared = _share(cases[case], "changed")
            text = f"{points(share)} % of all, {points(of_compared)} % of the comparable"
            lines.append(
                _line(f"called changed: {CASES[case]}", "5 %", text, (of_compared or 0) <= asked["false_changed"])
            )
    for case in ("grown_25", "over_skin_25"):
        if case in cases:
            share, of_compared = _share(cases[case], "changed")
            text = f"{points(share)} % of all, {points(of_compared)} % of the comparable"
            lines.append(_line(f"found: {CASES[case]}", "90 %", text, share >= asked["growth_25_found"]))
    return lines


def _line(name: str, bar: str, reached: str, held: bool) -> list[str]:  # noqa: FBT001 - a cell of the table
    return [name, bar, reached, "yes" if held else "**no**"]


def _share(case: dict[str, Any], band: str) -> tuple[float, float | None]:
    comparable = case["pairs"] - case["bands"]["not_comparable"]
    found = case["bands"][band]
    return found / case["pairs"], found / comparable if comparable else None


def figures(measured: dict[str, Any]) -> str:
    """Every kind of pair of every set."""
    text = ""
    for source, parts in measured["masks"].items():
        for name, label in SETS.items():
            cases = parts[name]["reported"]
            rows = [_row(CASES[case], cases[case]) for case in CASES if case in cases]
            columns = ["pairs", "number", *BANDS, "area, p50", "area, p90", "misplaced, p90"]
            if rows:
                text += f"\n### {label}, {SOURCES[source]}\n\n" + table(columns, rows)
    return text + (
        "\n`area`: error of the growth in percentage points, where it was measured; `misplaced`: how far the corners\n"
        "of the lesion's box are laid from where they are, in per cent of the picture's longer side.\n"
    )


def _row(name: str, case: dict[str, Any]) -> list[str]:
    bands = [str(case["bands"][band]) for band in BANDS]
    errors = [points(case[key]) for key in ("area_error_p50", "area_error_p90", "misplaced_p90")]
    return [name, str(case["pairs"]), *bands, *errors]


def draw_bands(cases: dict[str, Any], target: Path) -> None:
    """Which band each kind of pair gets."""
    names = [case for case in CASES if case in cases]
    figure, axes = plt.subplots(figsize=(7.6, 4.2), layout="constrained")
    left = np.zeros(len(names))
    for band, colour in BANDS.items():
        share = np.array([100 * cases[case]["bands"][band] / cases[case]["pairs"] for case in names])
        axes.barh([CASES[case] for case in names], share, left=left, color=colour, label=band.replace("_", " "))
        left += share
    axes.invert_yaxis()
    axes.set(xlabel="per cent of the pairs", title="Bands, short-term rules, experts' masks", xlim=(0, 100))
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.4, -0.13), frameon=False)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def draw_errors(masks: dict[str, Any], target: Path) -> None:
    """How far the measured growth is off."""
    figure, axes = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
    shown = [case for case in CASES if case not in {"other_lesion", "darker", "spot"}]
    for shift, (source, parts) in enumerate(masks.items()):
        cases = parts["all"]["reported"]
        for place, case in enumerate(shown):
            errors = 100 * np.array(cases.get(case, {}).get("area_errors", []))
            height = np.full(len(errors), place + 0.28 * shift - 0.14)
            label = SOURCES[source] if place == 0 else None
            axes.plot(errors, height, "|", markersize=9, color=f"C{shift}", label=label)
    axes.axvspan(-5, 5, color="0.93", zorder=0)
    axes.set_yticks(range(len(shown)), [CASES[case] for case in shown])
    axes.invert_yaxis()
    axes.set(xlabel="measured less true growth of the area, percentage points (grey: the bar)", xlim=(-60, 60))
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.17), frameon=False)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def draw_failures(failures: list[dict[str, Any]], target: Path) -> None:
    """Outlines of unchanged lesions that were called changed; no picture is shown."""
    figure, panels = plt.subplots(1, max(len(failures), 1), figsize=(7.6, 2.6), layout="constrained", squeeze=False)
    for axes, failure in zip(panels[0], failures, strict=False):
        for key, colour in (("baseline", "C0"), ("follow_up", "C3")):
            outline = np.array([*failure[key], failure[key][0]])
            axes.plot(outline[:, 0], outline[:, 1], color=colour, linewidth=1.2)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.set_axis_off()
        axes.set_title("\n".join(reason.replace("_", " ") for reason in failure["reasons"]), fontsize=7)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def page(measured: dict[str, Any]) -> str:
    """The page, Markdown."""
    parts = [HEAD, limits(measured), SIMULATED, bars(measured), "\n![Bands](figures/evolution-bands.png)\n"]
    parts += ["\n![Errors](figures/evolution-errors.png)\n", figures(measured)]
    if measured["failures"]:
        parts.append(
            "\n### Failures\n\nOutlines of unchanged lesions that were called changed: baseline blue, follow-up red, as"
            "\nregistered.\n\n![Failures](figures/evolution-failures.png)\n"
        )
    return "".join([*parts, TAIL])


def main() -> None:
    """Write the page and its charts."""
    measured = json.loads((DOCS / "measurements" / "evolution.json").read_text(encoding="utf-8"))
    folder = DOCS / "figures"
    draw_bands(measured["masks"]["labelled"]["all"]["reported"], folder / "evolution-bands.png")
    draw_errors(measured["masks"], folder / "evolution-errors.png")
    if measured["failures"]:
        draw_failures(measured["failures"], folder / "evolution-failures.png")
    (DOCS / "evolution.md").write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
