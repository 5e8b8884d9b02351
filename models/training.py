"""The course of a training: schedule, moving average, checkpoints, the logged curve. It knows nothing of the task.

A course is as long as its minutes of computing, so that it fits the machine it runs on; what else the machine does in
between does not count, and the cosine schedule follows the same minutes. Every step draws from a generator seeded by
(seed, step), so that a resumed course goes on with what it had not yet seen.
"""

import copy
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

Batch: TypeAlias = tuple[Tensor, ...]
MakeBatch: TypeAlias = Callable[[Generator, int], Batch]
Loss: TypeAlias = Callable[[nn.Module, Batch], Tensor]
Judge: TypeAlias = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a course runs.

    Attributes:
        minutes: Length of the whole course in minutes of one core.
        sizes: Input sides, each for an equal share of the course.
        rate: Greatest learning rate.
        folder: Where checkpoint and curve are kept, outside of the repository.
        name: Their file name.
        seed: Seeds weights, order and augmentation.
        decay: Of the weights' moving average, a step.
        judge_every: Minutes between two looks at the validation part.
    """

    minutes: float
    sizes: tuple[int, ...]
    rate: float
    folder: Path
    name: str
    seed: int = 0
    decay: float = 0.998
    judge_every: float = 5.0

    @property
    def checkpoint(self) -> Path:
        """The resumable state."""
        return self.folder / f"{self.name}.pt"

    @property
    def curve(self) -> Path:
        """One JSON object a line."""
        return self.folder / f"{self.name}.jsonl"


class Course:
    """One network's training, from a checkpoint or from the start, until its minutes are over."""

    def __init__(self, network: nn.Module, plan: Plan) -> None:
        """Take the network as it is, or as the plan's checkpoint left it."""
        self.plan = plan
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network).eval()
        decayed = [weight for weight in network.parameters() if weight.ndim > 1]
        others = [weight for weight in network.parameters() if weight.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.rate)
        self.step, self.seconds, self.recent = 0, 0.0, 0.0
        if plan.checkpoint.exists():
            self._resume()

    @property
    def progress(self) -> float:
        """Share of the course that is over, 0 to 1."""
        return min(self.seconds / (60 * self.plan.minutes), 1.0)

    def run(self, make: MakeBatch, loss: Loss, judge: Judge) -> nn.Module:
        """Train to the end of the course and give the averaged network."""
        judged = self.seconds
        with ThreadPoolExecutor(1) as pool:
            coming = self._order(pool, make)
            while self.progress < 1:
                began, batch = time.thread_time(), coming.result()
                coming = self._order(pool, make)
                self._learn(batch, loss)
                self.seconds += time.thread_time() - began
                if self.seconds - judged > 60 * self.plan.judge_every:
                    judged = self.seconds
                    self._report(judge)
        self._report(judge)
        return self.average

    def _order(self, pool: ThreadPoolExecutor, make: MakeBatch) -> Future[Batch]:
        sizes = self.plan.sizes
        size = sizes[min(int(self.progress * len(sizes)), len(sizes) - 1)]
        self.step += 1
        return pool.submit(make, np.random.default_rng((self.plan.seed, self.step)), size)

    def _learn(self, batch: Batch, loss: Loss) -> None:
        self._set_rate()
        self.network.train()
        value = loss(self.network, batch)
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self._follow()
        self.recent += (value.item() - self.recent) * (0.02 if self.recent else 1.0)

    def _set_rate(self) -> None:
        warm = min(self.step / 60, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * warm * (0.5 + 0.5 * math.cos(math.pi * self.progress)) + 1e-6

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.plan.decay, (1 + self.step) / (10 + self.step))
        for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    def _report(self, judge: Judge) -> None:
        figures = {"step": self.step, "minutes": self.seconds / 60, "loss": self.recent, **judge(self.average)}
        line = json.dumps({key: round(value, 4) for key, value in figures.items()})
        print(line, flush=True)
        with self.plan.curve.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._save()

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.plan.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.plan.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.plan.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def answered(network: nn.Module, *given: Tensor) -> tuple[Tensor, ...]:
    """What a network says in bfloat16 arithmetic, each of its outputs as float32."""
    with torch.autocast("cpu", torch.bfloat16):
        answers = network(*given)
    return tuple(answer.float() for answer in (answers if isinstance(answers, tuple) else (answers,)))


def averaged_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint."""
    return cast("dict[str, Tensor]", torch.load(checkpoint, weights_only=True)["average"])


def averaged(network: nn.Module, checkpoint: Path) -> nn.Module:
    """A network with the averaged weights of a checkpoint, in evaluation mode."""
    network.load_state_dict(averaged_weights(checkpoint))
    return network.eval()
