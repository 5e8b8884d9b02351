"""Every command, as a person or a program uses it."""

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np

from appliance import Appliance
from dermscan.bundle.loading import Bundle


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_analyze_tells_risk_and_features_as_json(appliance: Appliance, bundle: Bundle) -> None:
    image = bundle.path(bundle.manifest.golden[0].image)
    done = appliance.call("analyze", str(image), "--json")
    assert done.returncode == 0, done.stderr
    (said,) = json.loads(done.stdout)
    assert said["image"] == str(image)
    assert abs(sum(said["probabilities"].values()) - 1) < 0.01
    assert said["band"] in {"low", "moderate", "high", "indeterminate"}
    assert said["roi"]["x0"] < said["roi"]["x1"]
    assert said["features"]["diameter_mm"] is None
    assert "no diagnosis" in said["note"]
    assert not appliance.history.exists(), "nothing is filed"


def test_analyze_says_on_every_table_that_it_is_no_diagnosis(appliance: Appliance, bundle: Bundle) -> None:
    done = appliance.call("analyze", str(bundle.path(bundle.manifest.golden[0].image)))
    assert "this is no diagnosis" in done.stdout


def test_selftest_passes_on_the_shipped_bundle(appliance: Appliance, bundle: Bundle) -> None:
    done = appliance.call("selftest", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["hash"] == bundle.manifest_hash
    assert len(said["cases"]) == len(bundle.manifest.golden)
    assert all(case["passed"] for case in said["cases"])


def test_history_is_listed_and_shown(appliance: Appliance, filed_history: Path) -> None:
    assert filed_history.exists()
    (listed,) = json.loads(appliance.call("history", "list", "--json").stdout)
    assert listed["risk"] == 37.5
    assert listed["taken_at"] == "2026-03-01T12:00:00+00:00"
    shown = json.loads(appliance.call("history", "show", listed["scan_id"][:8], "--json").stdout)
    assert shown == listed
    table = appliance.call("history", "show", listed["scan_id"]).stdout
    assert "38 moderate" in table
    assert "this is no diagnosis" in table


def test_a_scan_is_shown_with_what_a_ruler_in_it_says(appliance: Appliance, filed_history: Path) -> None:
    assert filed_history.exists()
    (listed,) = json.loads(appliance.call("history", "list", "--json").stdout)
    shown = json.loads(appliance.call("history", "show", listed["scan_id"], "--ruler", "--json").stdout)
    assert shown.pop("ruler")["verdict"] in {"no_ruler", "no_scale", "agrees", "disagrees"}
    assert shown == listed
    assert "Ruler" in appliance.call("history", "show", listed["scan_id"], "--ruler").stdout
    viewed = [entry["action"] for entry in json.loads(appliance.call("history", "audit", "--json").stdout)["entries"]]
    assert viewed.count("pictures_viewed") == 2


def test_key_status_tells_place_and_strength_and_never_the_key(appliance: Appliance) -> None:
    done = appliance.call("keys", "status", "--json")
    assert json.loads(done.stdout)["place"] == "key_file"
    assert json.loads(done.stdout)["strength"] == "owner_only"
    secret = appliance.key_file.read_text(encoding="utf-8").split()[-1]
    assert secret not in done.stdout + done.stderr + appliance.call("keys", "status").stdout


def test_a_key_file_is_readable_by_its_owner_alone(appliance: Appliance, tmp_path: Path) -> None:
    done = appliance.call("keys", "init", str(tmp_path / "another"))
    assert done.returncode == 0
    assert (tmp_path / "another").stat().st_mode & 0o777 == 0o600


def test_the_phantom_is_always_listed_as_a_camera(appliance: Appliance) -> None:
    cameras = json.loads(appliance.call("camera", "list", "--json").stdout)
    assert "phantom" in {camera["backend"] for camera in cameras}


def test_evaluate_writes_report_rows_and_masks(appliance: Appliance, labelled: Path, tmp_path: Path) -> None:
    report, rows, masks = tmp_path / "report.json", tmp_path / "rows.csv", tmp_path / "masks"
    done = appliance.call("evaluate", str(labelled), "--out", str(report), "--rows", str(rows), "--masks", str(masks))
    assert done.returncode == 0, done.stderr
    said = json.loads(report.read_text(encoding="utf-8"))
    written = rows_of(rows)
    assert said["images"] == len(written)
    with_mask = [row for row in written if row["dice_auto_box"]]
    assert said["automatic_box"]["images"] == len(with_mask)
    assert all(float(row["dice_auto_box"]) > 0.9 for row in with_mask), "the bundle finds its own golden phantoms"
    assert said["milliseconds"]["total"]["p50"] > 0
    for row in written:
        mask = cv2.imread(str(masks / f"{row['image_id']}.png"), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        assert bool(mask.any()) == bool(row["x0"])
    assert "Automatic box" in done.stdout
    assert "Judging" in done.stderr


def test_evaluate_runs_the_pipeline_that_analyze_runs(appliance: Appliance, labelled: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    appliance.call("evaluate", str(labelled), "--out", str(tmp_path / "r.json"), "--rows", str(rows), "--limit", "1")
    (row,) = rows_of(rows)
    image = rows_of(labelled)[0]["image"]
    (said,) = json.loads(appliance.call("analyze", image, "--json").stdout)
    assert abs(float(row["p_MEL"]) - said["probabilities"]["MEL"]) < 1e-3
    assert abs(float(row["x0"]) - said["roi"]["x0"]) < 0.01


def test_the_audit_log_is_listed_and_verified(appliance: Appliance, filed_history: Path) -> None:
    assert filed_history.exists()
    done = appliance.call("history", "audit", "--json")
    said = json.loads(done.stdout)
    assert [entry["action"] for entry in said["entries"]] == ["scan_filed", "log_begun"]
    assert said["findings"] is None
    done = appliance.call("history", "audit", "--verify", "--limit", "1")
    assert done.returncode == 0, done.stderr
    assert "scan filed" in done.stdout
    assert "complete and unaltered" in done.stdout


def test_a_lesion_is_erased_after_asking(appliance: Appliance, filed_history: Path) -> None:
    (scan,) = json.loads(appliance.call("history", "list", "--json").stdout)
    done = appliance.call("history", "erase", "--lesion", scan["lesion_id"][:8])
    assert done.returncode == 1, "nobody answered the question"
    assert any((filed_history / "blobs").iterdir())
    done = appliance.call("history", "erase", "--lesion", scan["lesion_id"][:8], "--yes")
    assert done.returncode == 0, done.stderr
    assert "Erased one lesion" in done.stdout
    assert not any((filed_history / "blobs").iterdir())
    assert json.loads(appliance.call("history", "list", "--json").stdout) == []
    assert appliance.call("history", "audit", "--verify").returncode == 0


def test_a_key_is_rotated_and_recovery_words_are_shown_once(
    appliance: Appliance, filed_history: Path, tmp_path: Path
) -> None:
    assert filed_history.exists()
    done = appliance.call("keys", "init", "--recovery", "--yes")
    assert done.returncode == 0, done.stderr
    words = re.findall(r"\d+ ([a-z]+)", done.stdout)
    assert len(words) == 24
    assert appliance.call("keys", "rotate", "--new", str(tmp_path / "new")).returncode == 0
    assert appliance.call("history", "list").returncode == 41
    assert appliance.call("keys", "rotate", "--new", str(tmp_path / "new")).returncode == 0, "again, with the old key"
    appliance.sections["history"]["key_file"] = tmp_path / "new"
    assert "37.5" in appliance.call("history", "list", "--json").stdout
    slots = json.loads(appliance.call("keys", "status", "--json").stdout)["slots"]
    assert [(slot["kind"], slot["is_here"]) for slot in slots] == [("recovery", False), ("master", True)]
    assert not set(words) & set(appliance.call("keys", "status").stdout.split())


def test_a_backup_is_made_verified_listed_and_restored_with_the_words(
    appliance: Appliance, filed_history: Path, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    words = re.findall(r"\d+ ([a-z]+)", appliance.call("keys", "init", "--recovery", "--yes").stdout)
    done = appliance.call("backup", "create", str(stick))
    assert done.returncode == 0, done.stderr
    (listed,) = json.loads(appliance.call("backup", "list", str(stick), "--json").stdout)
    assert listed["scans"] == 1
    backup = str(stick / listed["file"])
    assert "can be restored" in appliance.call("backup", "verify", backup).stdout
    appliance.key_file.unlink()
    assert appliance.call("keys", "init").returncode == 0
    filed_history.rename(tmp_path / "lost")
    done = appliance.call("backup", "restore", backup, "--recovery", typed=" ".join(words) + "\n")
    assert done.returncode == 0, done.stderr
    assert "Restored 1 scans" in done.stdout
    assert "37.5" in appliance.call("history", "list", "--json").stdout
    done = appliance.call("backup", "prune", str(stick), "--keep", "1")
    assert "Deleted 0 backups" in done.stdout
    assert words[0] not in done.stdout


def test_a_scan_is_assigned_and_exported(appliance: Appliance, filed_history: Path, tmp_path: Path) -> None:
    (scan,) = json.loads(appliance.call("history", "list", "--inbox", "--json").stdout)
    done = appliance.call("history", "assign", scan["scan_id"][:8], "--subject", "heron-7", "--side", "L")
    assert done.returncode == 0, done.stderr
    assert json.loads(appliance.call("history", "list", "--inbox", "--json").stdout) == []
    out = tmp_path / "out"
    done = appliance.call("history", "export", str(out), "--subject", "heron-7", "--yes")
    assert done.returncode == 0, done.stderr
    said, mask, frame = sorted(out.iterdir(), key=lambda path: (path.suffix, "mask" not in path.name))
    assert json.loads(said.read_text(encoding="utf-8"))["risk"] == 37.5
    assert "no diagnosis" in said.read_text(encoding="utf-8")
    assert np.array_equal(np.asarray(cv2.imread(str(frame))), np.full((48, 64, 3), 120))
    assert np.count_nonzero(np.asarray(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE))) == 400
    assert appliance.call("history", "export", str(out), "--subject", "heron-7", "--yes").returncode == 12
    said_so = [entry["action"] for entry in json.loads(appliance.call("history", "audit", "--json").stdout)["entries"]]
    assert said_so[-5:] == ["pictures_viewed", "scans_exported", "lesion_assigned", "scan_filed", "log_begun"]
    assert filed_history.exists()


def test_retention_is_reckoned_and_done(appliance: Appliance, filed_history: Path) -> None:
    told = appliance.call("history", "retention")
    assert (told.returncode, told.stdout.startswith("There is no policy")) == (0, True), told.stderr
    # An unassigned scan of long ago, by the settings' file as a person would write it
    appliance.sections["history.retention"] = {"max_age_days": 1}
    reckoned = json.loads(appliance.call("history", "retention", "--dry-run", "--json").stdout)
    assert {name: reckoned[name] for name in ("dry_run", "clock_doubt", "expired", "scans")} == {
        "dry_run": True,
        "clock_doubt": None,
        "expired": 1,
        "scans": 1,
    }
    assert "would delete 1 scans" in appliance.call("history", "retention", "--dry-run").stdout
    done = appliance.call("history", "retention")
    assert (done.returncode, done.stdout.startswith("Deleted 1 scans")) == (0, True), done.stderr
    assert json.loads(appliance.call("history", "list", "--json").stdout) == []
    assert not any((filed_history / "blobs").iterdir())
