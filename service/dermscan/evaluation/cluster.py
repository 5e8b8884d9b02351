"""Chunks on the machines of a Dask cluster. Rows of the table, figures and masks cross the network, pictures do not.

Each worker reads pictures and bundle from its own disk, at the same places as here, and proves that the bundle is the
one of the orders. A chunk whose worker is lost is judged by another one.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dermscan.errors import DermscanError, InputError, WorkersUnfit
from dermscan.evaluation.chunks import Chunk, Judge, JudgedChunk, Orders, judge_chunk
from dermscan.evaluation.processes import in_flight

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 60.0
"""Seconds that the cluster may be without any worker before the evaluation is given up."""
CONNECT_S = 10
EACH_WORKER = 2
"""Chunks under way for each thread of a worker, so that none waits for the network."""


@contextmanager
def on_cluster(orders: Orders, scheduler: str, patience_s: float = PATIENCE_S) -> Iterator[Judge]:
    """The workers of a cluster, as long as they are wanted.

    Args:
        orders: How the pictures are judged.
        scheduler: Address of Dask's scheduler, such as `tcp://host:8786` or `tls://host:8786`.
        patience_s: Seconds that it may be without any worker.

    Raises:
        WorkersUnfit: The extra `cluster` is not installed, no scheduler answers, or it has no worker.
    """
    client = _connected(scheduler)
    try:
        yield partial(_judged, client, orders, patience_s)
    finally:
        client.close()


def _connected(scheduler: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415 - of the extra `cluster`; absent on a device
    except ImportError:
        raise WorkersUnfit(problem="the extra cluster is not installed (pip install 'dermscan[cluster]')") from None
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d{1,5}", scheduler):
        raise WorkersUnfit(problem=f"{scheduler!r} is no address of a scheduler, such as tcp://host:8786")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError):
        raise WorkersUnfit(problem=f"no scheduler answers at {scheduler}") from None
    return client


def _judged(client: "Client", orders: Orders, patience_s: float, chunks: Iterable[Chunk]) -> Iterator[JudgedChunk]:
    from distributed import KilledWorker  # noqa: PLC0415 - see `_connected`

    watch = _Watch(client, patience_s)
    executor = client.get_executor(pure=False)
    submit = partial(executor.submit, _judge_there, orders)
    try:
        yield from in_flight(submit, chunks, max(EACH_WORKER * sum(client.nthreads().values()), 1), watch.look)
    except KilledWorker:
        problem = "a chunk has ended every worker that took it, perhaps for want of memory"
        raise WorkersUnfit(problem=problem) from None
    except (CancelledError, OSError):
        raise WorkersUnfit(problem="the scheduler has gone") from None
    except ImportError as error:
        raise WorkersUnfit(problem=f"a worker lacks {error.name}") from None
    finally:
        executor.shutdown(wait=False)


class _Watch:
    """Gives up when there has been no worker for a while."""

    def __init__(self, client: "Client", patience_s: float) -> None:
        self._client, self._patience_s = client, patience_s
        self._seen = time.monotonic()

    def look(self) -> None:
        if self._client.status != "running":
            raise WorkersUnfit(problem="the scheduler has gone")
        if self._client.nthreads():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen >= self._patience_s:
            raise WorkersUnfit(problem="it has no worker")


def _judge_there(orders: Orders, chunk: Chunk) -> JudgedChunk:
    """Judge a chunk on a worker, and say in an error which worker it was."""
    from distributed import get_worker  # noqa: PLC0415 - see `_connected`

    try:
        return judge_chunk(orders, chunk)
    except InputError as error:
        problem = f"{error.details['problem']} (on the worker {get_worker().address})"
        raise InputError(source=error.details["source"], problem=problem) from None
    except DermscanError as error:
        raise WorkersUnfit(problem=f"the worker {get_worker().address} says: {error}") from None
