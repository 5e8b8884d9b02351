"""The device's state as Prometheus text for node_exporter's textfile collector: a closed set of numbers, no label.

Form: Prometheus text exposition format 0.0.4. A health code is part of a metric's name, so that nothing has a label.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dermscan.bus.events import HealthCode, WorkState
from dermscan.health.state import DeviceState

Value = float | None


@dataclass(frozen=True, slots=True)
class Metric:
    """One number.

    Attributes:
        name: Its name.
        kind: `gauge` or `counter`.
        meaning: What it is, with its unit.
        of: Takes it out of a state; None where the state does not know.
    """

    name: str
    kind: str
    meaning: str
    of: Callable[[DeviceState], Value]


def _gauge(name: str, meaning: str, of: Callable[[DeviceState], Value]) -> Metric:
    return Metric(f"dermscan_{name}", "gauge", meaning, of)


def _counter(name: str, meaning: str, of: Callable[[DeviceState], Value]) -> Metric:
    return Metric(f"dermscan_{name}_total", "counter", meaning, of)


def _has(code: HealthCode) -> Callable[[DeviceState], Value]:
    return lambda state: code in state.codes


METRICS = (
    _gauge("uptime_seconds", "Seconds since the service started", lambda state: state.uptime_s),
    _gauge("fault", "1 while the device cannot scan", lambda state: state.state is WorkState.FAULT),
    _gauge("broker_connected", "1 while the broker is connected", lambda state: state.broker),
    _gauge("camera_frame_rate_hertz", "Frames a second over the last seconds", lambda state: state.frame_rate_hz),
    _gauge("camera_frame_rate_wanted_hertz", "What the settings ask for", lambda state: state.frame_rate_wanted_hz),
    _gauge("analysis_seconds", "Seconds that the last scan took", lambda state: state.analysis_s),
    _gauge("analysis_longest_seconds", "Seconds of the longest scan", lambda state: state.analysis_longest_s),
    _gauge("temperature_celsius", "The hottest thermal zone", lambda state: state.temperature_c),
    _gauge("memory_available_bytes", "Memory that can be had", lambda state: state.memory_free_bytes),
    _gauge(
        "memory_pressure_percent", "Last minute's waits of all work for memory", lambda state: state.memory_pressure
    ),
    _gauge("storage_free_bytes", "What the history's disk has left", lambda state: state.storage_free_bytes),
    _counter("scans_filed", "Scans filed", lambda state: state.scans_filed),
    _counter("scans_failed", "Scans broken off because of the device", lambda state: state.scans_failed),
    _counter("camera_frames", "Frames that the camera gave", lambda state: state.frames_seen),
    _counter("frames_refused", "Frames that the quality gate refused", lambda state: state.frames_refused),
    _counter("camera_losses", "Times the camera was lost or silent", lambda state: state.camera_losses),
    _counter("commands_refused", "Commands refused", lambda state: state.commands_refused),
    _counter("bus_coalesced", "Payloads overtaken or lost", lambda state: state.coalesced),
    *(_gauge(f"health_{code.value}", f"1 while `{code.value}` holds", _has(code)) for code in HealthCode),
)
"""Everything that is ever written."""


def prometheus_text(state: DeviceState) -> str:
    """The state in Prometheus' text form; a number that is not known is left out."""
    return "".join(_lines(metric, value) for metric in METRICS if (value := metric.of(state)) is not None)


def _lines(metric: Metric, value: float) -> str:
    name = metric.name
    return f"# HELP {name} {metric.meaning}\n# TYPE {name} {metric.kind}\n{name} {float(value):.12g}\n"
