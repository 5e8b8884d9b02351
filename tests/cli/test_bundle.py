"""`dermscan bundle`: real models are verified, installed and taken back; what is refused is one sentence and a code."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance import Appliance
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import SHIPPED_NAME, Bundle
from dermscan.bundle.signing import trusted_keys
from dermscan.bundle.store import CURRENT, BundleStore
from dermscan.cli.bundle import bundle_app
from dermscan.cli.main import app
from signed_bundles import signed_copy, trust_maker


@pytest.fixture
def device(appliance: Appliance) -> Appliance:
    """A device without an installed bundle, which trusts the tests' own maker."""
    keys = trust_maker(appliance.folder / "keys")
    appliance.sections["models"] = {"store": appliance.folder / "bundles", "keys": keys}
    return appliance


@pytest.fixture
def newer(bundle: Bundle, tmp_path: Path) -> Path:
    return signed_copy(bundle, tmp_path / "dermscan-9.1.0")


def in_service(device: Appliance) -> str | None:
    """What the store's link names, without asking the command."""
    return BundleStore(device.folder / "bundles").linked(CURRENT)


def states(device: Appliance) -> dict[str, str]:
    return {entry["name"]: entry["state"] for entry in json.loads(device.call("bundle", "list", "--json").stdout)}


def test_a_bundle_is_installed_from_one_file_listed_and_taken_back(device: Appliance, newer: Path) -> None:
    archive = shutil.make_archive(str(newer), "zip", newer.parent, newer.name)
    verified = device.call("bundle", "verify", archive)
    assert "dermscan-9.1.0 is whole and gives its golden results. Signed by maker" in verified.stdout, verified.stderr
    installed = device.call("bundle", "install", archive, "--json")
    assert installed.returncode == 0, installed.stderr
    assert json.loads(installed.stdout)["name"] == "dermscan-9.1.0"
    assert states(device) == {SHIPPED_NAME: "not in use", "dermscan-9.1.0": "in service"}
    assert json.loads(device.call("selftest", "--json").stdout)["bundle"] == "dermscan-9.1.0"
    back = device.call("bundle", "rollback")
    assert f"Back to {SHIPPED_NAME}" in back.stdout
    assert states(device) == {SHIPPED_NAME: "in service", "dermscan-9.1.0": "not in use"}


def test_a_program_is_told_what_was_verified_and_what_is_in_service_after_a_rollback(
    device: Appliance, newer: Path
) -> None:
    def said(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(app, ["--settings", str(device.write_settings()), "bundle", *words, "--json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    assert said("verify", str(newer))["name"] == "dermscan-9.1.0"
    assert in_service(device) is None
    said("install", str(newer))
    assert in_service(device) == "dermscan-9.1.0"
    assert said("rollback")["name"] == SHIPPED_NAME
    assert in_service(device) is None


def test_a_bundle_that_does_not_reproduce_its_results_is_refused(
    device: Appliance, bundle: Bundle, tmp_path: Path
) -> None:
    classifier = bundle.manifest.classifier.model_copy(update={"temperature": 9.0}).model_dump(mode="json")
    failing = signed_copy(bundle, tmp_path / "dermscan-9.2.0", classifier=classifier)
    done = device.call("bundle", "install", str(failing))
    assert done.returncode == 33
    assert done.stderr.strip() == (
        "dermscan: The models do not reproduce their golden results: 2 of 3 golden cases differ"
    )
    assert in_service(device) is None


def unsigned(folder: Path) -> None:
    (folder / "manifest.json.sig").unlink()


def altered(folder: Path) -> None:
    (folder / "classifier.onnx").write_bytes((folder / "roi.onnx").read_bytes())


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    ("command", "damage", "code"),
    [("install", unsigned, 34), ("install", altered, 31), ("verify", altered, 31), ("install", emptied, 30)],
)
def test_what_is_refused_is_one_sentence_and_its_code(
    device: Appliance, newer: Path, command: str, damage: object, code: int
) -> None:
    assert callable(damage)
    damage(newer)
    done = device.call("bundle", command, str(newer))
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == 1
    assert in_service(device) is None


def test_an_older_one_is_refused_unless_it_is_allowed(device: Appliance, bundle: Bundle, tmp_path: Path) -> None:
    older = signed_copy(bundle, tmp_path / "dermscan-0.0.9")
    done = device.call("bundle", "install", str(older))
    assert done.returncode == 35
    assert f"dermscan-0.0.9 was to be installed over {SHIPPED_NAME}" in done.stderr
    allowed = device.call("bundle", "install", str(older), "--allow-older")
    assert allowed.returncode == 0, allowed.stderr
    assert in_service(device) == "dermscan-0.0.9"


def test_an_installed_bundle_that_rots_is_listed_as_refused(device: Appliance, newer: Path) -> None:
    keys = trusted_keys(device.folder / "keys")
    Installation(BundleStore(device.folder / "bundles"), keys, lambda _bundle: None).install(
        newer, None, lambda _done, _total: None
    )
    rotten = device.folder / "bundles" / "dermscan-9.1.0" / "roi.onnx"
    rotten.write_bytes(rotten.read_bytes()[:-1])
    assert states(device) == {SHIPPED_NAME: "in service", "dermscan-9.1.0": "refused"}
    table = device.call("bundle", "list").stdout
    assert "roi.onnx is not the file that the manifest names" in table
    tested = device.call("selftest", "--json")
    assert json.loads(tested.stdout)["bundle"] == SHIPPED_NAME
    assert "a bundle before it stands in" in tested.stderr


def test_going_back_without_an_installed_bundle_is_told(device: Appliance) -> None:
    done = device.call("bundle", "rollback")
    assert done.returncode == 30


def test_every_command_gives_an_example() -> None:
    for command in bundle_app.registered_commands:
        assert command.callback is not None
        assert f"Example: dermscan bundle {command.name}" in (command.callback.__doc__ or "")
