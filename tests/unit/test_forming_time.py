"""The record timestamp is the event time: of a bar its close, of a forming bar its last tick."""

import pytest

from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS
from schemas.columns import Draft
from schemas.topics import TOPICS


@pytest.mark.parametrize(("topic", "milliseconds"), [("bars.1m", 60_000), ("bars.forming", 5_000)])
def test_the_timestamp_is_the_event_time(topic: str, milliseconds: int):
    draft = Draft(topic, 0)
    draft.row("Bar", symbol="SPY", interval="1m", ts_close=60 * 10**9, ts_last=5 * 10**9, fill="real")
    assert Encoder(TOPICS[topic], LOCAL_IDS).encode(draft.finish()).timestamps.tolist() == [milliseconds]
