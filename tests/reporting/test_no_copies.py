"""While a report is written its pictures are in memory and in the target, and nowhere else; nobody is spoken to."""

import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dermscan.reporting.report import LesionReport

MakeReport = Callable[..., LesionReport]
PROGRAM = """
import pickle, sys
from dermscan.reporting.fhir import write_fhir
from dermscan.reporting.pdf import write_pdf
from dermscan.reporting.subject import subject_of
report = pickle.load(open(sys.argv[1], "rb"))
with open(sys.argv[2], "wb") as target:
    write_pdf(report, target)
    write_fhir(report, subject_of(report.lesion), target)
"""
CALLS = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,connect,copy_file_range,sendfile"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_pictures_are_written_to_the_target_alone(make_report: MakeReport, tmp_path: Path) -> None:
    report, target, log = tmp_path / "report", tmp_path / "target", tmp_path / "log"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    report.write_bytes(pickle.dumps(make_report(2)))
    watched = ["strace", "-f", "-y", "-qq", "-e", CALLS, "-o", str(log), sys.executable, "-c", PROGRAM]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "HOME": str(tmp_path / "home")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    subprocess.run([*watched, str(report), str(target)], check=True, env=environment, timeout=240)
    # Python tries a folder for temporary files out with one word before it names it.
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = "\n".join(line for line in lines if '"blat", 4)' not in line)
    written = {place for place in re.findall(r"\b(?:write\w*|pwrite\w*)\(\d+<([^>]*)>", said) if place.startswith("/")}
    assert str(target) in written
    # WeasyPrint lays the fonts that a page brings with it into a folder of its own, which it deletes; fontconfig may
    # keep its list of the system's fonts.
    fonts = {place for place in written if place.startswith(f"{temporary}/weasyprint-") or "/fontconfig/" in place}
    assert written - fonts - {str(target)} == set()
    assert not re.search(r"connect\(.*AF_INET|sendto\(|sendmsg\(|copy_file_range\(|sendfile\(", said)
    assert list(temporary.iterdir()) == []
