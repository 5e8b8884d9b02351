import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dermscan.domain import Frame, Scan
from dermscan.history import History, MasterKey
from dermscan.history.database import connect
from dermscan.history.keyring import open_keyring
from dermscan.history.pictures import encode_frame

ALIAS = "canary-heron-4711"
NOTE = "canary note: irregular border, see again in spring"
SITE = "canary-site"
MAGIC = [b"\x89PNG\r\n\x1a\n", b"\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\0\x10JFIF", b"SQLite format 3\0"]
"""Long enough not to turn up in ciphertext by chance."""

BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"SQLite", b"\x28\xb5\x2f\xfd")
HERE = Path(__file__).parent


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything that makes a temporary file would put it."""
    place = tmp_path / "tmp"
    place.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    return place


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def gradient(scan: Scan) -> Scan:
    """A picture whose plain bytes would be recognised: rows of one value."""
    rows = np.repeat(np.arange(64, dtype=np.uint8)[:, None], 64, axis=1)
    frame = Frame(np.repeat(rows[..., None], 3, axis=2), 0, 1.0, scan.taken_at)
    without_mask = scan.assessment
    return Scan(scan.scan_id, frame, without_mask, scan.provenance, "canary-device")


def test_nothing_in_clear_is_on_the_disk_while_open_or_closed(
    folder: Path, master: MasterKey, temporary_folder: Path, new_scan: Callable[..., Scan]
) -> None:
    scan = gradient(new_scan(1, with_mask=False))
    secrets = [text.encode() for text in (ALIAS, NOTE, SITE, scan.scan_id, "canary-device", "room-1")]
    secrets += [text.encode("utf-16-le") for text in (ALIAS, NOTE)]
    secrets += [
        master.expose(),
        master.expose().hex().encode(),
        b"\x2a" * 48,
        b"".join(encode_frame(scan.frame.pixels))[12:60],
    ]

    def search() -> None:
        for place in (folder, temporary_folder):
            for path, content in files(place):
                assert not content.startswith(BEGINNINGS), path
                for secret in [*MAGIC, *secrets, *keys]:
                    assert secret not in content, (path, secret)

    with History.open(folder, master) as history:
        root = open_keyring(folder, master)
        keys = [root.expose(), root.database_key.expose(), root.wrapping_key.expose()]
        keys += [key.hex().encode() for key in keys]
        lesion = history.create_lesion(subject_alias=ALIAS, anatomic_site=SITE, note=NOTE)
        secrets.append(lesion.encode())
        secrets.append(history.issue_ticket(lesion, timedelta(minutes=5)).encode())
        history.file_scan(scan, lesion)
        for seed in range(30):
            history.file_scan(new_scan(seed), lesion)
        keys.append(history._data_key(lesion).expose())
        history.load(scan.scan_id)
        assert (folder / "history.db-wal").exists()
        search()
        history.check()
        with history._engine.connect() as connection:
            connection.exec_driver_sql("SELECT s.*, t.* FROM scan s, scan t ORDER BY s.quality, t.roi").all()
        search()
    search()
    assert list(temporary_folder.iterdir()) == []


def test_the_canaries_are_there_for_who_has_the_key(folder: Path, master: MasterKey) -> None:
    with History.open(folder, master) as history:
        history.create_lesion(subject_alias=ALIAS, note=NOTE)
    connection = connect(folder / "history.db", open_keyring(folder, master).database_key)
    assert connection.execute("SELECT alias, note FROM subject JOIN lesion USING (subject_id)").fetchall() == [
        (ALIAS, NOTE)
    ]
    connection.close()


def test_a_killed_process_leaves_nothing_in_clear(folder: Path, temporary_folder: Path) -> None:
    script = HERE / "filing_without_end.py"
    with subprocess.Popen(
        [sys.executable, str(script), str(folder), "200"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().strip() for _ in range(3)]
        child.kill()
    assert (folder / "history.db-wal").exists()
    for place in (folder, temporary_folder):
        for path, content in files(place):
            assert not content.startswith(BEGINNINGS), path
            for secret in [*MAGIC, *(scan_id.encode() for scan_id in said)]:
                assert secret not in content, path


def test_the_key_is_in_no_error_url_or_echo(
    folder: Path, master: MasterKey, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="sqlalchemy")
    with History.open(folder, master) as history:
        key = open_keyring(folder, master).database_key.expose().hex()
        shown = str(history._engine.url) + repr(history._engine) + repr(vars(history))
        history.count()
    (folder / "history.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Exception, match="damaged") as caught:
        History.open(folder, master)
    out, error = capfd.readouterr()
    for text in (shown, caplog.text, out, error, repr(caught.value), str(caught.value.__dict__)):
        assert key not in text
        assert master.expose().hex() not in text
    assert error == ""


def test_connections_are_set_up_for_safety(history: History) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "trusted_schema": 0,
        "busy_timeout": 5000,
        "cipher_memory_security": "1",
        "cipher_use_hmac": "1",
        "cipher_page_size": "4096",
        "cipher_hmac_algorithm": "HMAC_SHA512",
        "cipher_plaintext_header_size": "0",
    }
    with history._engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}
    assert found == expected
