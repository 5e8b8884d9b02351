import json
import re
from datetime import UTC, datetime
from pathlib import Path

from appliance import Appliance
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings


def test_the_contract_is_a_page_a_document_or_a_folder(appliance: Appliance, tmp_path: Path) -> None:
    assert appliance.call("bus", "contract").stdout.startswith("# The bus contract")
    assert json.loads(appliance.call("bus", "contract", "--json").stdout)["asyncapi"] == "3.0.0"
    assert appliance.call("bus", "contract", "--out", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out" / "schemas" / "Status.json").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused = appliance.call("bus", "contract", "--out", str(tmp_path / "file"))
    assert refused.returncode == 12
    assert refused.stderr.count("\n") == 1


def test_a_ticket_is_made_while_the_writing_process_runs(appliance: Appliance, filed_history: Path) -> None:
    key = load_master_key(HistorySettings(folder=filed_history, key_file=appliance.key_file))
    with History.open(filed_history, key) as history:
        lesion = history.latest()[0].lesion_id
        ticket = appliance.call("bus", "ticket", lesion).stdout.strip()
        other = json.loads(appliance.call("bus", "ticket", "--json", "--minutes", "1").stdout)
        assert re.fullmatch(r"[A-Za-z0-9_-]{64}", ticket)
        assert history.redeem_ticket(ticket, datetime.now(UTC)) == lesion
        assert history.redeem_ticket(other["ticket"]) is None


def test_no_ticket_for_a_lesion_that_is_not_there(appliance: Appliance, filed_history: Path) -> None:
    assert filed_history.exists()
    refused = appliance.call("bus", "ticket", "not-a-lesion")
    assert refused.returncode == 46
    assert "not-a-lesion" not in refused.stderr
