"""What a pair notes of its rings leaves nothing out: whoever closes or saves looks at nothing else."""

from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.columns import Columns
from streams.core.stage import Outputs
from streams.core.ticks.rows import MET
from streams.core.ticks.stage import TicksStage
from streams.core.ticks.state import MINUTES, SECONDS, State
from streams.core.watermark import NEVER
from tests.factories import columns
from tests.property.test_ticks_stage import made, through


def left_out(state: State) -> int:
    """Pairs, minutes and seconds that are in use or dirty, and are not noted."""
    count = int(state.used[MET])
    pairs = state.pairs[:count]
    found = int(np.count_nonzero((pairs["dirty"] != 0) & (pairs["listed"] == 0)))
    for slot in range(state.minutes + state.seconds):
        ring = MINUTES if slot < state.minutes else SECONDS
        rows, noted = state.folds[:, slot].reshape(-1)[:count], state.pairs["in_use"][:count, ring]
        is_open = (rows["ts_open"] != NEVER) & (rows["closed"] == 0)
        is_dirty = rows["dirty"] != 0
        in_use, dirty = (
            noted >> (slot & 63) & 1,
            (noted | state.pairs["let_go"][:count, ring]) >> (slot & 63) & 1,
        )
        found += int(np.count_nonzero((is_open | (rows["changed"] == 1)) & (in_use == 0)))
        found += int(np.count_nonzero(is_dirty & (dirty == 0)))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 32), st.integers(5, 80), st.booleans())
def test_whatever_is_in_use_or_dirty_is_noted(seed: int, length: int, grow: bool):
    log, pick, stage = made(seed, length, grow=grow), Random(seed), TicksStage(0)
    kept = dict[bytes, bytes]()
    for at in range(len(log)):
        stage.step(columns("ticks.raw", 0, log[at], first_offset=at))
        assert left_out(stage._state) == 0
        if pick.random() < 0.2:
            kept |= stage.take_dirty()
            assert left_out(stage._state) == 0
            if pick.random() < 0.3:
                stage = TicksStage(0)
                stage.restore(kept)
                assert left_out(stage._state) == 0


def test_a_stage_that_forgets_what_is_in_use_is_noticed(monkeypatch: pytest.MonkeyPatch):
    honest = TicksStage.step

    def forgetful(stage: TicksStage, batch: Columns) -> Outputs:
        outputs = honest(stage, batch)
        stage._state.pairs["in_use"] = 0
        return outputs

    logs_of_some = [made(seed, 80) for seed in range(10)]
    whole = [through(log, range(0, 80, 7))[0] for log in logs_of_some]
    monkeypatch.setattr(TicksStage, "step", forgetful)
    assert [through(log, range(0, 80, 7))[0] for log in logs_of_some] != whole
