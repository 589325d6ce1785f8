"""The kernels do the same when nothing is compiled."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np

from schemas.config import IndicatorConfig, SignalConfig
from tests.factories import domain, symbol
from tests.unit.analytics.feed import THREE, Feed, flat, minute, missing, through
from tests.unit.analytics.library import CASES, chain_of, random_bars


def digest() -> str:
    """All outputs of a busy hour."""
    conditions = (
        "close crosses above ema_3 and not quality < 50",
        "change(close@5m, 1) > 0 or flat or vwap@5m <= -2 * 3",
        "rank(volume) <= 1 and max(abs(low), trades) > 2",
        "percentile(close) == 0 or coverage < 1",
    )
    signals = [SignalConfig(when, when, debounce_ms=60_000) for when in conditions]
    feed = Feed(domain(indicators=list(THREE), signals=signals, partitions=1))
    feed(*(minute(n, 100.0 + n * n % 13 / 7, volume=n % 3, notional=None) for n in range(40)))
    feed(
        missing(40, "no_trades", filled=True),
        flat(40, 3.0),
        missing(41, "halt"),
        *(minute(n) for n in range(42, 50)),
    )
    feed(minute(7, 91.0, revision=1), minute(40, 92.0, revision=1, fill="refetched"), through(60))
    assert len(feed.out["signals"]) > 5
    return hashlib.sha256(json.dumps(feed.out, sort_keys=True).encode()).hexdigest()


def every_indicator() -> str:
    """The values of every indicator."""
    values = chain_of(random_bars(120), *CASES).values
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def side_by_side() -> str:
    """All outputs of a few minutes of many symbols."""
    names = [f"S{number}" for number in range(9)]
    signals = [SignalConfig("up", "close > ema_3 and volume > 0", debounce_ms=0)]
    kinds = [IndicatorConfig("sma_5", "sma", 5), IndicatorConfig("bb_2", "bollinger", 2), *THREE]
    more = [IndicatorConfig("macd", "macd", parameters={"fast": 1, "slow": 2, "signal": 2})]
    more += [IndicatorConfig("atr_2", "atr", 2), IndicatorConfig("mom", "momentum", 2)]
    feed = Feed(domain(*map(symbol, names), indicators=[*kinds, *more], signals=signals, partitions=1))
    for number in range(7):
        prices = (100.0 + (number * 5 + one) % 7 / 3 for one in range(len(names)))
        feed(*(minute(number, price, symbol=name) for name, price in zip(names, prices, strict=True)))
    assert len(feed.out["signals"]) > 5
    return hashlib.sha256(json.dumps(feed.out, sort_keys=True).encode()).hexdigest()


def test_compiled_kernels_give_what_plain_python_gives():
    names = "digest, every_indicator, side_by_side"
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.unit.analytics.test_plain_python import {names}; print(*(x() for x in ({names})))",
        ],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": "."},
        capture_output=True,
        check=True,
        text=True,
    )
    assert run.stdout.split() == [digest(), every_indicator(), side_by_side()]
