"""The kernels as plain Python give what the compiled ones give."""

import json
import os
import subprocess
import sys

PROGRAM = """
import json, sys, warnings
warnings.simplefilter("error")
import numpy as np
from schemas.batches.encode import Encoder
from schemas.batches.frames import from_batches
from schemas.batches.lookup import Lookup
from schemas.codec import LOCAL_IDS, encode_record
from schemas.errors import SchemaError
from schemas.topics import TOPICS
from tests.property.test_frames import batch, resealed
from tests.records import decoded

def value(record, **fields):
    return encode_record(record, LOCAL_IDS[record], fields)

largest = 2**63 - 1
values = [
    value("Heartbeat", source="s", writer="w", ts=-largest - 1, alive=True, ts_last=largest, ts_through=-1),
    value("Tick", symbol="SPY", ts_event=10**18, ts_recv=10**18, price=1.25, size=None, seq=3, source="s"),
]
ready = value(
    "IndicatorValues", symbol="SPY", interval="1m", ts_open=0, ts_close=1, revision=0, bar_revision=0,
    values={"ema_20": float("nan")}, converged=["a", "b"], ts_expires=9,
)
columns = decoded(TOPICS["ticks.raw"], [*values, values[1][:-1], b"\\0"])
frames = from_batches([batch([(n, 5, b"k", value) for n, value in enumerate(values)], 3)])
indicators = decoded(TOPICS["indicators"], [ready])
encoded = Encoder(TOPICS["indicators"], LOCAL_IDS).encode(indicators)
cut = [  # each alone in its buffer, beyond whose end plain Python would not read
    decoded(TOPICS["ticks.raw"], [one[:size]]).kinds.tolist()
    for one in values
    for size in range(len(one) + 1)
]
whole = batch([(n * 10**6, 5 + n * 10**6, b"k" * 12, b"v" * 70 * n) for n in range(3)])

def torn(size):
    raw = bytearray(whole[:size])
    raw[8:12] = (size - 12).to_bytes(4, "big")
    try:
        return len(from_batches([resealed(raw)]))
    except SchemaError as error:
        return str(error)

shown = [
    cut, [torn(size) for size in range(61, len(whole) + 1)],
    columns.kinds.tolist(), columns.rows.tolist(), columns.tables[0].tolist(), frames.values.tolist(),
    Lookup([b"AIG", b"SPY"]).find(columns.data, columns.table("Tick")["symbol"]).tolist(),
    [text.hex() for _, text, _ in encoded.records()],
]
json.dump(shown, sys.stdout)
"""


def run(disabled: str) -> object:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kernels_without_the_compiler_give_the_same() -> None:
    assert run("1") == run("0")
