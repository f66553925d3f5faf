"""The pool of workers, and the loop that it runs in, without a network."""

import asyncio
import time
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.builders import request

from sluice.errors import CannotJudge
from sluice.providers.background import BackgroundLoop
from sluice.providers.base import Failure
from sluice.providers.workers import Workers


def marked(text):
    return Failure("provider", text)


def run(batches, complete, concurrency=3):
    background = BackgroundLoop()
    workers = Workers(batches, concurrency, complete)
    background.call(workers.start())
    try:
        yield from chain.from_iterable(workers.results())
    finally:
        background.call(workers.stop())
        background.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=6), st.integers(1, 8), st.randoms(use_true_random=False))
def test_every_batch_comes_out_once_and_in_its_own_order(sizes, concurrency, random):
    async def complete(one):
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        return marked(one.messages[0].content), None

    batches = [[request(f"{index}/{case}") for case in range(size)] for index, size in enumerate(sizes)]
    results = list(run(batches, complete, concurrency))
    assert sorted(index for index, _ in results) == list(range(len(sizes)))
    for index, outcomes in results:
        assert [outcome.message for outcome in outcomes] == [f"{index}/{case}" for case in range(sizes[index])]


def test_what_completed_before_the_break_comes_out_first():
    async def complete(one):
        text = one.messages[0].content
        return marked(text), CannotJudge("enough") if text == "2" else None

    batches = [[request(str(index))] for index in range(10)]
    results = run(batches, complete, 1)
    assert [next(results)[1][0].message for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(CannotJudge, match="enough"):
        next(results)


def test_a_bug_reaches_the_caller():
    async def complete(one):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run([[request("a")]], complete))


def test_a_call_from_the_loops_own_thread_is_refused():
    background = BackgroundLoop()

    async def inner():
        await asyncio.sleep(0)

    async def outer():
        background.call(inner())

    with pytest.raises(RuntimeError, match="wait for itself"):
        background.call(outer())
    background.close()
    background.close()


def test_what_is_answered_and_not_yet_kept_counts_as_in_flight():
    asked = []

    async def complete(one):
        asked.append(one)
        return marked(one.messages[0].content), None

    results = run([[request(str(index))] for index in range(50)], complete, 4)
    kept = 0
    for _ in results:
        time.sleep(0.002)
        assert len(asked) - kept <= 4
        kept += 1
    assert kept == 50
