"""The journal of an evaluation. Anybody can make its checksums: the first byte says whether they are made to fit."""

import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from dermscan.errors import InputError
from dermscan.evaluation.journal import open_journal

FIGURES = (
    b'[{"image_id":"a","dx":"MEL","box":[1,2,3,4],"dice_gt_box":0.5,"dice_auto_box":null,"probabilities":{"MEL":1.0},'
    b'"risk":1.0,"band":"low","reason":null,"stages":{"total":1.0}}]'
)
SEEDS = (b"\x01subject\n0 " + FIGURES + b"\n1 []\n", b"\x01subject\n1 []\n0 []", b"\x00c5c6f6ab subject\n", b"")


def fuzz(data: bytes) -> None:
    content = data[1:]
    if data[:1] == b"\x01":
        content = b"".join(_checked(line) for line in content.splitlines(keepends=True))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        path.write_bytes(content)
        try:
            with open_journal(path, "subject", 2) as journal:
                for number in range(2):
                    if number not in journal:
                        journal.append(number, "[]")
                list(journal.figures())
        except InputError:
            return


def _checked(line: bytes) -> bytes:
    return b"%08x %s" % (zlib.crc32(line.removesuffix(b"\n")), line)
