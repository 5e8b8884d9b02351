"""What a reload leaves behind: nothing of the work before it, neither networks nor threads."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from threading import active_count

import pytest

from appliance import wait_until
from daemon.rehearsal import Recorder
from dermscan.daemon.board import Board
from dermscan.daemon.work import Work
from dermscan.history.keys import create_key_file, load_master_key
from dermscan.history.store import History
from dermscan.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    create_key_file(tmp_path / "key")
    return Settings.model_validate(
        {
            "camera": {"backend": "phantom", "width": 320, "height": 240, "rate_hz": 20},
            "history": {"folder": tmp_path / "history", "key_file": tmp_path / "key"},
        }
    )


@pytest.fixture
def without_collection() -> Iterator[None]:
    """What is in a circle stays, so that a circle shows."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collection")
def test_work_that_was_stopped_gives_its_networks_and_threads_back_at_once(settings: Settings) -> None:
    with History.open(settings.history.folder, load_master_key(settings.history)) as history:
        before = active_count()
        work = Work(settings, history, Board(Recorder(), lambda _state: None), lambda: None)
        work.start(lambda: False)
        work.stop()
        gone = weakref.ref(work)
        networks = weakref.ref(work._watcher._framing)
        wait_until(lambda: active_count() == before)
        del work
        assert gone() is None
        assert networks() is None
