"""The queue wastes no worker and no request: nobody waits for company, all that wait run together, deaths lose none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("prometheus_client")

from colonnade.core.engine.folder import Port
from colonnade.core.errors import FormatError
from colonnade.core.serving.batcher import Batcher, Died, Fatal
from colonnade.core.serving.batching import Joiner
from colonnade.core.serving.limits import Full, Limits, Stopping, TooLate
from colonnade.core.serving.metrics import Metrics

PORTS = (
    (Port(name="x", shape=("batch", "length"), dtype="float32"),),
    (Port(name="y", shape=("batch",), dtype="float32"),),
)


class ByHand:
    """A worker that is through when the test says so."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []
        self.done: Any = None
        self.killed = False

    def run(self, arrays: Any, done: Any) -> None:
        assert self.done is None, "it was given two batches at a time"
        self.batches.append(arrays["x"])
        self.done = done

    def finish(self, found: Any = None) -> None:
        done, self.done = self.done, None
        done({"y": self.batches[-1].sum(1)} if found is None else found)

    def kill(self) -> None:
        self.killed = True


def x(value: float, length: int = 1, rows: int = 1) -> dict[str, np.ndarray]:
    return {"x": np.full((rows, length), value, np.float32)}


def served(test: Callable[[Batcher, ByHand], Awaitable[None]], *, most: int = 4, **limits: Any) -> None:
    async def main() -> None:
        joiner = Joiner(*PORTS, paddable=["length"])
        batcher = Batcher("p", joiner, limits=Limits(**limits), metrics=Metrics(), most=most)
        worker = ByHand()
        batcher.join(worker)
        await test(batcher, worker)

    asyncio.run(main())


async def asked(batcher: Batcher, *values: dict[str, np.ndarray]) -> list[asyncio.Future[Any]]:
    tasks = [asyncio.ensure_future(batcher.ask(value)) for value in values]
    await asyncio.sleep(0)
    return tasks


def test_a_lone_request_runs_at_once_and_the_next_worker_takes_all_that_wait():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        first, *rest = await asked(batcher, *(x(value) for value in range(6)))
        assert [len(batch) for batch in worker.batches] == [1]
        worker.finish()
        assert (await first)["y"].tolist() == [0]
        assert [len(batch) for batch in worker.batches] == [1, 4]  # up to the limit, the oldest first
        worker.finish()
        worker.finish()
        assert [(await each)["y"].tolist() for each in rest] == [[1], [2], [3], [4], [5]]

    served(test)


def test_rows_count_and_one_that_brings_too_many_runs_alone():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        await asked(batcher, x(0), x(1, rows=3), x(2, rows=9), x(3))
        worker.finish()
        assert len(worker.batches[-1]) == 4  # 3 rows and the one row behind the nine
        worker.finish()
        assert len(worker.batches[-1]) == 9
        worker.finish()

    served(test)


def test_lengths_far_apart_do_not_run_together_and_the_oldest_goes_first():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        tasks = await asked(batcher, x(1, 1), x(1, 40), x(1, 4), x(1, 41), x(1, 4))
        worker.finish()
        assert worker.batches[-1].shape == (2, 41)
        worker.finish()
        assert worker.batches[-1].shape == (2, 4)
        worker.finish()
        assert [(await each)["y"].tolist() for each in tasks] == [[1], [40], [4], [41], [4]]

    served(test)


def test_requests_of_a_dead_worker_run_again_alone_and_are_answered_once():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        tasks = await asked(batcher, x(0), x(1), x(2))
        worker.finish()
        worker.finish(Died())
        assert not any(each.done() for each in tasks[1:])
        batcher.join(worker)  # as the one that takes its place
        worker.finish()
        worker.finish()
        assert [len(batch) for batch in worker.batches] == [1, 2, 1, 1]
        assert [(await each)["y"].tolist() for each in tasks] == [[0], [1], [2]]

    served(test)


def test_a_request_that_kills_whatever_runs_it_is_given_up_and_the_others_are_not():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        first, deadly, other = await asked(batcher, x(0), x(13), x(2))
        worker.finish()
        for _ in range(5):
            if worker.done is None:
                batcher.join(worker)
            if worker.done is None:
                break
            worker.finish(Died() if (worker.batches[-1] == 13).any() else None)
        await first
        with pytest.raises(Fatal, match="3 workers ended"):
            await deadly
        assert (await other)["y"].tolist() == [2]

    served(test)


def test_an_error_of_one_input_is_its_own():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        _, bad, good = await asked(batcher, x(0), x(13), x(2))
        worker.finish()
        worker.finish(FormatError("13 is unlucky"))
        worker.finish(FormatError("13 is unlucky"))
        worker.finish()
        with pytest.raises(FormatError, match="unlucky"):
            await bad
        assert (await good)["y"].tolist() == [2]

    served(test)


def test_what_nobody_waits_for_is_not_computed():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        _, gone, other = await asked(batcher, x(0), x(1), x(2))
        gone.cancel()
        await asyncio.sleep(0)
        worker.finish()
        assert worker.batches[-1].tolist() == [[2]]
        worker.finish()
        assert (await other)["y"].tolist() == [2]

    served(test)


def test_a_full_queue_refuses_and_says_when_to_ask_again():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        tasks = await asked(batcher, x(0), x(1), x(2))
        with pytest.raises(Full) as refused:
            await batcher.ask(x(3))
        assert refused.value.again >= 1
        worker.finish()
        worker.finish()
        assert len(await asyncio.gather(*tasks)) == 3

    served(test, waiting=2)


def test_after_its_time_a_request_is_refused_and_what_overruns_is_killed():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        running, waiting = await asked(batcher, x(0), x(1))
        for each in (running, waiting):
            with pytest.raises(TooLate, match="not answered within"):
                await each
        await asyncio.sleep(0.01)
        assert worker.killed

    served(test, seconds=0.05)


def test_at_the_end_what_waits_and_what_a_worker_gives_back_is_told_so_and_nothing_is_taken():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        running, waiting = await asked(batcher, x(0), x(1))
        batcher.end(Stopping, "this server has stopped")
        for refused in (waiting, batcher.ask(x(2))):
            with pytest.raises(Stopping):
                await refused
        worker.finish(Died())
        with pytest.raises(Stopping):
            await running
        assert not batcher.busy

    served(test)


def test_nobody_is_waited_for_who_does_not_wait_any_more():
    async def test(batcher: Batcher, worker: ByHand) -> None:
        _, waiting = await asked(batcher, x(0), x(1))
        waiting.cancel()
        await asyncio.sleep(0)
        assert batcher.waiting == 1
        worker.finish(Died())  # the first waits again, and no worker is there
        assert batcher.busy
        batcher._late(batcher._waiting[0])
        assert not batcher.busy

    served(test)
