"""Averages the weights of courses that began from the same weights and saw other pictures (Wortsman et al. 2022).

    python models/soup.py --folder BUILD --target student student-0 student-1

Two courses on a core each learn nearly as much as one on two cores would, without waiting for each other.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from training import averaged_weights


def mixed(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight; counters are the first one's."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in first.items()
    }


def main(
    courses: Annotated[list[str], typer.Argument(help="Names of the courses.")],
    folder: Annotated[Path, typer.Option(help="Where the checkpoints lie.")],
    target: Annotated[str, typer.Option(help="Name of the mix.")],
) -> None:
    """Write a checkpoint that other courses can begin with and that can be exported."""
    states = [averaged_weights(folder / f"{course}.pt") for course in courses]
    torch.save({"average": mixed(states)}, folder / f"{target}.pt")


if __name__ == "__main__":
    typer.run(main)
