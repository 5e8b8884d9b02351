"""Chunks on all cores of this machine: a process each, with its own networks. One at a time needs no process at all."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

from dermscan.errors import AnalysisFailed
from dermscan.evaluation.chunks import Chunk, Judge, JudgedChunk, Orders, judge_chunk

LOOK_AGAIN_S = 5.0


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def in_processes(orders: Orders, count: int) -> Iterator[Judge]:
    """Processes that judge, as long as they are wanted.

    Args:
        orders: How the pictures are judged.
        count: Processes; with 1 the pictures are judged in this one.
    """
    if count == 1:
        yield partial(map, partial(judge_chunk, orders))
        return
    # Not forked: a copy of this process's threads' locks may never be released
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_follow_parent)
    try:
        yield partial(_judged, pool, orders, 2 * count)
    finally:
        pool.shutdown(cancel_futures=True)


def _judged(pool: ProcessPoolExecutor, orders: Orders, most: int, chunks: Iterable[Chunk]) -> Iterator[JudgedChunk]:
    try:
        yield from in_flight(lambda chunk: pool.submit(judge_chunk, orders, chunk), chunks, most)
    except BrokenProcessPool:
        problem = "a process was ended from outside, perhaps for want of memory; the same command goes on from there"
        raise AnalysisFailed(problem=problem) from None


def in_flight(
    submit: Callable[[Chunk], "Future[JudgedChunk]"],
    chunks: Iterable[Chunk],
    most: int,
    look: Callable[[], None] = lambda: None,
) -> Iterator[JudgedChunk]:
    """Keep some chunks under way, and hand back each as soon as it is ready.

    Args:
        submit: Begins a chunk elsewhere.
        chunks: All chunks; they are taken as there is room for them.
        most: How many may be under way.
        look: Is called every few seconds without a result, and may raise when none is to be hoped for.
    """
    waiting: set[Future[JudgedChunk]] = set()
    for chunk in chunks:
        waiting.add(submit(chunk))
        if len(waiting) == most:
            done, waiting = _some(waiting, look)
            yield from done
    while waiting:
        done, waiting = _some(waiting, look)
        yield from done


def _some(
    waiting: "set[Future[JudgedChunk]]", look: Callable[[], None]
) -> tuple[list[JudgedChunk], "set[Future[JudgedChunk]]"]:
    """At least one that is ready, and those that are not."""
    while True:
        done, others = wait(waiting, LOOK_AGAIN_S, FIRST_COMPLETED)
        if done:
            return [future.result() for future in done], others
        look()


def _follow_parent() -> None:
    """Leave an interrupt to the parent, and end when it has ended: a queue alone would be waited on for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
