"""Batches that follow each other before they are answered: in order and once, whatever becomes of one."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from runtime.sending import outbox
from runtime.sending.errors import DeliveryError
from runtime.sending.outbox import Queue
from runtime.sending.sender import Sender
from schemas.batches.encode import Encoded
from schemas.batches.frames import from_batches
from schemas.batches.headers import HEADER
from tests.eventually import eventually
from tests.unit.test_sender_brokers import Brokers, run

NOT_LEADER, LATE, TOO_LARGE, GAP = 6, 7, 10, 45
LAST = 5
"""Batches that a broker knows of a producer."""


class Strict(Brokers):
    """Look at sequence numbers as Kafka does, and keep what they take.

    Attributes:
        log: values on each partition.
        odds: of what goes wrong, by name.
        wrong: how often it did.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.log: dict[int, list[bytes]] = {0: [], 1: []}
        self.odds: dict[str, int] = {}
        self.wrong = 0
        self._random = Random(seed)
        self._known: dict[int, list[tuple[int, int]]] = {}  # of batches: first number, and the one after them

    def forget(self) -> None:
        """Know no producer any more."""
        self._known.clear()

    def take(self, partition: int, data: bytes) -> int:
        fate = self._fate()
        self.wrong += fate != ""
        if fate == "refuse":
            return NOT_LEADER
        if fate == "hang up before":
            raise ConnectionError
        code = self._append(partition, data)
        if fate == "hang up after":
            raise ConnectionError
        return {"late": LATE, "say nothing": -1}.get(fate, code)

    def _fate(self) -> str:
        names = list(self.odds)
        return self._random.choices(names, [self.odds[name] for name in names])[0] if names else ""

    def _append(self, partition: int, data: bytes) -> int:
        *_, sequence, count = HEADER.unpack_from(data)
        known = self._known.setdefault(partition, [])
        if any(first == sequence for first, _ in known[-LAST:]):
            return 0
        if known and sequence != known[-1][1]:
            return GAP
        values = values_of(data)
        if b"too large" in values:
            return TOO_LARGE
        self.log[partition] += values
        known.append((sequence, sequence + count))
        return 0


def values_of(data: bytes) -> list[bytes]:
    """Values of a batch, in order."""
    frames = from_batches([data], 0, [])
    whole = frames.data.tobytes()
    return [whole[at : at + size] for at, size in frames.values.tolist()]


def send(sender: Sender, *texts: bytes, partition: int = 0) -> None:
    records = Encoded.of([None] * len(texts), texts, np.ones(len(texts), np.int64))
    sender.send_all("t", records, partition=partition)


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


async def send_one_by_one(sender: Sender, texts: list[bytes], partition: int = 0) -> None:
    """Send in as many calls, and let the sender look after each."""
    for text in texts:
        send(sender, text, partition=partition)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize(("partition", "under_way"), [(0, 5), (1, 1)])
def test_batches_follow_each_other_but_none_the_first_of_a_partition(partition: int, under_way: int):
    async def case(brokers: Strict, sender: Sender) -> None:
        (line,) = sender._lines.values()
        before = len(brokers.log[partition])
        brokers.may_answer.clear()
        await send_one_by_one(sender, numbers(20), partition)
        assert line._under_way == under_way
        brokers.may_answer.set()
        await sender.flush()
        assert brokers.log[partition][before:] == numbers(20)
        assert brokers.got[1] == 1 + under_way + 1  # what had to wait went together

    run(case, Strict)


ODDS = {"": 12, "refuse": 1, "late": 1, "say nothing": 1, "hang up before": 1, "hang up after": 1}


async def through_faults(brokers: Strict, sender: Sender) -> list[bytes]:
    """Values on the first partition, but for the one before: sent while much went wrong."""
    brokers.odds = ODDS
    for start in range(0, 300, 10):
        await send_one_by_one(sender, numbers(300)[start : start + 10])
        await asyncio.sleep(0.08)
    brokers.odds = {}
    await sender.flush()
    return brokers.log[0][1:]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_becomes_of_a_batch_all_arrive_in_order_and_once(seed: int):
    async def case(brokers: Strict, sender: Sender) -> None:
        assert await through_faults(brokers, sender) == numbers(300)
        assert brokers.wrong > 10

    run(case, lambda: Strict(seed=seed), timeout_ms=60_000)


def go_on_at_once(sender: Sender, queue: Queue) -> None:
    """What a sender must not do: let the rest follow a batch that was not taken."""
    queue.is_held_up = False
    if not queue.waits and queue.may_go_on:
        sender._route(queue)


def test_without_waiting_for_the_rest_they_would_not(monkeypatch: pytest.MonkeyPatch):
    async def case(brokers: Strict, sender: Sender) -> None:
        with pytest.raises(DeliveryError, match="OutOfOrderSequenceNumber"):
            await through_faults(brokers, sender)

    monkeypatch.setattr(Sender, "go_on", go_on_at_once)
    run(case, Strict, timeout_ms=2_000)


def refuse_one_and_forget(brokers: Strict) -> Callable[[int, bytes], int]:
    """Take as ``brokers`` do, but for the next batch, after which no producer is known."""
    take = brokers.take

    def other(*_: object) -> int:
        brokers.take = take  # type: ignore[method-assign]
        brokers.forget()
        return NOT_LEADER

    return other


@pytest.mark.parametrize("known_s", [0.0, 60.0])
def test_nothing_follows_where_the_broker_may_have_forgotten_the_producer(
    known_s: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "_KNOWN_S", known_s)

    async def case(brokers: Any, sender: Sender) -> None:
        send(sender, b"again")
        await sender.flush()
        brokers.take = refuse_one_and_forget(brokers)
        await send_one_by_one(sender, numbers(3))
        if known_s == 0.0:
            await sender.flush()
            assert brokers.log[0][2:] == numbers(3)
        else:  # one that it took for the first is behind those that it had refused: never silently
            with pytest.raises(DeliveryError):
                await sender.flush()

    run(case, Strict)


def test_what_follows_a_refused_batch_arrives_all_the_same():
    async def case(brokers: Strict, sender: Sender) -> None:
        await send_one_by_one(sender, [b"before", b"too large", *numbers(10)])
        with pytest.raises(DeliveryError):
            await sender.flush()
        await asyncio.to_thread(eventually, lambda: not sender.outstanding)
        assert brokers.log[0][1:] == [b"before", *numbers(10)]

    run(case, Strict)


def test_what_a_new_leader_gets_waits_for_the_answer_of_the_old_one():
    async def case(brokers: Strict, sender: Sender) -> None:
        brokers.may_answer.clear()
        await send_one_by_one(sender, [b"to the old one"])
        brokers.leader = 2
        await sender._client.force_metadata_update()
        await send_one_by_one(sender, [b"to the new one"])
        await asyncio.sleep(0.1)
        assert brokers.got == {1: 2, 2: 0}
        brokers.may_answer.set()
        await sender.flush()
        assert brokers.got == {1: 2, 2: 1}
        assert brokers.log[0][1:] == [b"to the old one", b"to the new one"]

    run(case, Strict)
