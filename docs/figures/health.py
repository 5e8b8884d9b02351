"""Writes docs/health.md: its table of codes comes from the program, its metrics from the ones that are written."""

from pathlib import Path

from dermscan.bus.events import HealthCode
from dermscan.health.metrics import METRICS
from dermscan.health.remedies import ADVICE, FAULTS

PAGE = Path(__file__).parents[1] / "health.md"
WORDS = Path(__file__).with_name("health.txt")


def page() -> str:
    """The whole page, Markdown."""
    return WORDS.read_text(encoding="utf-8").replace("{codes}", codes()).replace("{metrics}", metrics())


def codes() -> str:
    """The table of health codes, in the order of the contract."""
    lines = ["| code | what is wrong | scans | what to do |", "|---|---|---|---|"]
    for code in HealthCode:
        advice = ADVICE[code]
        lines.append(f"| `{code}` | {advice.meaning} | {'no' if code in FAULTS else 'yes'} | {advice.remedy} |")
    return "\n".join(lines)


def metrics() -> str:
    """The table of metrics."""
    lines = ["| metric | kind | meaning |", "|---|---|---|"]
    lines += [f"| `{metric.name}` | {metric.kind} | {metric.meaning} |" for metric in METRICS]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
