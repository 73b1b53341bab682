"""Who comes in, whose turn it is, who has waited long enough; and nothing is cleared away under what still works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi")

from colonnade.core.errors import ConfigError
from colonnade.core.serving.gate import Gate
from colonnade.core.serving.limits import Full, Limits, Stopping, TooLate, TooLong


def gate_of(**limits: Any) -> Gate:
    return Gate(Limits(**limits), anyio.CapacityLimiter(1))


async def through(gate: Gate, work: Callable[[], Any], done: Callable[[], None] = lambda: None) -> Any:
    with gate.entered() as until:
        return await gate.computed(work, until=until, done=done)


def test_one_is_computed_at_a_time_and_all_are_answered():
    running, most = 0, 0

    def work() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        threading.Event().wait(0.01)
        running -= 1
        return 7

    async def main() -> list[int]:
        gate = gate_of(waiting=8)
        return await asyncio.gather(*(through(gate, work) for _ in range(6)))

    assert asyncio.run(main()) == [7] * 6
    assert most == 1


def test_beyond_what_may_wait_it_is_refused_with_a_time_to_ask_again():
    release = threading.Event()

    async def main() -> Full:
        gate = gate_of(waiting=1)
        inside = [asyncio.ensure_future(through(gate, release.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Full, match="1 wait already") as refused:
            await through(gate, release.wait)
        release.set()
        assert await asyncio.gather(*inside) == [True, True]
        await through(gate, release.wait)  # there is room again
        return refused.value

    assert asyncio.run(main()).again >= 1


def test_whose_turn_does_not_come_is_never_computed_and_is_cleared_away():
    release, computed, cleared = threading.Event(), [], []

    async def main() -> None:
        gate = gate_of(waiting=4, seconds=0.1)
        with gate.entered():
            first = asyncio.ensure_future(
                gate.computed(release.wait, until=asyncio.get_running_loop().time() + 60, done=lambda: None)
            )
            await asyncio.sleep(0.01)
            with pytest.raises(TooLate, match="did not come within"):
                await through(gate, lambda: computed.append(1), done=lambda: cleared.append(1))
            release.set()
            assert await first

    asyncio.run(main())
    assert (computed, cleared) == ([], [1])


def test_what_takes_too_long_is_given_up_but_nothing_is_cleared_away_under_it():
    release, cleared = threading.Event(), []

    async def main() -> None:
        gate = gate_of(waiting=4, seconds=0.05)
        with pytest.raises(TooLong, match="longer than"):
            await through(gate, release.wait, done=lambda: cleared.append(1))
        assert cleared == []
        await asyncio.sleep(0.02)
        assert gate.overdue > 0
        release.set()
        for _ in range(100):
            if cleared:
                break
            await asyncio.sleep(0.01)
        assert gate.overdue == 0
        assert await through(gate, lambda: "next") == "next"

    asyncio.run(main())
    assert cleared == [1]


def test_a_stopped_gate_lets_nobody_in_and_answers_who_is_inside():
    release = threading.Event()

    async def main() -> None:
        gate = gate_of()
        inside = asyncio.ensure_future(through(gate, release.wait))
        await asyncio.sleep(0.01)
        gate.stop()
        with pytest.raises(Stopping):
            await through(gate, release.wait)
        release.set()
        assert await inside

    asyncio.run(main())


def test_what_nobody_waits_for_is_not_computed():
    async def gone() -> bool:
        return False

    async def main() -> Any:
        gate = gate_of()
        with gate.entered() as until:
            return await gate.computed(lambda: pytest.fail("computed"), until=until, done=lambda: None, wanted=gone)

    assert asyncio.run(main()) is None


def test_an_error_of_the_work_is_the_callers():
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await through(gate_of(), lambda: 1 // 0)

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [{"waiting": -1}, {"seconds": 0}, {"seconds": float("nan")}, {"stopping": -1}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="limits are"):
        Limits(**wrong)
