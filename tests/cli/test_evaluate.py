"""`dermscan evaluate` by hand: ended at any time it leaves nothing running, and the same command goes on."""

import json
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from appliance import Appliance, wait_until
from dermscan.bundle.loading import Bundle
from dermscan.cli.main import app
from dermscan.errors import InputError


@pytest.fixture
def many(labelled: Path) -> Path:
    """The phantoms' table with 32 rows."""
    head, *rows = labelled.read_text(encoding="utf-8").splitlines()
    lines = [f"{number}-{rows[number % len(rows)]}" for number in range(32)]
    labelled.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return labelled


def report_of(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    del said["milliseconds"]
    return said


def children_of(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text(encoding="ascii").split()]


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"


def begun(appliance: Appliance, many: Path, out: Path, how: signal.Signals) -> list[int]:
    """Begin with two processes and end that when a chunk is in the journal; the processes it had."""
    running = appliance.start_command("evaluate", str(many), "--out", str(out), "--processes", "2")
    journal = out.with_name(f"{out.name}.journal")
    wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 1)
    children = children_of(running.process.pid)
    running.stop(how)
    assert running.process.returncode in {130, -signal.SIGKILL}, running.said
    assert not out.exists()
    return children


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_evaluation_that_is_ended_leaves_nothing_running_and_goes_on(
    appliance: Appliance, many: Path, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "report.json"
    children = begun(appliance, many, out, how)
    assert len(children) >= 2
    wait_until(lambda: not any(runs(child) for child in children))
    done = appliance.call(
        "evaluate", str(many), "--out", str(out), "--processes", "1", "--rows", str(tmp_path / "rows")
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.glob("r*")) == ["report.json", "rows"]
    names = [line.partition(",")[0] for line in (tmp_path / "rows").read_text(encoding="utf-8").splitlines()[1:]]
    assert names == [line.partition(",")[0] for line in many.read_text(encoding="utf-8").splitlines()[1:]]
    assert report_of(out)["images"] == 32


def test_a_damaged_journal_is_one_sentence(appliance: Appliance, labelled: Path, tmp_path: Path) -> None:
    journal = tmp_path / "r.json.journal"
    journal.write_text("something else\n", encoding="utf-8")
    done = appliance.call("evaluate", str(labelled), "--out", str(tmp_path / "r.json"))
    assert done.returncode == 11
    assert done.stderr.splitlines()[-1].endswith("delete this journal to begin anew")
    assert journal.read_text(encoding="utf-8") == "something else\n"


def test_processes_and_a_scheduler_exclude_each_other(appliance: Appliance, labelled: Path, tmp_path: Path) -> None:
    there = ("--processes", "2", "--scheduler", "tcp://127.0.0.1:1")
    done = appliance.call("evaluate", str(labelled), "--out", str(tmp_path / "r.json"), *there)
    assert done.returncode == 2
    assert "name them or a scheduler" in done.stderr


def evaluated(appliance: Appliance, table: Path, out: Path, *rows: str) -> Result:
    """Evaluate a table of these rows in this process."""
    table.write_text("\n".join(["image_id,image,mask,dx", *rows]) + "\n", encoding="utf-8")
    words = ["--settings", str(appliance.write_settings()), "evaluate", str(table), "--out", str(out)]
    return CliRunner().invoke(app, [*words, "--processes", "1"], env={"COLUMNS": "200"})


def test_without_a_diagnosis_there_is_no_confusion_of_classes(
    appliance: Appliance, bundle: Bundle, tmp_path: Path
) -> None:
    image, mask = next((case.image, case.mask) for case in bundle.manifest.golden if case.mask is not None)
    row = f"one,{bundle.path(image)},{bundle.path(mask)},"
    done = evaluated(appliance, tmp_path / "table.csv", tmp_path / "out.json", row)
    assert done.exit_code == 0, done.output
    assert "Share indeterminate" in done.output
    assert "Confusion" not in done.output
    assert report_of(tmp_path / "out.json")["classification"] is None


def test_a_mask_that_is_not_of_its_pictures_size_is_named(appliance: Appliance, bundle: Bundle, tmp_path: Path) -> None:
    mask = tmp_path / "small.png"
    cv2.imwrite(str(mask), np.full((8, 8), 255, np.uint8))
    row = f"one,{bundle.path(bundle.manifest.golden[0].image)},{mask},NV"
    done = evaluated(appliance, tmp_path / "table.csv", tmp_path / "out.json", row)
    assert isinstance(done.exception, InputError), done.output
    assert done.exception.exit_code == 11
    assert str(done.exception).endswith("small.png cannot be used: it is not of its picture's size")
    assert not (tmp_path / "out.json").exists()
