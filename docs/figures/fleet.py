"""Writes docs/fleet.md and its chart from docs/measurements/fleet.json, which measure_fleet.py writes."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1]
HEAD = """# Many rooms

Each appliance stands alone, with a broker of its own. A clinic's overview is a standard MQTT bridge into a
broker of the clinic's choice; there is no server of ours. Made by `docs/figures/fleet.py`.

## One clinic's broker

`deploy/fleet/bridge.conf` goes to each appliance, `clinic-broker.conf` and `clinic.acl` to the clinic's broker.
The bridge speaks TLS in both directions of trust: the appliance checks the clinic's authority, the clinic takes
certificates of that authority only, and the certificate's name, the device's label, is the subtree that may be
written. Availability, status and health go out; no event, no command, nothing comes back. After an absence all
that is retained is sent anew.

`dermscan/<device>/bridge` is `1` while the bridge is there and `0` when it is not. An overview shows a device
as known only while it is `1`: when the cable is cut, the device's own will goes to its own broker and cannot
reach the clinic's.

`tests/bus/test_fleet.py` runs two real brokers: what arrives, what never does, forged topics, foreign
certificates, absences.

## Beyond one broker

The measurements below say when: a broker is idle with a thousand appliances, so the reason to have more is the
network between houses rather than the load. A ward's broker is set up like the clinic's and hands everything on
with `deploy/fleet/ward.conf`: availability, status, health and bridge of all its devices, one way again.

Where brokers must stand in for each other, the clinic's broker is a cluster such as EMQX or VerneMQ instead.
Appliances see no difference: the bridge needs MQTT 3.1.1, TLS with client certificates, the certificate's name
as the user, retained messages, and the rules of `clinic.acl`. `deploy/fleet/emqx.conf` and `emqx-acl.conf` are that for
EMQX 5: put the addresses in, copy both to every node, start the nodes (`systemctl start emqx`), and see them
find each other with `emqx ctl cluster status`. In `bridge.conf` name all nodes behind `address`, the first one first:
the bridge goes on to the next where one is away. A test holds that both lists of rules allow the same; the cluster
itself was not tried here.

## Home Assistant

With `bus.home_assistant = true` the device describes itself on `homeassistant/device/dermscan-<device>/config`,
retained: state, progress, scans filed, and whether anything is wrong. The description is made of constants and
the device's label. `broker-identities --home-assistant yes` lets the service write that one topic and makes the
identity with which Home Assistant reads it, the availability, the status and the health, and may do nothing
else.

"""


def page(measured: dict[str, Any]) -> str:
    """The whole page, Markdown."""
    parts = [HEAD, "## Measured\n\n"]
    parts.append(
        f"One Mosquitto and all clients on one machine ({measured['machine']}), over loopback, without TLS; one event\n"
        f"a second from each appliance, QoS 1; {measured['displays']} displays that follow one appliance each and an\n"
        f"overview that follows all; {measured['seconds']:.0f} s each. The machine's load average was\n"
        f"{measured['load_before']} before it began. `docs/figures/measure_fleet.py` measures it\n"
        "again.\n\n"
    )
    parts.append(
        "| appliances | events | lost | p50, ms | p95, ms | p99, ms | broker, share of a core | broker, MB |\n"
    )
    parts.append("|---:|---:|---:|---:|---:|---:|---:|---:|\n")
    for row in measured["sizes"]:
        times = " | ".join(f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms"))
        share, memory = f"{100 * row['broker_cpu_share']:.1f} %", f"{row['broker_memory_mb']:.1f}"
        parts.append(f"| {row['appliances']} | {row['sent']} | {row['lost']} | {times} | {share} | {memory} |\n")
    return "".join([*parts, "\n![Growth](figures/fleet.png)\n"])


def draw(measured: dict[str, Any], target: Path) -> None:
    """How delivery, CPU and memory grow."""
    rows = measured["sizes"]
    sizes = [row["appliances"] for row in rows]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    for share in (50, 95, 99):
        left.plot(sizes, [row[f"p{share}_ms"] for row in rows], marker="o", label=f"p{share}")
    left.set(title="Delivery, ms", ylim=(0, 1.3 * max(row["p99_ms"] for row in rows)))
    left.legend(loc="upper right", ncols=3)
    middle.plot(sizes, [100 * row["broker_cpu_share"] for row in rows], marker="o")
    middle.set(title="Broker, per cent of a core", ylim=(0, None))
    right.plot(sizes, [row["broker_memory_mb"] for row in rows], marker="o")
    right.set(title="Broker, MB", ylim=(0, 10))
    for axes in (left, middle, right):
        axes.set(xscale="log", xlabel="appliances")
    figure.savefig(target, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    told = json.loads((DOCS / "measurements" / "fleet.json").read_text(encoding="utf-8"))
    draw(told, DOCS / "figures" / "fleet.png")
    (DOCS / "fleet.md").write_text(page(told), encoding="utf-8")
