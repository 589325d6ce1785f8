"""The symbols of one partition: those that are awake, and those that are saved and not needed yet.

::

    saved, a new configuration      asleep: bytes, under whatever configuration they were saved
    the first record above it       awake: a state under the plan in force
    history of a stranger           asleep, until a configuration names it

A symbol wakes at the first record above its offset: only then is the configuration surely its own.
"""

from collections.abc import Iterable, Iterator, Mapping

from streams.core.analytics.plan import Plan
from streams.core.analytics.revise import NEVER, next_due
from streams.core.analytics.rows import NONE
from streams.core.analytics.saved import Asleep, Saved, name_of
from streams.core.analytics.state import SymbolState, begun_at
from streams.core.analytics.warmup import MOST_STRANGERS, with_history


class Symbols:
    """The symbols of one partition.

    Attributes:
        awake: states under the plan in force, by name.
        asleep: saved ones, by name.
        owing: names of those awake with bars for which functions are due.
        due: no derived bar of those awake closes before it, ns.
        dirty: names of those that changed since the last ``take_dirty``.
    """

    def __init__(self) -> None:
        self.awake: dict[bytes, SymbolState] = {}
        self.asleep: dict[bytes, Asleep] = {}
        self.owing: set[bytes] = set()
        self.due = NEVER
        self.dirty: set[bytes] = set()
        self._plan: Plan | None = None

    def restore(self, plan: Plan | None, states: Mapping[bytes, tuple[int, bytes]]) -> None:
        """Take up saved symbols.

        Args:
            plan: the configuration in force, None before the first.
            states: offset and body by state key, of symbols alone.
        """
        self._plan = plan
        self.asleep = {key: Asleep.of(key, states) for key in states if name_of(key) == key}

    def configure(self, plan: Plan | None, offset: int) -> None:
        """Let every symbol take itself up anew, under the new plan, when it is next needed.

        Args:
            plan: the configuration, None before the first.
            offset: of its record.
        """
        self._plan = plan
        for name, state in self.awake.items():
            self.asleep[name] = Asleep(offset - 1, state.saved().to_bytes())
        self.awake = {}
        self.owing = set()

    def find(self, name: bytes, offset: int, ts_open: int = NONE) -> SymbolState | None:
        """State of a symbol, None where it is unknown or reflects this record already.

        A new one begins at the trade date of a minute: to begin further back and move on takes twice as long.

        Args:
            name: the symbol.
            offset: of the record.
            ts_open: start of the minute that the record is of, NONE where it is of none.
        """
        plan = self._plan.symbols.get(name) if self._plan else None
        if plan is None:
            return None
        if name not in self.awake:
            asleep = self.asleep.get(name)
            if asleep is not None and asleep.offset >= offset:
                return None
            self.asleep.pop(name, None)
            saved = begun_at(plan.layout, ts_open) if asleep is None else asleep.saved()
            self.awake[name] = SymbolState(name, saved, plan)
            self.due = min(self.due, next_due(self.awake[name]))
            if self.awake[name].owes:
                self.owing.add(name)
        return self.awake[name]

    def wake_all(self, offset: int) -> None:
        """Take up every symbol for which a record counts."""
        for name in list(self.asleep):
            self.find(name, offset)

    def keep_history(self, name: bytes, interval: int, data: bytes, offset: int, version: int) -> None:
        """History of a symbol that a configuration to come may name waits for it.

        Args:
            name: the symbol.
            interval: length of its bars, ns.
            data: the bars, HISTORY rows.
            offset: of the record.
            version: of the configuration in force.
        """
        asleep = self.asleep.get(name)
        if (asleep is None or asleep.offset < offset) and len(self.asleep) < MOST_STRANGERS:
            saved = Saved(0) if asleep is None else asleep.saved()
            self.asleep[name] = Asleep(offset, with_history(saved, interval, data, version).to_bytes())
            self.dirty.add(name)

    def take_due(self, watermark: int) -> list[SymbolState]:
        """Those awake with bars that close now, by name; ``due`` is that of the others from here on."""
        found, self.due = list[SymbolState](), NEVER
        for name in sorted(self.awake):
            due = next_due(self.awake[name])
            if due <= watermark:
                found.append(self.awake[name])
            else:
                self.due = min(self.due, due)
        return found

    def moved(self, states: Iterable[SymbolState]) -> None:
        """Note that some that are awake got their next bars."""
        for state in states:
            self.dirty.add(state.name)
            if state.waiting:
                self.due = min(self.due, next_due(state))

    def take_dirty(self) -> Iterator[tuple[bytes, bytes]]:
        """State keys and bodies of what changed since the last call, by name."""
        for name in sorted(self.dirty):
            state = self.awake.get(name)
            yield (name, self.asleep[name].whole) if state is None else state.save()
        self.dirty.clear()
