"""The archive for whoever helps: every input carries a canary, and nobody hears it sing."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from dermscan.bundle.loading import Bundle
from dermscan.errors import OutputError
from dermscan.health.diagnosis import (
    UNIT_PROPERTIES,
    bundle_state,
    journal_counts,
    json_entry,
    redacted_settings,
    unit_state,
    versions,
    write_archive,
)
from dermscan.settings import Settings

CANARY = "canary-wilhelmina"

TALKATIVE = {
    "device": {"label": CANARY},
    "camera": {"backend": "replay", "source": f"/media/{CANARY}", "device": CANARY, "mm_per_pixel": 0.02},
    "models": {"bundle": f"/srv/{CANARY}", "store": f"/srv/{CANARY}", "keys": f"/srv/{CANARY}"},
    "history": {"folder": f"/srv/{CANARY}", "key_file": f"/srv/{CANARY}/key"},
    "bus": {
        "transport": "tcp",
        "socket": f"/run/{CANARY}",
        "host": f"{CANARY}.example",
        "username": CANARY,
        "password_file": f"/etc/{CANARY}",
        "ca_file": f"/etc/{CANARY}",
        "certificate_file": f"/etc/{CANARY}",
        "certificate_key_file": f"/etc/{CANARY}",
    },
    "health": {"state_file": f"/run/{CANARY}/state.json", "metrics_file": f"/run/{CANARY}.prom"},
}


def entry(line: dict[str, object]) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": "1780000000000000", **line})


def test_settings_tell_what_was_chosen_and_nothing_that_was_written() -> None:
    told = redacted_settings(Settings.model_validate(TALKATIVE))
    assert CANARY not in json.dumps(told)
    assert told["camera"]["backend"] == "replay"
    assert told["camera"]["mm_per_pixel"] == 0.02
    assert told["camera"]["source"] == "set"
    assert told["bus"]["transport"] == "tcp"
    assert told["bus"]["username"] == "set"
    plain = redacted_settings(Settings())
    assert plain["device"]["label"] == "default"
    assert plain["bus"]["ca_file"] is None


def test_the_journal_is_counted_by_hour_and_sentence() -> None:
    later = entry({"__REALTIME_TIMESTAMP": "1780003600000000", "MESSAGE": "The broker is back"})
    lines = [entry({"MESSAGE": f"Scan filed in {n} ms (roi 1)", "_HOSTNAME": CANARY}) for n in range(12)]
    told = journal_counts([*lines, later, entry({"MESSAGE": "The broker is back"})])
    assert told.splitlines() == [
        "2026-05-28 20 h      12  Scan filed in … ms (…)",
        "2026-05-28 20 h       1  The broker is back",
        "2026-05-28 21 h       1  The broker is back",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        CANARY,
        json.dumps({"MESSAGE": CANARY}),
        entry({"MESSAGE": CANARY}),
        entry({"MESSAGE": [99, 97, 110]}),
        entry({"MESSAGE": None}),
        entry({"MESSAGE": {"a": CANARY}}),
        json.dumps({"__REALTIME_TIMESTAMP": CANARY, "MESSAGE": "x"}),
        json.dumps({"__REALTIME_TIMESTAMP": "9" * 40, "MESSAGE": "x"}),
        entry({"MESSAGE": f"Traceback (most recent call last):\n  {CANARY}"}),
    ],
)
def test_no_line_of_a_journal_does_harm(line: str) -> None:
    assert CANARY not in journal_counts([line])


def test_systemd_tells_numbers_and_single_words() -> None:
    shown = "\n".join(
        [
            "ActiveState=active",
            "NRestarts=3",
            "MemoryCurrent=[not set]",
            f"Result={CANARY}.{CANARY}",
            f"Description={CANARY}",
            f"Environment=NAME={CANARY}",
            "nonsense",
        ]
    )
    assert unit_state(shown) == {"ActiveState": "active", "NRestarts": "3", "MemoryCurrent": "[not set]"}
    assert "Environment" not in UNIT_PROPERTIES
    assert unit_state("") == {}


def test_the_bundle_tells_its_hashes(bundle: Bundle, tmp_path: Path) -> None:
    told = bundle_state(bundle.folder)
    assert told["manifest"] == bundle.manifest_hash
    assert bundle_state(tmp_path / CANARY) == {"problem": "BundleNotFound"}


def test_versions_are_those_of_the_software() -> None:
    told = versions()
    assert {"dermscan", "python", "kernel", "numpy", "onnxruntime"} <= set(told)
    assert all(len(value) < 40 for value in told.values())


def test_the_same_entries_are_the_same_bytes_and_name_nobody(tmp_path: Path) -> None:
    for name in ("one.tar.gz", f"{CANARY}.tar.gz"):
        write_archive(tmp_path / name, {"a.json": json_entry({"b": 1, "a": 2})})
    one = (tmp_path / "one.tar.gz").read_bytes()
    assert one == (tmp_path / f"{CANARY}.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert archive.getnames() == ["dermscan-diagnosis/README.txt", "dermscan-diagnosis/a.json"]
        assert {(member.uid, member.uname, member.mtime) for member in archive} == {(0, "", 0)}


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious", encoding="ascii")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("there", "link", "nowhere/x"):
        with pytest.raises(OutputError):
            write_archive(tmp_path / name, {})
    assert (tmp_path / "there").read_text(encoding="ascii") == "precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_nothing_behind() -> None:
    with pytest.raises(OutputError):
        write_archive(Path("/dev/full/x"), {})
