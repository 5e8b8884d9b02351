"""Writes docs/performance.md and its charts from docs/measurements/performance.json and the history's files there."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from boards import BOARDS, SOURCES, estimated

DOCS = Path(__file__).parents[1]
KERNELS = DOCS / "measurements" / "kernels.json"
STAGES = ("roi", "quality", "segment", "features", "classify", "filing", "bus")
COLOURS = ("#7fa6c9", "#b7cde2", "#2f6f9f", "#8cbf9f", "#e0b265", "#c98a7f", "#bbbbbb")
HEAD = """# Performance

Made by `docs/figures/performance.py` from `docs/measurements/performance.json`, which one command writes:

    python docs/figures/measure_performance.py

It takes about eight minutes, needs Mosquitto, and for the references the extra `training` and OpenVINO
(`--without-references` leaves them out). Nothing else should run on the machine meanwhile.

"""


def page(measured: dict[str, Any], histories: list[dict[str, Any]]) -> str:
    """The whole page, Markdown."""
    parts = [HEAD, machine(measured), scan(measured["scans"]), needs(measured)]
    if histories:
        parts.append(growth(histories))
    return "\n".join([*parts, references(measured), kernels(read(KERNELS)), boards(measured)])


def machine(measured: dict[str, Any]) -> str:
    """What was measured on."""
    one, peaks = measured["machine"], measured["matmul_gops"]
    eight = peaks["int8"] or "not measured"
    return (
        f"{one['processor']}, {one['cores']} cores, {one['architecture']}, Python {one['python']}, ONNX Runtime "
        f"{one['onnxruntime']} with {one['threads']} threads; bundle {measured['bundle']}. The machine's best at "
        f"products of matrices is {peaks['float32']} GFLOP/s in float32 and {eight} GOP/s in eight bits. Its load "
        f"average before the run was {one['load_before'][0]}.\n"
    )


def scan(scans: dict[str, Any]) -> str:
    """From the held-still frame to `done`."""
    times = scans["ms"]
    rows = [[stage, *(f"{times[stage][share]:.1f}" for share in ("p50", "p95", "p99"))] for stage in (*STAGES, "total")]
    return (
        "## From the held-still frame to done\n\n"
        f"{scans['scans']} scans of rendered phantoms, 1280 x 960, by analyst, encrypted history and bus as the daemon "
        "wires them. The clock starts when the frame of the burst is handed on and stops when a listener at a real "
        "Mosquitto hears `done`; `filing` is everything until the scan is safe on the disk, `bus` what is left.\n\n"
        + table(["milliseconds", "p50", "p95", "p99"], rows)
        + f"\nA scan costs {scans['cpu_s']:.3f} seconds of the processor, all threads together: the measure of its "
        f"energy. Filing took {scans['filing_first_ms']} ms at the start and {scans['filing_last_ms']} ms at the "
        "end (medians of a tenth of the run).\n\n![Stages](figures/performance-stages.png)\n"
    )


def needs(measured: dict[str, Any]) -> str:
    """Live loop, memory, start."""
    live, memory = measured["live"], measured["memory"]
    starts = ", ".join(f"{seconds:.1f}" for seconds in measured["cold_start_s"]) or "not measured"
    rows = [
        [f"live loop, {live['width']} x {live['height']}, one core, frames/s", f"{live['frames_per_s']}"],
        ["a frame of it, ms, p50 (p95)", f"{live['p50_ms']} ({live['p95_ms']})"],
        ["start of the service to READY, s", starts],
        ["peak memory of the pipeline in a process of its own, MB", f"{memory['peak_mb']:.0f}"],
        ["the same between scans, MB", f"{memory['between_mb']:.0f}"],
    ]
    for name, run in sorted((key, value) for key, value in measured.items() if key.startswith("daemon_")):
        size = name.removeprefix("daemon_").replace("x", " x ")
        rows += [
            [f"daemon at {size}, {run['rate_hz']:.0f} frames/s, share of one core", f"{run['share_of_one_core']:.2f}"],
            [f"daemon at {size}, peak memory (at the end), MB", f"{run['peak_mb']:.0f} ({run['resident_mb']:.0f})"],
        ]
    rows.append(["run-time libraries with the software, MB", f"{measured['install_mb']:.0f}"])
    return (
        "## What it needs\n\nThe daemon runs as on a device, over a camera that shows skin and a lesion in turn, five "
        "seconds each; reading and scanning are in its share. 1 MB is 10^6 bytes; the bar for "
        "the pipeline is 350 MB.\n\n" + table(["", ""], rows)
    )


def growth(histories: list[dict[str, Any]]) -> str:
    """Filing and timeline by the size of the history."""
    rows = [
        [
            f"{one['scans']:,}",
            *(f"{one[what][key]:.1f}" for what in ("filing", "timeline") for key in ("median_ms", "p95_ms")),
        ]
        for one in histories
    ]
    return (
        "## Growth of the history\n\nBy `tests/history/large_history.py`: 200 filings of frames of twelve megapixels "
        "and 500 timelines of lesions chosen by chance.\n\n"
        + table(["scans in the history", "filing, ms, median", "p95", "timeline, ms, median", "p95"], rows)
        + "\n![Growth](figures/performance-growth.png)\n"
    )


def references(measured: dict[str, Any]) -> str:
    """The bundle against LiteMedSAM."""
    contenders = measured["contenders"]
    first = contenders[0]["stages_ms"]["segment"]["p50"]
    rows = []
    for one in contenders:
        spent, whole = one["stages_ms"]["segment"], one["stages_ms"]["total"]
        rows.append(
            [
                one["name"],
                f"{spent['p50']:.1f} ({spent['p95']:.1f})",
                f"{spent['p50'] / first:.1f}",
                f"{whole['p50']:.1f}",
                f"{one['segmenter_mb']:.1f}",
            ]
        )
    return (
        "## Against LiteMedSAM\n\nAll contenders scanned the same pictures in turn in one run, each by the same "
        "pipeline with another segmenter.\n\n"
        + table(["segmenter", "ms, p50 (p95)", "times ours", "whole assessment, ms", "MB"], rows)
        + "\n![Segmenters](figures/performance-segmenters.png)\n"
    )


def kernels(told: dict[str, Any]) -> str:
    """Where the encoder's time goes, and how far it is from the machine's best."""
    one, best = told["machine"], told["matmul_gops"]["int8"]
    whole = sum(kind["ms"] for kind in told["kinds"].values())
    rows = [
        [name, f"{kind['ms']:.2f}", f"{kind['ms'] / whole:.0%}", *rate(kind, best)]
        for name, kind in told["kinds"].items()
    ]
    operations = sum(kind["million_operations"] for kind in told["kinds"].values())
    return (
        "## Where the encoder's time goes\n\nBy `docs/figures/measure_kernels.py`: ONNX Runtime's profile of the "
        f"encoder of {told['bundle']} in eight bits, beside the machine's best product of matrices in the same run "
        f"({best:.0f} GOP/s; {one['processor']}, {one['cores']} cores, load average {one['load_before'][0]}).\n\n"
        + table(["kernels", "ms", "share", "million operations", "GOP/s", "share of the best"], rows)
        + f"\nAll together {operations / whole:.0f} GOP/s are **{operations / whole / best:.0%} of the best**, below a "
        "third, and the reason is the shape that makes the network small. A product of large matrices uses each number "
        "that it reads a thousand times; the pointwise convolutions here sum over 16 to 1,152 channels, the depthwise "
        "ones over 9 or 25 numbers, and each result is scaled and rounded to eight bits again. "
        "Depthwise kernels and what computes nothing (resizing, transposing, "
        "rounding) take the rest of the time for a tenth of the operations. LiteMedSAM comes nearer to its best and "
        "needs seventy times the operations.\n"
    )


def rate(kind: dict[str, float], best: float) -> list[str]:
    """Operations of a kind of kernels, their rate, and its share of the machine's best."""
    count, spent = kind["million_operations"], kind["ms"]
    if count == 0:
        return ["", "", ""]
    return [f"{count:.0f}", f"{count / spent:.0f}", f"{count / spent / best:.0%}"]


def boards(measured: dict[str, Any]) -> str:
    """What the boards may take."""
    rows = [[board.name, *(f"{low:.0f} - {high:.0f}" for low, high in estimated(measured, board))] for board in BOARDS]
    counts = ", ".join(f"{role} {count / 1e9:.2f}" for role, count in measured["operations"].items())
    sources = "\n".join(SOURCES)
    return (
        "## On the boards: an estimate\n\n**Nothing here was measured on a board.** The networks' operations were "
        f"counted (billions a scan: {counts}) and divided by the rate at which published runs did a network of the "
        "same kind; what is no network was measured here and multiplied by how much slower the board's core may be, "
        "which is an assumption. The upper bound is half the rate and the slower core.\n\n"
        + table(["board, on its processor", "networks, ms", "all else, ms", "scan, ms"], rows)
        + f"\n{sources}\n"
    )


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def clean(axes: Any) -> None:
    """Leave out what says nothing."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)


def draw_stages(scans: dict[str, Any]) -> None:
    """The median scan as one bar a share of the scans, stage by stage."""
    figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
    for row, share in enumerate(("p50", "p95", "p99")):
        left = 0.0
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            width = scans["ms"][stage][share]
            axes.barh(row, width, left=left, color=colour, label=stage if row == 0 else None, height=0.6)
            left += width
        axes.text(left, row, f"  {scans['ms']['total'][share]:.0f} ms in all", va="center", fontsize=8)
    axes.set_yticks(range(3), ["p50", "p95", "p99"])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set(xlabel="milliseconds; each stage by itself", title="From the held-still frame to done")
    axes.legend(ncols=len(STAGES), fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.28))
    clean(axes)
    figure.savefig(DOCS / "figures" / "performance-stages.png", dpi=120)
    plt.close(figure)


def draw_segmenters(contenders: list[dict[str, Any]]) -> None:
    """The segmenters on a logarithmic scale."""
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.45 * len(contenders)), layout="constrained")
    spent = [one["stages_ms"]["segment"]["p50"] for one in contenders]
    bars = axes.barh([one["name"] for one in contenders], spent, color=["#2f6f9f"] + ["#b7cde2"] * (len(spent) - 1))
    axes.bar_label(bars, fmt="%.0f ms", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(xscale="log", xlabel="milliseconds of the stage segment, median", title="Segmenters")
    clean(axes)
    figure.savefig(DOCS / "figures" / "performance-segmenters.png", dpi=120)
    plt.close(figure)


def draw_growth(histories: list[dict[str, Any]]) -> None:
    """Filing and timeline by the size of the history."""
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    sizes = [one["scans"] for one in histories]
    for what, colour in (("filing", "#2f6f9f"), ("timeline", "#e0b265")):
        middle = [one[what]["median_ms"] for one in histories]
        axes.plot(sizes, middle, "o-", color=colour, label=f"{what}, median")
        axes.fill_between(sizes, middle, [one[what]["p95_ms"] for one in histories], color=colour, alpha=0.2, lw=0)
    axes.set(
        xscale="log", xlabel="scans in the history", ylabel="ms (to p95)", ylim=(0, None), title="Growth of the history"
    )
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "figures" / "performance-growth.png", dpi=120)
    plt.close(figure)


def read(path: Path) -> dict[str, Any]:
    """A file of measurements."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def main() -> None:
    """Write the page and its charts."""
    measured = read(DOCS / "measurements" / "performance.json")
    histories = [read(path) for path in (DOCS / "measurements").glob("history*.json")]
    histories = sorted((one for one in histories if "filing" in one), key=lambda one: one["scans"])
    draw_stages(measured["scans"])
    draw_segmenters(measured["contenders"])
    if histories:
        draw_growth(histories)
    (DOCS / "performance.md").write_text(page(measured, histories), encoding="utf-8")


if __name__ == "__main__":
    main()
