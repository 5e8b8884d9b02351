"""The camera is calibrated from the command line, and the lesion gets its site and its baseline there."""

import json
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from appliance import Appliance


@pytest.fixture
def shots(appliance: Appliance, tmp_path: Path) -> Path:
    """Two pictures of the printed target, 640 x 480, as the appliance's camera is set."""
    page = tmp_path / "target.pdf"
    assert appliance.call("camera", "target", "--out", str(page)).returncode == 0
    document = pypdfium2.PdfDocument(page)
    sheet = np.array(document[0].render(scale=2).to_pil().convert("RGB"))
    document.close()
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, turn in enumerate((0.0, 4.0)):
        matrix = cv2.getRotationMatrix2D((595.0, 640.0), turn, 0.5)
        matrix[:, 2] += np.array([320 - 595, 240 - 640])
        seen = cv2.warpAffine(sheet, matrix, (640, 480), flags=cv2.INTER_AREA, borderValue=(255, 255, 255))
        cv2.imwrite(str(folder / f"{number}.png"), seen[..., ::-1])
    return folder


def test_the_camera_is_calibrated_from_pictures_and_says_so(appliance: Appliance, shots: Path) -> None:
    assert "not calibrated" in appliance.call("camera", "calibration").stdout
    done = appliance.call("camera", "calibrate", "--frames", str(shots), "--bar-mm", "99", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["state"], made["frames"], made["width"]) == ("valid", 2, 640)
    assert made["mm_per_pixel"] == pytest.approx(0.99 * 25.4 / 72, rel=0.003)
    shown = json.loads(appliance.call("camera", "calibration", "--json").stdout)
    assert shown == made
    text = appliance.call("camera", "calibration").stdout
    assert made["calibration_id"] in text
    appliance.sections["camera"]["width"] = 800
    assert json.loads(appliance.call("camera", "calibration", "--json").stdout)["state"] == "other_resolution"


def test_a_folder_without_a_target_is_one_sentence(appliance: Appliance, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((480, 640, 3), 128, np.uint8))
    done = appliance.call("camera", "calibrate", "--frames", str(tmp_path))
    assert done.returncode == 24
    assert done.stderr.count("\n") == 1
    assert "no target is seen" in done.stderr
    assert appliance.call("camera", "calibrate", "--frames", str(tmp_path / "none")).returncode == 11
    (tmp_path / "gray.png").write_bytes(b"no picture")
    assert appliance.call("camera", "calibrate", "--frames", str(tmp_path)).returncode == 11


def test_a_live_camera_that_shows_no_target_is_refused(appliance: Appliance) -> None:
    done = appliance.call("camera", "calibrate", "--pictures", "1")
    assert done.returncode == 24
    assert "no target is seen" in done.stderr


def test_a_target_that_cannot_be_written_is_one_sentence(appliance: Appliance, tmp_path: Path) -> None:
    done = appliance.call("camera", "target", "--out", str(tmp_path / "none" / "target.pdf"))
    assert done.returncode == 12
    assert done.stderr.count("\n") == 1


def test_a_lesion_gets_a_site_of_the_list_alone_and_a_baseline(appliance: Appliance, filed_history: Path) -> None:
    (scan,) = json.loads(appliance.call("history", "list", "--json").stdout)
    number, lesion = scan["scan_id"][:8], scan["lesion_id"][:8]
    done = appliance.call("history", "assign", number, "--subject", "heron-7", "--site", "elsewhere")
    assert done.returncode == 11
    assert "CID 4029" in done.stderr
    done = appliance.call("history", "assign", number, "--subject", "heron-7", "--site", "Cheek", "--side", "L")
    assert done.returncode == 0, done.stderr
    assert appliance.call("history", "baseline", lesion, number).stdout == "Baseline set.\n"
    assert "first scan" in appliance.call("history", "baseline", lesion).stdout
    assert appliance.call("history", "baseline", lesion, "ffffffff").returncode == 46
    (site,) = json.loads(appliance.call("history", "sites", "skin of cheek", "--json").stdout)
    assert site == {"code": "36141000", "scheme": "SCT", "meaning": "Skin of cheek"}
    assert filed_history.exists()
