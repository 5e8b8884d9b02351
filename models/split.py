"""Writes one part of the split as a table that `dermscan evaluate` reads.

Example: python models/split.py test build/test.csv
"""

import csv
from pathlib import Path
from typing import Annotated

import typer

from data import Part, data_folder, part_of


def main(
    part: Annotated[Part, typer.Argument(help="Which part of the split.")],
    target: Annotated[Path, typer.Argument(help="Where the table goes.")],
) -> None:
    """Write the rows of `lesions.csv` whose lesion is in a part; files are named by their whole path."""
    folder = data_folder().resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with (folder / "lesions.csv").open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = [row for row in reader if part_of(row["lesion_id"]) == part]
        columns = list(reader.fieldnames or ())
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "image": folder / row["image"], "mask": folder / row["mask"]})
    typer.echo(f"{len(rows)} images of the {part} part in {target}")


if __name__ == "__main__":
    typer.run(main)
