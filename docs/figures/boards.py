"""Estimates what a scan takes on the boards, from operations counted here and figures published by others."""

from dataclasses import dataclass
from typing import Any

LITE0_GIGA_OPERATIONS = 0.78
"""EfficientNet-Lite0 at 224 x 224: 0.39 billion multiplications, each with its addition (the authors' model card)."""

PI4_LITE0_S = 0.049
"""EfficientNet-Lite0 on a Raspberry Pi 4 by TensorFlow Lite, as published (source 1)."""

PI5_TO_PI4 = 10945.45 / 5900.85
"""Four cores, sysbench (source 2); its dot products in eight bits, which a Pi 4 has not, are not counted on."""

ORIN_TO_PI5 = (6 * 1.5) / (4 * 2.4)
"""Six Cortex-A78AE at 1.5 GHz against four Cortex-A76 at 2.4 GHz, by clock and cores alone (source 3)."""

SOURCES = (
    (
        "1. MobileNet vs EfficientNet-Lite on a Pi 4: 49 ms, "
        "<https://dev.to/tildalice/mobilenet-vs-efficientnet-lite-pi-4-first-model-38ms-gap-3l84>"
    ),
    (
        "2. Raspberry Pi CPU benchmarks, sysbench on four cores: Pi 4 5,901, Pi 5 10,945 events/s, "
        "<https://leoncode.co.uk/articles/raspberry-pi-benchmarks>"
    ),
    (
        "3. Jetson Orin Nano data sheet: six Cortex-A78AE (1.5 GHz before the Super mode); its GPU is not counted "
        "on here, since TensorRT was tried with stand-ins only ([models](models.md#accelerators))"
    ),
)


@dataclass(frozen=True, slots=True)
class Board:
    """A board.

    Attributes:
        name: Its name.
        gops: Billions of operations a second in networks of depthwise convolutions, from published runs.
        slower: By how much a core of it may be slower than the one that was measured on, at best and at worst: assumed.
    """

    name: str
    gops: float
    slower: tuple[float, float]


PI4_GOPS = LITE0_GIGA_OPERATIONS / PI4_LITE0_S
BOARDS = (
    Board("Raspberry Pi 4", PI4_GOPS, (3.0, 6.0)),
    Board("Raspberry Pi 5", PI4_GOPS * PI5_TO_PI4, (1.5, 3.0)),
    Board("Jetson Orin Nano", PI4_GOPS * PI5_TO_PI4 * ORIN_TO_PI5, (1.7, 3.5)),
)


def estimated(measured: dict[str, Any], board: Board) -> tuple[tuple[float, float], ...]:
    """Milliseconds of a scan's networks, of all else, and of both, least and most."""
    networks = 1000 * sum(measured["operations"].values()) / 1e9 / board.gops
    times, runs = measured["scans"]["ms"], measured["contenders"][0]["networks_ms"]
    here = sum(span["p50"] for span in runs.values())
    rest = max(times["total"]["p50"] - here, 0.0)
    spans = (networks, 2 * networks), (rest * board.slower[0], rest * board.slower[1])
    return (*spans, (spans[0][0] + spans[1][0], spans[0][1] + spans[1][1]))
