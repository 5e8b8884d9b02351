"""What each health code means and what to do about it, one sentence each. Nothing here decides whether a code holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dermscan.bus.events import HealthCode

FAULTS = frozenset(
    {
        HealthCode.CAMERA_LOST,
        HealthCode.CAMERA_STALLED,
        HealthCode.HISTORY_UNAVAILABLE,
        HealthCode.SAFE_MODE,
        HealthCode.STORAGE_FULL,
    }
)
"""Codes with which no scan can be filed while they hold."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a technician should know about a code.

    Attributes:
        meaning: What is wrong.
        remedy: What to do about it.
    """

    meaning: str
    remedy: str


ADVICE: Mapping[HealthCode, Advice] = MappingProxyType(
    {
        HealthCode.CAMERA_STALLED: Advice(
            "The camera is open and sends no frame",
            "Nothing at first: it is opened anew by itself; check cable and supply when it comes again",
        ),
        HealthCode.CAMERA_LOST: Advice(
            "There is no such camera, or it is taken by another program",
            "Plug it in, or end the program that holds it; see `dermscan camera list` and the journal",
        ),
        HealthCode.CAMERA_SLOW: Advice(
            "Frames come at less than `health.min_rate_share` of `camera.rate_hz`",
            "Give more light, choose a smaller frame or a lower rate, or another USB port",
        ),
        HealthCode.BUNDLE_REFUSED: Advice(
            "A model bundle was refused", "Install a signed bundle made for this software; run `dermscan selftest`"
        ),
        HealthCode.ACCELERATOR_REFUSED: Advice(
            "An accelerator failed its proof; the processor does its work",
            "See the journal; mend its driver, or take it out of `models.providers`; see docs/models.md",
        ),
        HealthCode.STORAGE_FULL: Advice("The disk is full; nothing is filed", "Make room; scans filed so far are safe"),
        HealthCode.STORAGE_LOW: Advice(
            "Less than `health.min_free_mb` is free", "Make room, or set `history.retention`; see docs/history.md"
        ),
        HealthCode.HISTORY_UNAVAILABLE: Advice(
            "The history cannot be written", "Check the disk and the rights of `history.folder`; see the journal"
        ),
        HealthCode.KEY_WEAK: Advice(
            "The history's key lies in clear on the disk", "Seal it as a systemd credential; see docs/history.md"
        ),
        HealthCode.BROKER_WAS_AWAY: Advice(
            "The broker was away within the last hour", "See `systemctl status mosquitto` when it comes again"
        ),
        HealthCode.BROKER_RESTRICTS: Advice(
            "The broker does not let the device use its own topics", "Mend the broker's access list; see docs/bus.md"
        ),
        HealthCode.IDENTITY_IN_USE: Advice(
            "Another client uses the device's name on the bus", "Give every device a label of its own"
        ),
        HealthCode.COMMANDS_REFUSED: Advice(
            "A command was refused within the last hour", "Find out who sends it when it comes again; see docs/bus.md"
        ),
        HealthCode.CLOCK_UNSET: Advice(
            "The clock cannot be right, or nothing keeps it so",
            "Set it, let systemd-timesyncd do so, fit a clock with a battery, or set `health.trust_clock`",
        ),
        HealthCode.ANALYSIS_SLOW: Advice(
            "The last analysis took longer than `health.max_analysis_s`",
            "See temperature and throttling; end what else runs; choose a smaller bundle",
        ),
        HealthCode.ANALYSIS_FAILED: Advice(
            "The last analysis could not be done; nothing was filed",
            "See memory; run `dermscan selftest`; install the bundle again when it fails",
        ),
        HealthCode.LOW_MEMORY: Advice(
            "Memory runs short", "End what else runs; the service starts anew when it is stopped for it"
        ),
        HealthCode.TOO_HOT: Advice(
            "The processor is hotter than `health.max_temperature_c`", "Free the air's way; see to the fan"
        ),
        HealthCode.THROTTLED: Advice(
            "The processor is slowed down by heat or supply", "As for too_hot and under_voltage"
        ),
        HealthCode.SAFE_MODE: Advice(
            "The service started too often in a short time and no longer takes pictures",
            "Read the journal, mend the cause, then `dermscan safe-mode clear`",
        ),
        HealthCode.UNDER_VOLTAGE: Advice(
            "The supply's voltage is too low", "Use the supply made for the board, and a short cable"
        ),
    }
)
"""Every code of the bus."""
