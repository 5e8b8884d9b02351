"""The numbers for Prometheus: its own form, a closed set, and no label that could name anybody."""

import re

from dermscan.bus.events import HealthCode
from dermscan.health.metrics import METRICS, prometheus_text
from dermscan.health.state import DeviceState

SAMPLE = re.compile(r"([a-z_]+) (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")


def parsed(text: str) -> dict[str, float]:
    """The samples, with the form checked as a scraper would (text exposition format 0.0.4)."""
    assert text.endswith("\n")
    samples: dict[str, float] = {}
    announced: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert word in {"HELP", "TYPE"}
            assert word == "HELP" or rest in {"gauge", "counter"}
            announced.append(name)
            continue
        found = SAMPLE.fullmatch(line)
        assert found is not None, line
        assert announced[-2:] == [found[1], found[1]]
        assert found[1] not in samples
        samples[found[1]] = float(found[2])
    return samples


def test_a_state_in_numbers(state: DeviceState) -> None:
    told = parsed(prometheus_text(state.model_copy(update={"codes": (HealthCode.TOO_HOT,)})))
    assert told["dermscan_scans_filed_total"] == 7
    assert told["dermscan_temperature_celsius"] == 51.2
    assert told["dermscan_broker_connected"] == 1
    assert told["dermscan_health_too_hot"] == 1
    assert told["dermscan_health_camera_lost"] == 0
    assert "dermscan_analysis_seconds" not in told, "what is not known is left out"


def test_the_set_is_closed_and_nothing_has_a_label(state: DeviceState) -> None:
    text = prometheus_text(state)
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert set(parsed(text)) <= set(names)
    assert "{" not in text
    assert {f"dermscan_health_{code.value}" for code in HealthCode} <= set(names)
    assert all(metric.name.endswith("_total") == (metric.kind == "counter") for metric in METRICS)


def test_great_numbers_stay_exact_enough(state: DeviceState) -> None:
    told = parsed(prometheus_text(state.model_copy(update={"storage_free_bytes": 123_456_789_012})))
    assert told["dermscan_storage_free_bytes"] == 123_456_789_012
