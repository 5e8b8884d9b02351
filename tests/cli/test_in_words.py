"""What commands say in words and tables, to a person rather than a program; and what they refuse, in one sentence."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance import Appliance
from clinic import drawn_scan
from dermscan import __version__
from dermscan.bundle.golden import GoldenResult
from dermscan.bundle.loading import SHIPPED_NAME
from dermscan.cli.main import app
from dermscan.cli.presentation import json_text
from dermscan.errors import BundleSelfTestFailed, DermscanError, HistoryCorrupt, InputError, KeyUnavailable
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

Called = Callable[..., Result]


@pytest.fixture
def call(appliance: Appliance) -> Called:
    """Calls a command in this process."""

    def called(*words: str) -> Result:
        settings = ["--settings", str(appliance.write_settings())]
        return CliRunner().invoke(app, [*settings, *words], env={"COLUMNS": "200"}, input="y\n")

    return called


def history_of(appliance: Appliance) -> History:
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    return History.open(appliance.history, load_master_key(settings))


def row(output: str, beginning: str) -> list[str]:
    """The cells of the table's row that begins so."""
    line = next(line for line in output.splitlines() if line.strip("│ ").startswith(beginning))
    return [cell.strip() for cell in line.strip("│ ").split("│")]


def test_the_version_is_said_without_any_settings() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"{__version__}\n")


def test_cameras_and_body_sites_are_listed_as_tables(call: Called) -> None:
    assert row(call("camera", "list").output, "phantom")[0] == "phantom"
    assert row(call("history", "sites", "skin of cheek").output, "36141000") == ["36141000", "SCT", "Skin of cheek"]


def test_a_camera_without_a_calibration_says_so_to_a_program(call: Called) -> None:
    assert json.loads(call("camera", "calibration", "--json").stdout) == {"state": "none"}


@pytest.mark.parametrize(
    "words",
    [
        ("assign", "1234"),
        ("assign", "1234", "--lesion", "ab", "--subject", "heron-7"),
        ("export", "OUT"),
        ("export", "OUT", "--lesion", "ab", "--subject", "heron-7"),
    ],
)
def test_a_lesion_or_a_subject_is_named_and_not_both(call: Called, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = call("history", *(str(tmp_path / "out") if word == "OUT" else word for word in words))
    assert done.exit_code == 2
    assert "name either --lesion or --subject" in done.output
    assert not (tmp_path / "out").exists()


def test_a_scan_of_the_inbox_is_assigned_to_a_known_lesion(
    appliance: Appliance, filed_history: Path, call: Called
) -> None:
    assert filed_history.exists()
    scan = drawn_scan(1)
    with history_of(appliance) as history:
        known = history.latest()[0].lesion_id
        history.file_scan(scan)
    assert call("history", "assign", scan.scan_id, "--lesion", known[:8]).output == "Assigned.\n"
    with history_of(appliance) as history:
        assert scan.scan_id in {one.scan_id for one in history.timeline(known)}


@pytest.mark.parametrize("words", [("export", "OUT"), ("export", "OUT", "--format", "pdf"), ("evolution",)])
def test_a_lesion_without_scans_gives_nothing_to_see(
    appliance: Appliance, call: Called, tmp_path: Path, words: tuple[str, ...]
) -> None:
    with history_of(appliance) as history:
        lesion = history.create_lesion(subject_alias="heron-7", anatomic_site=None, laterality=None)
    command = [str(tmp_path / "out") if word == "OUT" else word for word in words]
    named = ["--lesion", lesion, "--yes"] if "OUT" in words else [lesion]
    done = call("history", *command, *named)
    assert isinstance(done.exception, InputError), done.output
    assert (str(done.exception), done.exception.exit_code) == ("The lesion cannot be used: it has no scans", 11)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("form", "files"), [((), {".json", ".png"}), (("--format", "dicom"), {".dcm"})])
def test_a_scan_without_an_outline_is_exported_without_a_mask(
    appliance: Appliance, call: Called, tmp_path: Path, form: tuple[str, ...], files: set[str]
) -> None:
    with history_of(appliance) as history:
        lesion = history.file_scan(drawn_scan(with_mask=False))
    done = call("history", "export", str(tmp_path / "out"), "--lesion", lesion, "--yes", *form)
    assert done.exit_code == 0, done.output
    made = list((tmp_path / "out").iterdir())
    assert {path.suffix for path in made} == files
    assert not [path for path in made if "mask" in path.name]


def test_the_features_of_a_scan_are_shown(appliance: Appliance, call: Called) -> None:
    with history_of(appliance) as history:
        history.file_scan(scan := drawn_scan())
    assert row(call("history", "show", scan.scan_id).output, "Asymmetry") == ["Asymmetry (0-2)", "1"]


def test_the_audit_log_is_shown_and_vouched_for_only_when_it_was_gone_through(
    filed_history: Path, call: Called
) -> None:
    assert filed_history.exists()
    vouched = "The audit log is complete and unaltered."
    shown, verified = call("history", "audit"), call("history", "audit", "--verify")
    assert "scan filed" in shown.output.replace("_", " ")
    assert vouched not in shown.output
    assert vouched in verified.output


def test_an_altered_audit_log_is_told_entry_by_entry(filed_history: Path, call: Called) -> None:
    (filed_history / "audit.mark").unlink()
    done = call("history", "audit", "--verify")
    assert isinstance(done.exception, DermscanError), done.output
    assert done.exception.exit_code == 43
    assert re.search(r"Entry \d+ is the last, and the mark beside the database is missing", done.output)


def test_backups_are_listed_as_a_table(filed_history: Path, call: Called, tmp_path: Path) -> None:
    assert filed_history.exists()
    (tmp_path / "stick").mkdir()
    assert call("backup", "create", str(tmp_path / "stick")).exit_code == 0
    (made,) = (tmp_path / "stick").iterdir()
    shown = row(call("backup", "list", str(tmp_path / "stick")).output, made.name)
    assert (shown[0], shown[2:]) == (made.name, ["1", str(made.stat().st_size)])


def test_a_backup_without_a_damaged_picture_says_so(filed_history: Path, call: Called, tmp_path: Path) -> None:
    picture = next(path for path in (filed_history / "blobs").rglob("*") if path.is_file())
    picture.write_bytes(b"damaged")
    (tmp_path / "stick").mkdir()
    done = call("backup", "create", str(tmp_path / "stick"))
    assert "Made " in done.output
    assert isinstance(done.exception, HistoryCorrupt), done.output
    assert "pictures that are damaged and not in the backup: 1" in str(done.exception)


def test_a_clean_backup_is_made_before_the_last_one_is_deleted(
    appliance: Appliance, filed_history: Path, call: Called, tmp_path: Path
) -> None:
    assert filed_history.exists()
    stick = tmp_path / "stick"
    stick.mkdir()
    call("backup", "create", str(stick))
    (with_erased,) = stick.iterdir()
    with history_of(appliance) as history:
        history.file_scan(drawn_scan(1))
        history.erase_lesion(history.latest()[-1].lesion_id)
    done = call("backup", "prune", str(stick))
    assert done.exit_code == 0, done.output
    assert "Deleted 1 backups." in done.output
    (clean,) = stick.iterdir()
    assert clean != with_erased
    assert f"Made {clean}." in done.output.replace("\n", " ")


def test_copies_of_the_database_are_listed_for_a_person_and_for_a_program(filed_history: Path, call: Called) -> None:
    assert filed_history.exists()
    assert json.loads(call("history", "put-back", "--list", "--json").stdout) == []
    shown = call("history", "put-back", "--list").output
    assert "Schema" in shown


def test_the_bundle_in_service_is_verified_where_none_is_named(call: Called) -> None:
    said = call("bundle", "verify").output
    assert f"{SHIPPED_NAME} is whole and gives its golden results. Signed by" in said
    assert json.loads(call("bundle", "verify", "--json").stdout)["name"] == SHIPPED_NAME


def test_a_self_test_that_differs_ends_with_its_code(call: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    results = (GoldenResult("one.png", 1.0, 0.0, passed=True), GoldenResult("two.png", 0.2, 0.4, passed=False))
    monkeypatch.setattr("dermscan.cli.service.golden_results", lambda *_: results)
    done = call("selftest", "--json")
    assert [case["passed"] for case in json.loads(done.stdout)["cases"]] == [True, False]
    assert isinstance(done.exception, BundleSelfTestFailed)
    assert (done.exception.exit_code, "1 of 2 golden cases differ" in str(done.exception)) == (33, True)


def test_a_key_file_must_be_named_somewhere(appliance: Appliance, call: Called) -> None:
    del appliance.sections["history"]["key_file"]
    done = call("keys", "init")
    assert isinstance(done.exception, KeyUnavailable)
    assert "name a key file" in str(done.exception)


def test_a_key_that_cannot_be_read_is_told_with_its_status(appliance: Appliance, call: Called) -> None:
    appliance.key_file.write_text("no key", encoding="ascii")
    done = call("keys", "status")
    assert "Place: key file" in done.output
    assert isinstance(done.exception, KeyUnavailable), done.output
    assert done.exception.exit_code == 40


def test_a_value_without_a_json_form_is_refused_and_not_guessed() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        json_text({"what": object()})
