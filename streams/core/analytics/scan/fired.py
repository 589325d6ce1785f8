"""Signals as they are found, and the records that tell of them.

Order: by the update that raised them; of one update by condition.
Emits: for each signal a record for each broker that trades the symbol.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.batches.nested import map_key
from schemas.columns import Bytes, Columns, Draft
from schemas.jit import kernel
from schemas.market.symbols import SymbolMap
from schemas.records import record_type
from streams.core.analytics.cells import write_count, write_double, write_text
from streams.core.analytics.rows import NONE, Floats, Ints, Rows
from streams.core.analytics.scan.program import Program

_COUNT, _END = 5, 1  # most bytes of the count that begins a map, and those that end it


class Telling:
    """What the signals of a program tell.

    Attributes:
        registers: int64[conditions, most], of each value that a signal tells; NONE beyond the last.
        texts: names of the values one after the other, each as Avro has it.
        ends: int64[conditions, most + 1], where those of a condition end; the first is where they begin.
        most_bytes: of the values of a signal.
        names: of the conditions.
        intervals: the shortest that each reads.
    """

    def __init__(self, program: Program) -> None:
        conditions = program.conditions
        most = max((len(one.told) for one in conditions), default=0)
        self.registers = np.full((len(conditions), most), NONE, np.int64)
        self.ends = np.zeros((len(conditions), most + 1), np.int64)
        texts = bytearray()
        for number, one in enumerate(conditions):
            self.ends[number] = len(texts)
            for place, (name, register) in enumerate(one.told.items()):
                texts += map_key(name)
                self.registers[number, place], self.ends[number, place + 1 :] = register, len(texts)
        self.texts = np.frombuffer(bytes(texts), np.uint8)
        longest = int((self.ends[:, -1] - self.ends[:, 0]).max()) if len(conditions) else 0
        self.most_bytes = longest + 8 * most + _COUNT + _END
        self.names = [one.name.encode() for one in conditions]
        self.intervals = [one.interval.encode() for one in conditions]


@dataclass(frozen=True, slots=True, eq=False)
class Fired:
    """Some signals of one program.

    Attributes:
        telling: what they tell.
        orders: int64[n], place of each among the signals of a step; ties keep their order.
        symbols: their symbols in UTF-8.
        found: int64[n, 5], see ``edges.rise``.
        values: float64[n, most], NaN where unknown.
    """

    telling: Telling
    orders: Ints
    symbols: list[bytes]
    found: Ints
    values: Floats


class Told:
    """Makes records of signals.

    Args:
        partition: number of the partition.
        names: what brokers call the symbols.
    """

    def __init__(self, partition: int, names: SymbolMap) -> None:
        self._partition = partition
        self._names = names
        self._brokers: dict[bytes, list[tuple[bytes, bytes]]] = {}

    def columns(self, fired: Sequence[Fired]) -> Columns:
        """The records of some signals, at least one."""
        draft, known = Draft("signals", self._partition), _joined(fired)
        rows = np.concatenate([_rows(one, draft) for one in known])
        order = np.argsort(np.concatenate([one.orders for one in known]), kind="stable")
        if self._names.has_brokers:
            symbols = [symbol for one in known for symbol in one.symbols]
            told = [(at, broker, name) for at in order.tolist() for broker, name in self._called(symbols[at])]
            rows = rows[[at for at, _, _ in told]]
            rows["broker"] = draft.texts(broker for _, broker, _ in told)
            rows["venue_symbol"] = draft.texts(name for _, _, name in told)
        else:
            rows = rows[order]
            rows["broker"], rows["venue_symbol"] = draft.texts([b""]), rows["symbol"]
        draft.extend("Signal", rows)
        return draft.finish()

    def _called(self, symbol: bytes) -> list[tuple[bytes, bytes]]:
        """Brokers that trade a symbol and what they call it."""
        known = self._brokers.get(symbol)
        if known is None:
            names = self._names.brokers(symbol.decode())
            known = [(broker.encode(), name.encode()) for broker, name in names] or [(b"", symbol)]
            self._brokers[symbol] = known
        return known


def _joined(fired: Sequence[Fired]) -> list[Fired]:
    """The signals of each program in one."""
    found = []
    for telling in dict.fromkeys(one.telling for one in fired):
        own = [one for one in fired if one.telling is telling]
        orders, rows, values = (
            np.concatenate(parts)
            for parts in zip(*((one.orders, one.found, one.values) for one in own), strict=True)
        )
        found.append(Fired(telling, orders, [name for one in own for name in one.symbols], rows, values))
    return found


def _rows(fired: Fired, draft: Draft) -> Rows:
    """Rows of ``Signal`` without brokers, their texts in a draft."""
    telling, found = fired.telling, fired.found
    numbers = found[:, 1]
    rows = record_type("Signal").empty(len(found))
    rows["symbol"] = draft.texts(fired.symbols)
    rows["name"] = draft.texts(telling.names)[numbers]
    rows["interval"] = draft.texts(telling.intervals)[numbers]
    rows["ts_event"], rows["revision"], rows["ts_expires"] = found[:, 2], found[:, 3], found[:, 4]
    data = np.zeros(len(found) * telling.most_bytes, np.uint8)
    spans = np.empty((len(found), 2), np.int64)
    bits = fired.values.view(np.int64)
    _write(fired.values, bits, telling.registers, numbers, telling.texts, telling.ends, data, spans)
    rows["values"]["at"] = draft.size + spans[:, 0]
    rows["values"]["size"] = spans[:, 1] - spans[:, 0]
    draft.append(data)
    return rows


@kernel
def _write(
    values: Floats, bits: Ints, registers: Ints, numbers: Ints, texts: Bytes, ends: Ints, data: Bytes,
    spans: Ints,
) -> None:  # fmt: skip
    """Write maps of what is known, each into as many bytes as the next one."""
    for i in range(len(numbers)):
        number, at, known = numbers[i], i * (len(data) // len(numbers)), 0
        for place in range(registers.shape[1]):
            known += registers[number, place] >= 0 and not np.isnan(values[i, place])
        spans[i, 0] = at
        at = write_count(data, at, known)
        for place in range(registers.shape[1]):
            if registers[number, place] >= 0 and not np.isnan(values[i, place]):
                at = write_text(data, at, texts, ends[number, place], ends[number, place + 1])
                at = write_double(data, at, bits[i, place])
        if known > 0:
            data[at] = 0
            at += 1
        spans[i, 1] = at
