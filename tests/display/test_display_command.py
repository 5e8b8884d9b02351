"""`dermscan display` and its unit: the page as a browser needs it to keep a copy, on this machine only."""

import http.client
import signal
import socket
import subprocess
from pathlib import Path

from appliance import Appliance, wait_until

UNIT = Path(__file__).parents[2] / "systemd" / "dermscan-page.service"


def test_the_page_comes_with_media_types_until_told_to_stop(appliance: Appliance, tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(appliance.command("display", "--port", "0", "--language", "de"), stdout=out)
    try:
        wait_until(lambda: said.read_text(encoding="utf-8").endswith("/\n"))
        port = int(said.read_text(encoding="utf-8").rpartition(":")[2].strip("/\n"))
        for path, kind in {
            "/worker.js": "text/javascript",
            "/": "text/html",
            "/config.json": "application/json",
        }.items():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            assert (answer.getheader("Content-Type") or "").startswith(kind)
            assert "default-src 'none'" in (answer.getheader("Content-Security-Policy") or "")
            body = answer.read()
            connection.close()
        assert b'"room-1"' in body
        assert b'"de"' in body
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_port_that_is_taken_is_one_sentence(appliance: Appliance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = appliance.call("display", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 12
    assert done.stderr.count("dermscan: ") == 1


def test_the_unit_is_understood_and_exposes_little(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("Documentation=man:dermscan(1)\n", "")
    (start,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    (tmp_path / UNIT.name).write_text(text.replace(start, "ExecStart=/bin/true"), encoding="utf-8")
    verify = ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / UNIT.name)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    score = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(UNIT)]
    done = subprocess.run(score, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
