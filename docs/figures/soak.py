"""Writes docs/soak.md and its chart from docs/measurements/soak.json, which `deploy/soak` writes."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1]
HEAD = """# Soak

`deploy/soak` runs the whole appliance for a set time among faults: the real daemon, a real Mosquitto, the bedside
display in Chromium and the console, over the rendered phantom at 320 x 240 whose hand is quick, so that a lesion comes
every one and a half seconds; some scans are ordered over the bus for known lesions. Nothing else is hurried: every
clock runs as it does, but where a fault sets it. What systemd does, the bed does: it waits for READY, ends
what does not feed its watchdog (15 s, half of the unit's) and starts anew what has died. After a fault that ended the
service it clears the count of such starts, as a technician does (`dermscan safe-mode clear`): a run meets more deaths
in half an hour than the service takes for a crash loop.

    deploy/soak --minutes 1440 --out docs/measurements/soak.json

Faults are drawn from a seed, each kind equally often; in the last half of the time none that ends the process, so that
one process lives on and its growth can be seen. After each fault:

- bus and display say what they must within the promised time, and all is well again within 15 s, with a scan filed;
- in every life of the service the history has as many scans as the bus was told of; where it was killed, at most one
  more;
- the console lets a clinician in and shows the lesions; the audit log verifies;
- no file that has changed holds a picture's or a database's beginning or an identifier, and no message on the bus does.

At the end no scan is there twice, and over the last half memory has grown by less than 1 %, and open files and threads
have not. Less than ten minutes in that half are not judged. `tests/soak/test_soak.py` meets every fault once.

It has found: at each reload of the settings the networks of before stayed in memory until the next collection; in the
dark, where no lesion can be found, the display said ready instead of too dark; where the kernel refused memory just as
a filing began its threads, it stood still until the watchdog ended the service, eighty seconds later, and the
display said analysing all that time.

The last is mended: the threads are started when the history is opened (`history/row_coding.py`).

The run of the record found one more, to be seen in its chart: memory rose from 300 to 400 MB in its last life, in steps
with each reload of the settings that a fault of camera or bundle brings. Networks are loaded anew then, and the C
library keeps the gaps that the old ones leave; now they are given back (`daemon/memory.py`). Fourteen reloads after
one another on the same bed stayed between 276 and 303 MB. A record of that is still to be made.

While the run of the record was made the machine did other work too; no promised time was lengthened for it.

"""
MEANING = {
    "camera_stall": "the camera falls silent",
    "camera_unplugged": "the camera is gone",
    "blur": "every frame out of focus",
    "darkness": "every frame dark",
    "broker_restart": "Mosquitto ends and starts",
    "broker_away": "Mosquitto is killed, two scans later it is back",
    "disk_full": "the history's disk has no room",
    "clock_forward": "the clock is 400 days ahead",
    "clock_back": "the clock is ten years behind",
    "corrupt_bundle": "a byte of the installed bundle turns",
    "memory_short": "the kernel refuses all memory",
    "kill": "SIGKILL",
    "stand_still": "SIGSTOP until the watchdog ends it",
    "restart": "SIGTERM and a new start",
    "key_away": "killed, and the key is gone at the start",
}


def page(run: dict[str, Any]) -> str:
    """The whole page, Markdown."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for met in run["faults"]:
        kinds.setdefault(met["fault"], []).append(met)
    columns = ["fault", "", "times", "promised, s", "told, s", "shown, s", "well again, s", "kept"]
    rows = [row(kind, kinds[kind]) for kind in MEANING if kind in kinds]
    return (
        HEAD
        + summary(run)
        + table(columns, rows)
        + "\nMedians. "
        + hurry(run)
        + wrong(run)
        + "\n![Run](figures/soak.png)\n"
    )


def summary(run: dict[str, Any]) -> str:
    """What was run."""
    one, growth = run["machine"], run["growth"]
    judged = "" if growth["judged"] else ", which is too little to be judged"
    held = ", ".join(f"{name} {first} and {last}" for name, (first, last) in run["steady"].items())
    return (
        "## The run of the record\n\n"
        f"{run['seconds'] / 60:.0f} minutes, **{run['scans']:,} scans**, {len(run['faults'])} faults "
        f"(seed {run['seed']}), {run['lives']} lives of the service; {one['cores']} cores, "
        f"{one['architecture']}, Python {one['python']}. "
        f"Over the last half of the longest life memory grew by {100 * growth['share']:.2f} %{judged}; "
        f"{held} at its beginning and at its end.\n\n"
    )


def row(kind: str, met: list[dict[str, Any]]) -> list[str]:
    """One kind of fault."""
    spans = [middle([one[key] for one in met]) for key in ("told_s", "shown_s", "well_s")]
    kept = sum(not one["wrong"] for one in met)
    return [f"`{kind}`", MEANING[kind], str(len(met)), f"{met[0]['promised_s']:.0f}", *spans, f"{kept} of {len(met)}"]


def middle(values: list[float | None]) -> str:
    """The median of what there is."""
    there = [value for value in values if value is not None]
    return f"{median(there):.1f}" if there else "-"


def hurry(run: dict[str, Any]) -> str:
    """What a promised time was multiplied by."""
    if run["patience"] == 1:
        return ""
    return (
        f"The machine was busy with other work: promised times were multiplied by {run['patience']:.0f} to be judged. "
    )


def wrong(run: dict[str, Any]) -> str:
    """What did not hold."""
    if not run["wrong"]:
        return "Every promise was kept.\n"
    return "What was not kept:\n\n" + "".join(f"- {what}\n" for what in run["wrong"])


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---", "---"] + ["---:"] * (len(columns) - 2), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def draw(run: dict[str, Any]) -> None:
    """Scans, memory, files and threads over the run, with the faults."""
    figure, panels = plt.subplots(3, 1, figsize=(9, 6), sharex=True, layout="constrained")
    curve = run["curve"]
    minutes = [sample["at_s"] / 60 for sample in curve]
    panels[0].plot([at / 60 for at, _ in run["filed"]], [count for _, count in run["filed"]], color="#2f6f9f")
    panels[0].set_ylabel("scans filed")
    panels[1].plot(minutes, [sample["megabytes"] for sample in curve], color="#2f6f9f", lw=1)
    panels[1].set_ylabel("memory, MB")
    for what, colour in (("descriptors", "#e0b265"), ("threads", "#8cbf9f")):
        panels[2].plot(minutes, [sample[what] for sample in curve], color=colour, lw=1, label=what)
    panels[2].set_ylabel("open files, threads")
    panels[2].legend(frameon=False, fontsize=8, loc="upper right")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_ylim(0, None)
        for met in run["faults"]:
            panel.axvline(met["at_s"] / 60, color="#c0504d" if met["wrong"] else "#dddddd", lw=0.8, zorder=0)
    panels[0].set_title("The service among faults (grey; red where a promise was not kept)")
    panels[-1].set_xlabel("minutes")
    figure.savefig(DOCS / "figures" / "soak.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    told = json.loads((DOCS / "measurements" / "soak.json").read_text(encoding="utf-8"))
    draw(told)
    (DOCS / "soak.md").write_text(page(told), encoding="utf-8")
