"""Minutes and seconds worked out anew from the prints that are kept, as they stand corrected."""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from schemas.flags import NONPOSITIVE, OFF_TICK, PARTIAL
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.corrections.kept import CANCEL, CONFIRMED, CORRECT, DOUBTED, ENTRY, PRINT, Kept
from streams.core.ticks.rows import NOTHING, PRICED, Rows
from streams.core.ticks.state import State, folds_of, note

Identity: TypeAlias = tuple[int, int]
"""Window and number."""

_FLAG: Final = 1  # position in schemas.config.Action
_OFF: Final = 1e-6  # V12: share of a tick that rounding may take
_SHOWN: Final = (
    "open", "high", "low", "close", "volume", "notional", "trades", "prints", "ts_first", "seq_first",
    "ts_last", "seq_last", "flags",
)  # fmt: skip


class Word(NamedTuple):
    """What a venue says of the prints of an identity; of several words the greatest holds.

    Attributes:
        is_cancel: they never were, which nothing takes back.
        ts_event: when it said so.
        price: NaN leaves theirs.
        size: NaN leaves theirs.
    """

    is_cancel: bool
    ts_event: int
    price: float
    size: float

    def order(self) -> tuple[bool, int, float, float]:
        """The greatest word holds; null stands before every number."""
        price, size = (-np.inf if np.isnan(one) else one for one in (self.price, self.size))
        return self.is_cancel, self.ts_event, price, size


def words_of(kept: Kept) -> dict[Identity, Word]:
    """The words that hold among the entries."""
    found: dict[Identity, Word] = {}
    rows = kept.rows
    for row in rows[rows["kind"] >= CANCEL]:
        word = Word(row["kind"] == CANCEL, int(row["ts_event"]), float(row["price"]), float(row["size"]))
        hear(found, (int(row["window"]), int(row["number"])), word)
    return found


def hear(words: dict[Identity, Word], who: Identity, word: Word) -> bool:
    """Take a word up; whether it holds now."""
    before = words.get(who)
    if before is not None and word.order() <= before.order():
        return False
    words[who] = word
    return True


def standing(kept: Kept, words: Mapping[Identity, Word], owner: np.void, start: int, length: int) -> Rows:
    """The prints that count in an interval, in log order, as they stand corrected.

    Args:
        kept: all entries.
        words: the words that hold.
        owner: PAIR row.
        start: of the interval, ns.
        length: of it; the second of an auction print after the close is its minute alone.
    """
    rows = kept.rows
    inside = (rows["ts_bar"] >= start) & (rows["ts_bar"] < start + length) & (rows["kind"] <= DOUBTED)
    if length == SECOND:
        inside &= rows["ts_bar"] == rows["ts_event"]
    prints = rows[inside]
    counts = prints["kind"] == PRINT
    if not counts.all():
        confirmed = rows["number"][rows["kind"] == CONFIRMED]
        counts |= np.isin(prints["offset"], confirmed)
    for place in np.flatnonzero(np.isin(prints["number"], [number for _, number in words])).tolist():
        one = prints[place]
        word = words.get((int(one["window"]), int(one["number"])))
        if word is not None:
            counts[place] = not word.is_cancel
            _correct(one, word, owner)
    found: Rows = prints[counts & (prints["folds"] != NOTHING)]
    return found


def _correct(one: np.void, word: Word, owner: np.void) -> None:
    one["size"] = one["size"] if np.isnan(word.size) else word.size
    if np.isnan(word.price):
        return
    one["price"] = word.price
    flags = int(one["flags"]) & ~(NONPOSITIVE | OFF_TICK)
    flags |= NONPOSITIVE if word.price <= 0.0 and owner["nonpositive"] == _FLAG else 0
    if owner["tick_size"] > 0.0:
        ticks = word.price / owner["tick_size"]
        flags |= OFF_TICK if abs(ticks - np.rint(ticks)) > _OFF else 0
    one["flags"] = flags


def fold_anew(row: np.void, prints: Rows) -> bool:
    """Make a row what it would be of these prints alone; whether it says anything else by it."""
    before = [row[name] for name in _SHOWN]
    sized = prints[~np.isnan(prints["size"])]
    row["volume"], row["notional"] = _sum(sized["size"]), _sum(sized["price"] * sized["size"])
    row["trades"] = len(sized)
    priced = prints[prints["folds"] == PRICED]
    row["prints"] = len(priced)
    row["flags"] = int(row["flags"]) & PARTIAL
    if len(priced):
        priced = priced[np.lexsort((priced["price"], priced["seq"], priced["ts_event"]))]
        first, last = priced[0], priced[-1]
        row["open"], row["close"] = first["price"], last["price"]
        row["high"], row["low"] = priced["price"].max(), priced["price"].min()
        row["ts_first"], row["seq_first"] = first["ts_event"], first["seq"]
        row["ts_last"], row["seq_last"] = last["ts_event"], last["seq"]
        row["flags"] |= np.bitwise_or.reduce(priced["flags"])
    changed = [row[name] for name in _SHOWN] != before
    row["dirty"] |= changed
    return changed


def _sum(values: Rows) -> float:
    """Sum in log order, as the fold adds."""
    return float(np.add.accumulate(values)[-1]) if len(values) else 0.0


def rebuild(
    state: State, pair: int, kept: Kept, words: Mapping[Identity, Word], one: np.void, offset: int
) -> None:
    """Work the minute and the second of a kept print out anew, where they are there and open to a record.

    Args:
        state: changed.
        pair: its number.
        kept: its entries.
        words: the words that hold.
        one: an ENTRY row.
        offset: of the record in hand.
    """
    owner, ts = state.pairs[pair], int(one["ts_event"])
    folds = folds_of(state, pair)
    ts_open = ts - ts % SECOND
    second = folds[state.minutes + ((ts // SECOND) & (state.seconds - 1))]
    if second["ts_open"] == ts_open and offset > second["offset"] and one["ts_bar"] == ts:
        fold_anew(second, standing(kept, words, owner, ts_open, SECOND))
    ts = int(one["ts_bar"])
    ts_open = ts - ts % MINUTE
    slot = (ts // MINUTE) & (state.minutes - 1)
    minute = folds[slot]
    if minute["ts_open"] == ts_open and offset > minute["offset"]:
        note(state, owner, slot)
        changed = fold_anew(minute, standing(kept, words, owner, ts_open, MINUTE))
        _await_revision(owner, state.sources[owner["source"]], minute, changed=changed)


def _await_revision(owner: np.void, source: np.void, minute: np.void, *, changed: bool) -> None:
    """Note whether a closed minute is to be published anew; one that never was and is empty is not."""
    if minute["closed"] == 0 or owner["last_price"] == 1:
        return
    wanted = int((changed or minute["changed"] == 1) and (minute["prints"] > 0 or minute["revision"] >= 0))
    step = wanted - int(minute["changed"])
    minute["changed"], minute["dirty"] = wanted, 1
    owner["pending"] += step
    source["pending"] += step


def entry(who: Identity, word: Word, offset: int, ts_bar: int) -> Rows:
    """A correction as an entry."""
    row = np.zeros(1, ENTRY)
    row["kind"] = CANCEL if word.is_cancel else CORRECT
    row["window"], row["number"] = who
    row["offset"], row["ts_event"], row["ts_bar"] = offset, word.ts_event, ts_bar
    row["price"], row["size"] = word.price, word.size
    return row
