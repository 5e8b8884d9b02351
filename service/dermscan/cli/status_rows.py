"""The lines of `dermscan status`: a reading, its value with the unit, its limit, and whether it is well."""

from dermscan.bus.events import HealthCode
from dermscan.health.judging import MEGABYTE
from dermscan.health.state import DeviceState
from dermscan.settings import Settings

Row = list[str]
UNKNOWN = "not told"


def rows(state: DeviceState, settings: Settings, *, running: bool) -> list[Row]:
    """The table of a state; what only the service knows is left out where it does not run."""
    return [*_machine(state, settings), *(_work(state, settings) if running else [])]


def _machine(state: DeviceState, settings: Settings) -> list[Row]:
    limits = settings.health
    pressed = "" if state.memory_pressure is None else f", {state.memory_pressure:.0f} % of the time short"
    return [
        _row(state, "Temperature", _unit(state.temperature_c, "°C"), f"{limits.max_temperature_c:g} °C", "too_hot"),
        _row(state, "Throttled", _yes(state.throttled), "no", "throttled"),
        _row(state, "Supply too weak", _yes(state.under_voltage), "no", "under_voltage"),
        _row(
            state, "Memory free", _mega(state.memory_free_bytes) + pressed, f"{limits.min_memory_mb} MB", "low_memory"
        ),
        _row(state, "Disk free", _mega(state.storage_free_bytes), f"{limits.min_free_mb} MB", "storage_low"),
        _row(state, "Clock kept", _yes(state.clock_kept), "yes", "clock_unset"),
    ]


def _work(state: DeviceState, settings: Settings) -> list[Row]:
    wanted = settings.health.min_rate_share * settings.camera.rate_hz
    limit_s = settings.health.max_analysis_s
    return [
        _row(state, "Frame rate", _unit(state.frame_rate_hz, "Hz"), f"{wanted:g} Hz", "camera_slow"),
        _row(state, "Camera losses", str(state.camera_losses), "", "camera_lost", "camera_stalled"),
        _row(
            state, "Last analysis", _unit(state.analysis_s, "s"), f"{limit_s:g} s", "analysis_slow", "analysis_failed"
        ),
        _row(state, "Longest analysis", _unit(state.analysis_longest_s, "s"), "", ""),
        _row(state, "Broker", "connected" if state.broker else "away", "", "broker_was_away", "broker_restricts"),
        _row(state, "Key", (state.key or UNKNOWN).replace("_", " "), "", "key_weak"),
        _row(state, "Bundle", (state.bundle or UNKNOWN)[:12], "", "bundle_refused"),
        _row(state, "Scans filed", f"{state.scans_filed}, {state.scans_failed} failed", "", "storage_full"),
        _row(state, "Running for", f"{state.uptime_s / 3600:.1f} h", "", "safe_mode"),
    ]


def _row(state: DeviceState, name: str, value: str, limit: str, *codes: str) -> Row:
    wrong = {HealthCode(code) for code in codes if code} & set(state.codes)
    return [name, value, limit, ", ".join(sorted(wrong)) if wrong else "well"]


def _unit(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else f"{value:.1f} {unit}"


def _mega(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value // MEGABYTE} MB"


def _yes(value: bool | None) -> str:  # noqa: FBT001 - the value itself
    return UNKNOWN if value is None else ("yes" if value else "no")
