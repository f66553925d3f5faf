"""How many attempts may be in flight, against a simulated server on a simulated clock."""

import asyncio
import random
import statistics

import pytest

from sluice.providers.throttle import START, Throttle


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer, so that hours pass at once and nothing is left to chance."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0

    def time(self):
        return self.now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


def virtually(coroutine):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class Server:
    """Computes `capacity` answers at a time, queues a few more and refuses the rest."""

    def __init__(self, capacity, queue=10**9, seconds=1.0, tells=True):
        self.capacity, self.queue, self.seconds, self.tells = capacity, queue, seconds, tells
        self.places = asyncio.Semaphore(capacity)
        self.inside = self.refused = self.done = 0
        self.random = random.Random(7)

    async def ask(self):
        """Return (answered, seconds queued, seconds computed)."""
        loop = asyncio.get_running_loop()
        if self.inside >= self.capacity + self.queue:
            self.refused += 1
            await asyncio.sleep(0.01)
            return False, 0.0, 0.0
        self.inside += 1
        arrived = loop.time()
        async with self.places:
            queued = loop.time() - arrived
            await asyncio.sleep(self.seconds * self.random.uniform(0.5, 1.5))
        self.inside -= 1
        self.done += 1
        return True, *((queued, loop.time() - arrived - queued) if self.tells else (0.0, 0.0))


async def drive(throttle, server, cases, workers):
    """Ask `cases` questions as the provider does; return the limit at each answer, and the time it all took."""
    loop = asyncio.get_running_loop()
    left, limits, began = iter(range(cases)), [], loop.time()

    async def work():
        for _ in left:
            while True:
                await throttle.enter()
                started = loop.time()
                answered, queued, computed = await server.ask()
                if answered:
                    throttle.answered(started, loop.time(), queued, computed)
                else:
                    throttle.overloaded(started, loop.time())
                throttle.leave()
                if answered:
                    limits.append(throttle.limit)
                    break
                await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return limits, loop.time() - began


@pytest.mark.parametrize("capacity", [4, 24, 150])
def test_it_converges_near_what_a_server_computes_at_once(capacity):
    """By the queue's time alone: a server that takes everything in, and lets it wait."""

    async def scene():
        server = Server(capacity)
        limits, took = await drive(Throttle(1024, start=32), server, 30 * capacity + 300, 1024)
        return limits, took, server

    limits, took, server = virtually(scene())
    settled = limits[len(limits) // 2 :]
    assert capacity * 0.75 <= statistics.fmean(settled) <= capacity * 2.2
    ideal = server.done * server.seconds / capacity
    assert took <= ideal * 1.35 + 8, "nor is the server left idle"


@pytest.mark.parametrize(("capacity", "queue"), [(8, 4), (64, 16)])
def test_it_converges_below_what_a_server_refuses(capacity, queue):
    async def scene():
        server = Server(capacity, queue, tells=False)
        limits, took = await drive(Throttle(512, start=32), server, 60 * capacity, 512)
        return limits, took, server

    limits, took, server = virtually(scene())
    settled = limits[len(limits) // 2 :]
    assert capacity * 0.5 <= statistics.fmean(settled) <= capacity + queue + 1
    assert server.refused < 0.15 * server.done
    assert took <= 1.6 * server.done * server.seconds / capacity + 10


def test_a_server_that_never_has_enough_gets_all_that_the_model_file_allows():
    async def scene():
        server = Server(10_000)
        return await drive(Throttle(256), server, 6000, 256)

    limits, _ = virtually(scene())
    assert limits[START] > START, "it doubles each round"
    assert limits[1500] == limits[-1] == 256


def test_the_pause_that_a_server_asks_for_is_kept_by_everybody():
    async def scene():
        loop = asyncio.get_running_loop()
        throttle = Throttle(4)
        await throttle.enter()
        throttle.pause(30)
        throttle.pause(5)
        began, entered = loop.time(), []

        async def work():
            await throttle.enter()
            entered.append(loop.time() - began)
            throttle.leave()

        tasks = [asyncio.create_task(work()) for _ in range(3)]
        throttle.leave()
        await asyncio.gather(*tasks)
        throttle.pause(0)
        await throttle.enter()
        return entered

    assert virtually(scene()) == [30.0] * 3


def test_overload_halves_once_per_round_and_success_raises_again():
    throttle = Throttle(16)
    throttle.overloaded(started=1.0, now=2.0)
    for started in (1.0, 1.5, 1.9):
        throttle.overloaded(started, now=2.1)
    assert throttle.limit == 8
    throttle.overloaded(started=2.0, now=3.0)
    assert throttle.limit == 4
    throttle.answered(2.5, 4.0)
    assert throttle.limit == 4, "an answer to what was asked before the cut says nothing about the new limit"
    for _ in range(6):
        throttle.answered(3.0, 4.0)
    assert throttle.limit == 5
    for _ in range(500):
        throttle.answered(3.0, 4.0)
    assert throttle.limit == 16


def test_the_limit_never_falls_below_one():
    throttle = Throttle(2)
    for moment in range(10):
        throttle.overloaded(float(moment), float(moment))
    assert throttle.limit == 1


def test_places_are_given_in_order_and_within_the_limit():
    async def scene():
        throttle = Throttle(4)
        throttle.overloaded(0.0, 1.0)
        order, active, peak = [], 0, 0

        async def work(index):
            nonlocal active, peak
            await throttle.enter()
            order.append(index)
            active += 1
            peak = max(peak, active)
            await asyncio.sleep(0)
            active -= 1
            throttle.leave()

        await asyncio.wait_for(asyncio.gather(*map(work, range(20))), 1)
        return order, peak

    order, peak = asyncio.run(scene())
    assert order == list(range(20))
    assert peak == 2


def test_a_raised_limit_lets_more_in_and_a_cancelled_one_takes_no_place():
    async def scene():
        throttle = Throttle(3)
        for moment in range(3):
            throttle.overloaded(float(moment), float(moment))
        waiting = [asyncio.create_task(throttle.enter()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        for _ in range(10):
            throttle.answered(3.0, 4.0)
        throttle.leave()
        await asyncio.sleep(0.01)
        inside = [task.done() and not task.cancelled() for task in waiting]
        for task in waiting:
            task.cancel()
        return inside

    assert asyncio.run(scene()) == [True, False, True, True, True]
