"""A checkpoint lets a rush pass, but not for ever."""

import asyncio
from contextlib import suppress

from streams.transport.rush import Rush

PATIENCE_S = 30.0


async def outlasts(rush: Rush, topic: str, pause: float) -> bool:
    """Whether waiting ends while a lane goes on putting out records."""
    waiting = asyncio.create_task(rush.over())
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not waiting.done():
                rush.note(topic)
                await asyncio.sleep(pause)
    return waiting.done()


def test_a_rush_without_end_is_not_waited_for():
    rush = Rush()
    rush.follow("bars.raw")
    assert asyncio.run(outlasts(rush, "bars.raw", 0.001))


def test_what_no_lane_reads_is_no_rush():
    async def steps() -> int:
        rush = Rush()
        rush.follow("bars.raw")
        rush.note("ready")
        waiting, count = asyncio.create_task(rush.over()), 0
        while not waiting.done():
            await asyncio.sleep(0)
            count += 1
        return count

    assert asyncio.run(steps()) == 1


def test_what_a_lane_reads_is_waited_for():
    async def is_done_at_once() -> bool:
        rush = Rush()
        rush.follow("bars.raw")
        rush.note("bars.raw")
        waiting = asyncio.create_task(rush.over())
        await asyncio.sleep(0)
        done = waiting.done()
        await waiting
        return done

    assert not asyncio.run(is_done_at_once())


def test_a_checkpoint_leaves_a_turn_of_the_loop_to_others():
    async def order() -> list[str]:
        rush, found = Rush(), list[str]()

        async def copy(name: str) -> None:
            async with rush.turn():
                found.append(name)
                asyncio.get_running_loop().call_soon(found.append, f"after {name}")

        await asyncio.gather(*(copy(name) for name in "abc"))
        return found

    assert asyncio.run(order()) == ["a", "after a", "b", "after b", "c", "after c"]
