"""Backups: as they lie on a stick, and, behind a first byte of 1, what a rightly sealed one holds."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from dermscan.errors import DermscanError
from dermscan.history.backup_header import BackupHeader, history_key_of, read_header
from dermscan.history.backup_restoring import _extract
from dermscan.history.blobs import BLOBS
from dermscan.history.keyring import HistoryKey, _sealed
from dermscan.history.keys import MasterKey

KEY, MASTER = HistoryKey(bytes(range(32))), MasterKey(bytes(range(32, 64)))
HEADER = BackupHeader(bytes(16), KEY.key_id, datetime(2026, 3, 1, tzinfo=UTC), 7, 1, 99, (_sealed(KEY, MASTER),))
MEMBERS = {"history.db": b"database", f"{BLOBS}/{'0' * 32}": b"picture", "left-out.json": b"[]", "../out": b""}


def backup_of(content: bytes) -> bytes:
    file = io.BytesIO()
    file.write(HEADER.write())
    sealing = HEADER.sealing(file, KEY)
    sealing.write(content)
    sealing.finish()
    return file.getvalue()


def archive(names: list[str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(mode="w", fileobj=target) as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(MEMBERS[name])
            made.addfile(member, io.BytesIO(MEMBERS[name]))
    return target.getvalue()


WHOLE = archive(list(MEMBERS)[:3])
SEEDS = (
    b"\x00" + backup_of(WHOLE),
    b"\x00" + HEADER.write(),
    b"\x01" + WHOLE,
    b"\x01" + archive(list(MEMBERS)),
)


def fuzz(data: bytes) -> None:
    backup = backup_of(data[1:]) if data[:1] == b"\x01" else data[1:]
    with TemporaryDirectory() as folder:
        (Path(folder) / BLOBS).mkdir()
        try:
            file = io.BytesIO(backup)
            header = read_header(file, Path("backup"))
            _extract(header, history_key_of(header, MASTER), file, Path(folder), lambda _, __: None)
        except DermscanError:
            pass
        outside = [path for path in Path(folder).parent.glob("out") if path.exists()]
    assert not outside
