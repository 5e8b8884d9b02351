"""A run from its beginning to its end: fault after fault with scans between, and what came of it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from bedside import views_from_now
from soak.bed import Bed
from soak.checks import Watch, growth, steady
from soak.faults import FAULTS, SHOWN_S, Before, Fault

ORDER_EVERY_S = 3.0

ENOUGH_SAMPLES = 600
"""Of the last half, a second each: in less a process is still settling, and growth says nothing."""


@dataclass(slots=True)
class Met:
    """One fault that was met.

    Attributes:
        fault: Which.
        at_s: Seconds since the run began.
        told_s: Seconds until bus or service said what they must, None where they did not.
        promised_s: Within which they must.
        shown_s: Seconds until the display showed it, None where it did not or need not.
        well_s: Seconds from its end until all was well and a scan was filed, None where it did not come to that.
        wrong: What did not hold after it.
    """

    fault: str
    at_s: float
    promised_s: float
    told_s: float | None = None
    shown_s: float | None = None
    well_s: float | None = None
    wrong: list[str] = field(default_factory=list)


@dataclass
class Course:
    """One run.

    Attributes:
        bed: Where it runs.
        patience: By what a promised time is multiplied: 1 on a machine that does nothing else.
        tell: Is told of each fault met.
    """

    bed: Bed
    patience: float = 1.0
    tell: Callable[[Met], None] = lambda _met: None
    met: list[Met] = field(default_factory=list)
    scans: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.bed)
        self.begun = time.monotonic()
        self._ordered_at = 0.0
        self._orders = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    @property
    def possible(self) -> tuple[str, ...]:
        return tuple(name for name, fault in FAULTS.items() if fault.possible(self.bed))

    def run(self, order: Iterable[str], scans_between: int, *, until: Callable[[], bool] = lambda: False) -> None:
        """Meet the faults in their order, with so many scans after each."""
        for name in order:
            self._meet(name, FAULTS[name])
            self._scan_on(scans_between, until)
            if until():
                return

    def _scan_on(self, scans: int, until: Callable[[], bool]) -> None:
        """Scan undisturbed; some scans are ordered for known lesions."""
        wanted = self.bed.history.count() + scans
        patience_s = self.patience * (60 + 10 * scans)
        if self.bed.wait(lambda: self._one_look() >= wanted or until(), patience_s) is None:
            self.watch.faults.append("too few scans in quiet times")
        self.scans.append((self.seconds, self.bed.history.count()))

    def _one_look(self) -> int:
        if time.monotonic() - self._ordered_at > ORDER_EVERY_S and self.bed.well():
            self._ordered_at = time.monotonic()
            self._orders += 1
            self.bed.order(self._orders)
        return self.bed.history.count()

    def _meet(self, name: str, fault: Fault) -> None:
        met = Met(name, round(self.seconds, 1), fault.told_s)
        views_from_now(self.bed.page)
        before = Before(self.bed.history.count(), len(self.bed.keeper.lives))
        begun = time.monotonic()
        fault.bring(self.bed)
        told = self.bed.wait(lambda: fault.told(self.bed, before), self.patience * fault.told_s)
        met.told_s = None if told is None else round(told, 2)
        if told is None:
            met.wrong.append("not told in time")
        if fault.shown:
            self._see(fault, met, begun)
        fault.mend(self.bed)
        self._recover(fault, met)
        if len(self.bed.keeper.lives) > before.lives:
            self.bed.clear_safe_mode()
        met.wrong += self.watch.look()
        self.met.append(met)
        self.tell(met)

    def _see(self, fault: Fault, met: Met, begun: float) -> None:
        shown = self.bed.wait(lambda: self._has_shown(fault.shown), self.patience * (fault.told_s + SHOWN_S))
        met.shown_s = None if shown is None else round(time.monotonic() - begun, 2)
        if shown is None:
            met.wrong.append(f"the display did not show {fault.shown}")

    def _has_shown(self, view: str) -> bool:
        return bool(self.bed.page.evaluate(f"window.viewsShown.includes('{view}')"))

    def _recover(self, fault: Fault, met: Met) -> None:
        before, begun = self.bed.history.count(), time.monotonic()
        recovered = self.bed.wait(
            lambda: self.bed.well() and self.bed.shown_well() and self.bed.history.count() > before,
            self.patience * fault.well_s,
        )
        if recovered is None:
            met.wrong.append(f"not well again: {self.bed.ear.availability}, {self.bed.ear.state}, {self.bed.view}")
        else:
            met.well_s = round(time.monotonic() - begun, 2)

    def result(self, growth_limit: float) -> dict[str, Any]:
        """All of it, for a file; `wrong` is empty where everything held."""
        life = max(self.bed.keeper.lives, key=lambda life: (life.ended or time.monotonic()) - life.started)
        samples = self.bed.gauges.of(life.process.pid)
        held = steady(samples)
        grown = growth(samples)
        judged = len(samples) // 2 >= ENOUGH_SAMPLES
        wrong = [f"{met.fault}: {what}" for met in self.met for what in met.wrong]
        wrong += [what for what in self.watch.faults if not any(what in told for told in wrong)]
        wrong += [f"{name} grew from {a} to {b}" for name, (a, b) in held.items() if judged and b > a]
        wrong += [f"memory grew by {grown:.1%}"] if judged and grown >= growth_limit else []
        wrong += [f"{doubled} scans are there twice"] if (doubled := self.watch.doubled()) else []
        return {
            "seconds": round(self.seconds, 1),
            "scans": self.bed.history.count(),
            "events": dict(self.bed.ear.events),
            "lives": len(self.bed.keeper.lives),
            "patience": self.patience,
            "faults": [asdict(met) for met in self.met],
            "growth": {"share": round(grown, 5), "limit": growth_limit, "judged": judged, "samples": len(samples) // 2},
            "steady": held,
            "curve": self._curve(),
            "filed": [(round(at, 1), count) for at, count in self.scans],
            "wrong": wrong,
        }

    def _curve(self) -> list[dict[str, float]]:
        """The service's samples, at most six hundred."""
        console = self.bed.console.process.pid
        samples = [sample for sample in self.bed.gauges.samples if sample.pid != console]
        step = max(len(samples) // 600, 1)
        return [
            {"at_s": round(sample.at - self.begun, 1), "pid": sample.pid, "megabytes": round(sample.megabytes, 1)}
            | {"descriptors": sample.descriptors, "threads": sample.threads}
            for sample in samples[::step]
        ]
