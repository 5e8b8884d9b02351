"""A Dask cluster of two workers on loopback says what one process says, whatever happens to it meanwhile."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import Client, KilledWorker, LocalCluster

from broker import free_port
from dermscan.errors import InputError, WorkersUnfit
from dermscan.evaluation import cluster
from dermscan.evaluation.chunks import Chunk, Orders
from dermscan.evaluation.cluster import on_cluster
from dermscan.evaluation.table import LabelledImage

Evaluate = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.timeout(900)  # three processes that open the networks, on a machine that may be busy


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("dask")
    with LocalCluster(
        host="127.0.0.1",
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        local_directory=str(folder),
    ) as made:
        yield made


def ended(_: int) -> None:
    raise KeyboardInterrupt


def test_a_worker_killed_midway_changes_nothing(
    two_workers: LocalCluster, orders: Orders, evaluate: Evaluate, serial: dict[str, Any]
) -> None:
    killed: list[int] = []

    def kill_one(_: int) -> None:
        if not killed:
            killed.append(two_workers.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    with on_cluster(orders, two_workers.scheduler_address) as judge:
        assert evaluate(judge, kill_one) == serial
    assert killed


def test_an_evaluation_on_a_cluster_goes_on_after_an_interrupt(
    two_workers: LocalCluster, orders: Orders, evaluate: Evaluate, serial: dict[str, Any]
) -> None:
    with pytest.raises(KeyboardInterrupt), on_cluster(orders, two_workers.scheduler_address) as judge:
        evaluate(judge, ended)
    more: list[int] = []
    with on_cluster(orders, two_workers.scheduler_address) as judge:
        assert evaluate(judge, more.append) == serial
    assert sum(more) == 24


def test_a_worker_with_another_bundle_is_named(two_workers: LocalCluster, orders: Orders) -> None:
    other = replace(orders, manifest_hash="0" * 64)
    with (
        on_cluster(other, two_workers.scheduler_address) as judge,
        pytest.raises(WorkersUnfit, match=r"the worker tcp://127\.0\.0\.1:\d+ says: .*another bundle lies in"),
    ):
        list(judge([Chunk(0, ())]))


def test_a_worker_without_the_data_is_named(two_workers: LocalCluster, orders: Orders) -> None:
    gone = LabelledImage("gone", Path("/nowhere/gone.png"), None, None, "")
    with (
        on_cluster(orders, two_workers.scheduler_address) as judge,
        pytest.raises(InputError, match=r"/nowhere/gone\.png .*No such file.* \(on the worker tcp://127"),
    ):
        list(judge([Chunk(0, (gone,))]))


def test_a_scheduler_that_is_away_is_one_sentence(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(WorkersUnfit, match=f"no scheduler answers at {address}"), on_cluster(orders, address):
        pass


@pytest.mark.parametrize("address", ["nonsense://h:1", "", "127.0.0.1:8786", "tcp://", "tcp://h", "tcp://h:x"])
def test_what_is_no_address_is_one_sentence(address: str, orders: Orders) -> None:
    with pytest.raises(WorkersUnfit, match="is no address of a scheduler"), on_cluster(orders, address):
        pass


def test_a_cluster_without_workers_is_given_up(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermscan.evaluation.processes.LOOK_AGAIN_S", 0.05)
    with (
        LocalCluster(host="127.0.0.1", n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        on_cluster(orders, empty.scheduler_address, patience_s=0.2) as judge,
        pytest.raises(WorkersUnfit, match="it has no worker"),
    ):
        list(judge([Chunk(0, ())]))


class Workers:
    """A cluster as its client sees it, of which every chunk ends in one way."""

    def __init__(self, failure: Exception | None = None, status: str = "running") -> None:
        self.failure, self.status = failure, status

    def nthreads(self) -> dict[str, int]:
        return {"tcp://127.0.0.1:1": 1}

    def get_executor(self, *, pure: bool) -> "Workers":
        assert not pure
        return self

    def submit(self, *_: object) -> "Future[Any]":
        made: Future[Any] = Future()
        if self.failure is not None:
            made.set_exception(self.failure)
        return made

    def shutdown(self, *, wait: bool) -> None:
        assert not wait


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        (Workers(ModuleNotFoundError("No module named 'cv2'", name="cv2")), "a worker lacks cv2"),
        (Workers(KilledWorker("chunk", None, 3)), "a chunk has ended every worker that took it"),
        (Workers(CancelledError()), "the scheduler has gone"),
        (Workers(status="closed"), "the scheduler has gone"),
    ],
    ids=["package", "memory", "cancelled", "closed"],
)
def test_workers_that_are_not_fit_are_one_sentence(
    orders: Orders, monkeypatch: pytest.MonkeyPatch, workers: Workers, said: str
) -> None:
    monkeypatch.setattr("dermscan.evaluation.processes.LOOK_AGAIN_S", 0.05)
    with pytest.raises(WorkersUnfit, match=said):
        list(cluster._judged(cast("Client", workers), orders, 60.0, [Chunk(0, ())]))
