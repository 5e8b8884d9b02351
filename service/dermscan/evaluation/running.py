"""An evaluation from table to figures, wherever its chunks are judged: the result is that of the table's order."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from dermscan.evaluation.chunks import CHUNK, Chunk, Judge, Orders, chunked
from dermscan.evaluation.journal import Journal, open_journal
from dermscan.evaluation.report import write_mask
from dermscan.evaluation.table import LabelledTable


def journal_of(path: Path, table: LabelledTable, orders: Orders, masks: Path | None) -> AbstractContextManager[Journal]:
    """The journal of this table, judged so; see `open_journal` for the errors."""
    subject = {
        "evaluation": 1,
        "version": orders.version,
        "bundle": orders.manifest_hash,
        "table": table.sha256,
        "images": table.count,
        "chunk": CHUNK,
        "providers": orders.models.providers,
        "quality": orders.quality.model_dump(mode="json"),
        "masks": None if masks is None else str(masks.absolute()),
    }
    return open_journal(path, json.dumps(subject), -(-table.count // CHUNK))


def judge_table(
    table: LabelledTable, judge: Judge, journal: Journal, masks: Path | None, report: Callable[[int], None]
) -> None:
    """Judge the pictures of a table that the journal lacks.

    Args:
        table: The pictures.
        judge: Who judges.
        journal: Takes each chunk once its masks are written.
        masks: Folder of the masks, None when they are not wanted.
        report: Is told how many pictures more are judged, those of the journal first.

    Raises:
        InputError: A picture or its mask cannot be read, or they differ in size.
        OutputError: Journal or mask cannot be written.
    """
    for judged in judge(_missing(table, journal, report)):
        for image_id, picture in judged.masks:
            if masks is not None:
                write_mask(masks, image_id, picture)
        journal.append(judged.number, judged.figures)
        report(judged.count)


def _missing(table: LabelledTable, journal: Journal, report: Callable[[int], None]) -> Iterator[Chunk]:
    for chunk in chunked(table.images()):
        if chunk.number in journal:
            report(len(chunk.images))
        else:
            yield chunk
