"""Whoever judges, and whatever happens meanwhile: the figures are those of one picture after the other."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dermscan.errors import AnalysisFailed, InputError, WorkersUnfit
from dermscan.evaluation.chunks import Chunk, JudgedChunk, Orders, judge_chunk
from dermscan.evaluation.processes import cores, in_flight, in_processes
from dermscan.evaluation.table import LabelledImage

Evaluate = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.timeout(900)  # three processes that open the networks, on a machine that may be busy
CHUNKS = [Chunk(number, ()) for number in range(100)]


def ended(_: int) -> None:
    raise KeyboardInterrupt


def test_two_processes_say_what_one_says(orders: Orders, evaluate: Evaluate, serial: dict[str, Any]) -> None:
    assert serial["images"] == 24
    with in_processes(orders, 2) as judge:
        assert evaluate(judge) == serial
    assert multiprocessing.active_children() == []


def test_an_evaluation_goes_on_where_it_was_interrupted(
    orders: Orders, evaluate: Evaluate, serial: dict[str, Any]
) -> None:
    with pytest.raises(KeyboardInterrupt), in_processes(orders, 2) as judge:
        evaluate(judge, ended)
    judged: list[int] = []

    def counted(chunks: Iterator[Chunk]) -> Iterator[JudgedChunk]:
        for chunk in chunks:
            judged.append(chunk.number)
            yield judge_chunk(orders, chunk)

    assert evaluate(counted) == serial
    assert len(judged) == 2, "one of three chunks was in the journal"
    assert evaluate(lambda chunks: iter([pytest.fail("judged again") for _ in chunks])) == serial


def test_a_process_that_is_killed_is_one_sentence_and_the_rest_is_kept(
    orders: Orders, evaluate: Evaluate, serial: dict[str, Any]
) -> None:
    def kill_all(_: int) -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(AnalysisFailed, match="goes on from there"), in_processes(orders, 2) as judge:
        evaluate(judge, kill_all)
    with in_processes(orders, 1) as judge:
        assert evaluate(judge) == serial


def test_another_bundle_in_that_place_is_refused(orders: Orders) -> None:
    with pytest.raises(WorkersUnfit, match="another bundle lies in"):
        judge_chunk(replace(orders, manifest_hash="0" * 64), CHUNKS[0])


def test_orders_of_another_version_are_refused(orders: Orders) -> None:
    with pytest.raises(WorkersUnfit, match=r"the orders are of version 0\.0\.0"):
        judge_chunk(replace(orders, version="0.0.0"), CHUNKS[0])


def test_a_missing_picture_is_named_by_a_process(orders: Orders) -> None:
    gone = LabelledImage("gone", Path("/nowhere/gone.png"), None, None, "")
    with in_processes(orders, 2) as judge, pytest.raises(InputError, match=r"/nowhere/gone\.png .* No such file"):
        list(judge([Chunk(0, (gone,))]))


def test_few_chunks_are_held_at_a_time() -> None:
    taken: list[int] = []
    given: list[int] = []

    def chunks() -> Iterator[Chunk]:
        for chunk in CHUNKS:
            taken.append(chunk.number)
            assert len(taken) - len(given) <= 4
            yield chunk

    def submit(chunk: Chunk) -> "Future[JudgedChunk]":
        future: Future[JudgedChunk] = Future()
        future.set_result(JudgedChunk(chunk.number, 0, "[]", ()))
        return future

    for judged in in_flight(submit, chunks(), 4):
        given += [judged.number]
    assert sorted(given) == list(range(100))


def test_there_is_at_least_one_core() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
