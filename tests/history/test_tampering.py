import hashlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt, HistoryUnavailable
from dermscan.history import History, MasterKey
from dermscan.history.database import connect
from dermscan.history.keyring import open_keyring
from dermscan.history.schema import SCHEMA_VERSION
from dermscan.history.vault import BlobKind, Place, seal, unseal

NewScan = Callable[..., Scan]

HEADER = {"magic": 0, "version": 4, "encoding": 5, "schema": 7, "key id": 8, "nonce": 24}
PAGE = 4096


@pytest.fixture
def filed(folder: Path, master: MasterKey, new_scan: NewScan) -> list[str]:
    scans = [new_scan(seed) for seed in range(4)]
    with History.open(folder, master) as history:
        lesion = history.file_scan(scans[0])
        history.file_scan(scans[1], lesion)
        history.file_scan(scans[2])
        history.file_scan(scans[3], lesion)
    return [scan.scan_id for scan in scans]


def statement(folder: Path, master: MasterKey, sql: str, *values: object) -> list[tuple[object, ...]]:
    """What somebody who has the key could do to the database."""
    connection = connect(folder / "history.db", open_keyring(folder, master).database_key)
    try:
        return list(connection.execute(sql, values).fetchall())
    finally:
        connection.close()


def blob_of(folder: Path, master: MasterKey, scan_id: str, kind: str = "frame") -> Path:
    ((name,),) = statement(folder, master, "SELECT name FROM blob WHERE scan_id = ? AND kind = ?", scan_id, kind)
    return folder / "blobs" / str(name)


def assert_only_this_is_refused(folder: Path, master: MasterKey, filed: list[str], hurt: str, words: str) -> None:
    with History.open(folder, master) as history:
        with pytest.raises(HistoryCorrupt, match=words) as caught:
            history.load(hurt)
        assert caught.value.details["scan_id"] == hurt
        assert hurt not in str(caught.value)
        assert not str(caught.value).endswith(".")
        for scan_id in filed:
            if scan_id != hurt:
                history.load(scan_id)
        assert history.count() == len(filed)


@pytest.mark.parametrize("kind", ["frame", "mask"])
@pytest.mark.parametrize("at", [*HEADER.values(), 36, -40, -16, -1])
@pytest.mark.parametrize("row", ["row differs", "row agrees"])
def test_a_flipped_byte_of_a_picture_is_found_even_if_the_row_agrees(
    folder: Path, master: MasterKey, filed: list[str], kind: str, at: int, row: str
) -> None:
    path = blob_of(folder, master, filed[1], kind)
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)
    if row == "row agrees":
        digest = hashlib.sha256(content).digest()
        statement(folder, master, "UPDATE blob SET sha256 = ? WHERE name = ?", digest, path.name)
    assert_only_this_is_refused(folder, master, filed, filed[1], "a picture")


def test_another_genuine_sealing_of_the_same_length_is_not_the_one_that_was_filed(
    folder: Path, master: MasterKey, filed: list[str]
) -> None:
    path = blob_of(folder, master, filed[1])
    ((lesion,),) = statement(folder, master, "SELECT lesion_id FROM scan WHERE scan_id = ?", filed[1])
    place = Place("scan", filed[1], BlobKind.FRAME)
    with History.open(folder, master) as history:
        key = history._data_key(str(lesion))
    encoding, content = unseal(path.read_bytes(), key, place)
    path.write_bytes(seal(content, key, place, encoding, SCHEMA_VERSION))
    assert_only_this_is_refused(folder, master, filed, filed[1], "a picture was altered")


@pytest.mark.parametrize("length", [0, 1, 35, 36, 51, 52, -1])
def test_a_cut_off_picture_is_found(folder: Path, master: MasterKey, filed: list[str], length: int) -> None:
    path = blob_of(folder, master, filed[1])
    path.write_bytes(path.read_bytes()[:length])
    assert_only_this_is_refused(folder, master, filed, filed[1], "cut off")


def test_a_grown_picture_is_found(folder: Path, master: MasterKey, filed: list[str]) -> None:
    path = blob_of(folder, master, filed[1])
    path.write_bytes(path.read_bytes() + b"\0")
    assert_only_this_is_refused(folder, master, filed, filed[1], "grown")


def test_a_lost_picture_is_found(folder: Path, master: MasterKey, filed: list[str]) -> None:
    blob_of(folder, master, filed[1]).unlink()
    assert_only_this_is_refused(folder, master, filed, filed[1], "missing")


@pytest.mark.parametrize("other", [3, 2], ids=["of the same lesion", "of another lesion"])
def test_swapped_picture_files_are_found(folder: Path, master: MasterKey, filed: list[str], other: int) -> None:
    first, second = blob_of(folder, master, filed[1]), blob_of(folder, master, filed[other])
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    with History.open(folder, master) as history:
        for hurt in (filed[1], filed[other]):
            with pytest.raises(HistoryCorrupt):
                history.load(hurt)
        history.load(filed[0])


@pytest.mark.parametrize("other", [3, 2], ids=["of the same lesion", "of another lesion"])
def test_swapped_rows_are_found(folder: Path, master: MasterKey, filed: list[str], other: int) -> None:
    names = [blob_of(folder, master, filed[index]).name for index in (1, other)]
    statement(folder, master, "UPDATE blob SET kind = 'spare' WHERE name = ?", names[0])
    statement(folder, master, "UPDATE blob SET scan_id = ? WHERE name = ?", filed[1], names[1])
    statement(folder, master, "UPDATE blob SET scan_id = ?, kind = 'frame' WHERE name = ?", filed[other], names[0])
    with History.open(folder, master) as history:
        for hurt in (filed[1], filed[other]):
            with pytest.raises(HistoryCorrupt, match="a picture was"):
                history.load(hurt)
        history.load(filed[0])


def test_a_mask_cannot_pass_for_a_frame(folder: Path, master: MasterKey, filed: list[str]) -> None:
    statement(folder, master, "DELETE FROM blob WHERE scan_id = ? AND kind = 'frame'", filed[1])
    statement(folder, master, "UPDATE blob SET kind = 'frame' WHERE scan_id = ?", filed[1])
    assert_only_this_is_refused(folder, master, filed, filed[1], "altered or moved")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM blob WHERE kind = 'frame' AND scan_id = ?", "a picture is missing"),
        ("DELETE FROM blob WHERE kind = 'mask' AND scan_id = ?", "does not fit"),
        ("UPDATE scan SET frame_width = frame_width + 1 WHERE scan_id = ?", "does not fit"),
        ("UPDATE scan SET mask_confidence = NULL WHERE scan_id = ?", "does not fit"),
    ],
)
def test_an_edited_row_does_not_fit_its_pictures(
    folder: Path, master: MasterKey, filed: list[str], sql: str, words: str
) -> None:
    statement(folder, master, sql, filed[1])
    assert_only_this_is_refused(folder, master, filed, filed[1], words)


@pytest.mark.parametrize(
    "change",
    [
        "band = 'certain'",
        "quality = '{'",
        "features = '[]'",
        "roi = '{\"x0\": 1}'",
        "reason = 'mood'",
        "band = x'00ff'",
    ],
)
def test_a_row_of_nonsense_is_named_and_the_rest_stays(
    folder: Path, master: MasterKey, filed: list[str], change: str
) -> None:
    statement(folder, master, f"UPDATE scan SET {change} WHERE scan_id = ?", filed[2])  # noqa: S608 - fixed words
    assert_only_this_is_refused(folder, master, filed, filed[2], "row cannot be read")


def test_swapped_lesion_keys_are_found(folder: Path, master: MasterKey, filed: list[str]) -> None:
    (first, second) = statement(folder, master, "SELECT lesion_id, wrapped_key FROM lesion")
    for lesion, key in ((first[0], second[1]), (second[0], first[1])):
        statement(folder, master, "UPDATE lesion SET wrapped_key = ? WHERE lesion_id = ?", key, lesion)
    with History.open(folder, master) as history:
        for scan_id in filed:
            with pytest.raises(HistoryCorrupt, match="a lesion's key was altered"):
                history.load(scan_id)


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_byte_of_the_database_never_passes(
    folder: Path, master: MasterKey, filed: list[str], seed: int
) -> None:
    path = folder / "history.db"
    content = bytearray(path.read_bytes())
    at = random.Random(seed).randrange(len(content))  # noqa: S311 - where a byte flips is no secret
    content[at] ^= 0x20
    path.write_bytes(content)
    with pytest.raises(HistoryCorrupt) as caught, History.open(folder, master) as history:
        history.check()
    assert not any(scan_id in str(caught.value) for scan_id in filed)


@pytest.mark.parametrize("page", [1, 2, 5])
@pytest.mark.parametrize("offset", [16, 2000, 4020, 4090], ids=["cell", "middle", "nonce", "code"])
def test_each_part_of_a_page_is_authenticated(
    folder: Path, master: MasterKey, filed: list[str], page: int, offset: int
) -> None:
    path = folder / "history.db"
    content = bytearray(path.read_bytes())
    content[(page - 1) * PAGE + offset] ^= 0x01
    path.write_bytes(content)
    with pytest.raises(HistoryCorrupt), History.open(folder, master) as history:
        history.check()
    assert filed


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.4, 0.9])
def test_a_truncated_database_is_damage_and_no_fresh_start(
    folder: Path, master: MasterKey, filed: list[str], share: float
) -> None:
    path = folder / "history.db"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(HistoryCorrupt):
        History.open(folder, master)
    # An empty file is what a reader sees while the service makes a new history, so it is no damage to a reader
    with pytest.raises(HistoryUnavailable if share == 0.0 else HistoryCorrupt):
        History.open(folder, master, read_only=True)
    assert len(list((folder / "blobs").iterdir())) == 2 * len(filed)
    path.write_bytes(content)
    with History.open(folder, master) as history:
        assert history.count() == len(filed)


def test_a_last_page_cut_short_is_found_by_the_check(folder: Path, master: MasterKey, filed: list[str]) -> None:
    path = folder / "history.db"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HistoryCorrupt), History.open(folder, master) as history:
        history.check()
    assert filed


def test_a_lost_database_is_damage_and_no_fresh_start(folder: Path, master: MasterKey, filed: list[str]) -> None:
    (folder / "history.db").unlink()
    with pytest.raises(HistoryCorrupt, match="the database is missing or empty"):
        History.open(folder, master)
    assert len(list((folder / "blobs").iterdir())) == 2 * len(filed)


def test_the_database_of_another_history_is_refused(folder: Path, master: MasterKey, filed: list[str]) -> None:
    other = folder.with_name("other")
    History.open(other, master).close()
    shutil.copy(other / "history.db", folder / "history.db")
    with pytest.raises(HistoryCorrupt, match="the database is damaged"):
        History.open(folder, master)
    assert filed


def test_an_older_copy_of_the_database_put_back_costs_no_picture(
    folder: Path, master: MasterKey, filed: list[str], new_scan: NewScan
) -> None:
    older = (folder / "history.db").read_bytes()
    newer_scan = new_scan(9)
    with History.open(folder, master) as history:
        history.file_scan(newer_scan)
    newer = (folder / "history.db").read_bytes()
    (folder / "history.db").write_bytes(older)
    with History.open(folder, master) as history:
        assert history.count() == len(filed)
    (folder / "history.db").write_bytes(newer)
    with History.open(folder, master) as history:
        history.load(newer_scan.scan_id)


def test_a_schema_that_cannot_be_told_is_damage(folder: Path, master: MasterKey, filed: list[str]) -> None:
    for change in ("UPDATE alembic_version SET version_num = 'odd'", "DELETE FROM alembic_version"):
        statement(folder, master, change)
        with pytest.raises(HistoryCorrupt, match="which schema"):
            History.open(folder, master)
    assert filed


def test_a_broken_reference_fails_the_check(folder: Path, master: MasterKey, filed: list[str]) -> None:
    connection = connect(folder / "history.db", open_keyring(folder, master).database_key)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM lesion")
    connection.close()
    with History.open(folder, master) as history:
        with pytest.raises(HistoryCorrupt, match="integrity check"):
            history.check()
        with history._engine.connect() as open_connection:
            assert open_connection.execute(text("SELECT count(*) FROM scan")).scalar() == len(filed)
