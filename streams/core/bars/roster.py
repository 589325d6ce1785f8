"""The symbols of one configuration, as arrays over symbols and over groups of symbols with the same sources.

Who decides a minute depends on the symbol's sources alone, so it is reckoned once a group: a heartbeat that
decides nothing costs a few comparisons, however many symbols there are.
"""

from bisect import insort
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.batches.wire import packed, sealed
from schemas.columns import Names
from schemas.config import Domain, SymbolConfig, rules_of
from schemas.errors import ConfigurationError
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE, Interval
from schemas.partition import partitions_of
from streams.core.bars.quality import Slots
from streams.core.bars.window import Window
from streams.core.watermark import FOREVER, NEVER, Watermarks

MS: Final = 1_000_000
"""A millisecond in ns."""
_REMEMBERED: Final = 64  # grids and trade dates whose bars are kept


class Listing:
    """One symbol as it is configured.

    Attributes:
        index: place in the configuration.
        name: canonical symbol.
        config: its configuration.
        rules: those of its asset class.
        future: V08, how far its bars may be ahead of the newest heartbeat, in ns.
        grid: its expected minutes.
        ranks: by source number, the place in its list of sources.
        history: number of its history source, -1 for none.
        played: all its sources play files.
        fills: whether its missing minutes may get flat bars.
    """

    __slots__ = (
        "_last", "config", "fills", "future", "grid", "history", "index", "name", "played", "ranks", "rules",
    )  # fmt: skip

    def __init__(
        self, index: int, config: SymbolConfig, domain: Domain, grid: Grid, feeds: "Feeds", history: int
    ) -> None:
        self.index, self.name, self.config, self.grid = index, config.symbol.encode(), config, grid
        self.rules = rules_of(domain, config)
        self.future = self.rules.future_ms * MS
        self.ranks, self.played, self.history = feeds.ranks, feeds.played, history
        self.fills = "flat" in config.policy
        self._last = (0, 0, -1)

    def session_date(self, ts_open: int) -> int:
        """Trade date of a minute in days, -1 outside; quick where it is the segment of the call before."""
        start, end, date = self._last
        if start <= ts_open < end:
            return date
        segment = int(self.grid.segment(ts_open))
        if segment < 0:
            return -1
        grid = self.grid
        date = int(grid.session_dates[segment])
        self._last = (int(grid.opens[segment]), int(grid.closes[segment]), date)
        return date

    def segment(self, ts_open: int) -> tuple[int, int]:
        """Open and close of the segment of a minute; of one outside, those of the last there is."""
        if self.session_date(ts_open) < 0:
            return int(self.grid.opens[-1]), int(self.grid.closes[-1])
        return self._last[:2]


class Feeds(NamedTuple):
    """The sources of a symbol, shared by all that have the same."""

    ranks: dict[int, int]
    played: bool


def _number(marks: Watermarks, name: str) -> int:
    number = marks.add(name.encode())
    if number < 0:
        raise ConfigurationError(f"source must have a name and find room in its partition, was {name!r}")
    return number


class Roster:
    """All symbols of one configuration in one partition.

    Attributes:
        listings: in configuration order.
        by_name: the same by name.
        groups: source numbers of each group, best first; that of a symbol's history alone, too.
        group: by symbol, the group that decides now.
        members: by group, the symbols that it decides now.
        since: by symbol, subscribed from then on in ns, ``FOREVER`` where not yet; set by ``subscribe``.
        here: by symbol, whether it belongs to this partition.
        waiting: by symbol, whether its history is being loaded.
        floor: by symbol, trade dates before it were let go of under a configuration before, in days.
        deciding: the groups of the symbols that belong here and do not wait for history.
        through: by group, decided up to there.
        best: by group, number of the source that decides.
        led: by source number, -1 for none, the groups that it decides.
        alone: numbers of the sources that are configured with one symbol.
        live: numbers of the sources that write bars as they happen, so never from the future.
    """

    def __init__(self, domain: Domain, marks: Watermarks, partition: int) -> None:
        grids = _grids(domain)
        self.listings = _listed(domain, grids, marks)
        self.by_name = {listing.name: listing for listing in self.listings}
        self.since = [c.ts_from or FOREVER for c in domain.symbols]
        self.here = _homes(self.listings, domain.partitions, partition)
        self.waiting = [x.history >= 0 for x in self.listings]
        self.floor = [0] * len(self.listings)
        self._form_groups(domain.trailing_dates)
        uses = Counter(name for config in domain.symbols for name in dict.fromkeys(config.sources))
        self.alone = {_number(marks, name) for name, symbols in uses.items() if symbols == 1}
        vendors = [s.name for s in domain.sources if s.topic == "bars.raw" and not s.files]
        histories = {config.history for config in domain.symbols}
        self.live = {_number(marks, name) for name in vendors if name not in histories}
        derived = sorted({Interval.parse(name) for name in domain.intervals})
        intervals = [Interval.parse("1m"), *(one for one in derived if one.ns > MINUTE)]
        self._slots = lru_cache(_REMEMBERED)(lambda grid, date: Slots(grid, intervals, date))

    def _form_groups(self, trailing: int) -> None:
        numbers: dict[tuple[int, ...], int] = {}
        live = [numbers.setdefault(tuple(x.ranks), len(numbers)) for x in self.listings]
        loading = [
            numbers.setdefault((x.history, -1), len(numbers)) if x.history >= 0 else live[x.index]
            for x in self.listings
        ]
        self.groups = list(numbers)
        self._live, self._loading = live, loading
        self.through = [NEVER] * len(self.groups)
        self.best = [-1] * len(self.groups)
        self.lead()
        self.regroup()
        both = ((group, x.grid) for x in self.listings for group in (live[x.index], loading[x.index]))
        self.windows = {key: Window(key[1], trailing) for key in dict.fromkeys(both)}
        self.windows_of: list[list[tuple[Grid, Window]]] = [[] for _ in self.groups]
        for (group, grid), window in self.windows.items():
            self.windows_of[group].append((grid, window))

    def regroup(self) -> None:
        """Give each symbol the group that decides it now; call it when ``here`` or ``waiting`` changed.

        Where a single symbol has come, ``arrive`` is enough.
        """
        choices = zip(self.waiting, self._loading, self._live, strict=True)
        self.group = [loading if waits else live for waits, loading, live in choices]
        self.members: list[list[int]] = [[] for _ in self.groups]
        for at, group in enumerate(self.group):
            self.members[group].append(at)
        self.deciding = sorted({
            group
            for group, here, waits in zip(self.group, self.here, self.waiting, strict=True)
            if here and not waits
        })  # fmt: skip
        self._unset: dict[int, list[int]] | None = None

    def arrive(self, at: int) -> None:
        """A symbol belongs here."""
        group = self.group[at]
        self.here[at] = True
        if not self.waiting[at] and group not in self.deciding:
            insort(self.deciding, group)

    def lead(self) -> None:
        """Index the groups by who decides them; call it when ``best`` changed."""
        self.led: dict[int, list[int]] = {}
        for group, best in enumerate(self.best):
            self.led.setdefault(best, []).append(group)

    def subscribe(self, at: int, since: int) -> None:
        """A symbol gets its start."""
        self.since[at] = since
        self._unset = None

    def unset(self, number: int) -> list[int]:
        """Symbols without a start that get one by the next heartbeat of a source."""
        if self._unset is None:
            self._unset = {}
            for at, since in enumerate(self.since):
                for source in self.groups[self.group[at]] if since == FOREVER else ():
                    self._unset.setdefault(source, []).append(at)
        return self._unset.get(number, [])

    def is_loading(self, group: int) -> bool:
        """Whether a group is that of a history source."""
        return -1 in self.groups[group]

    def window(self, listing: Listing) -> Window:
        """The trade dates of a symbol that may be revised."""
        return self.windows[self.group[listing.index], listing.grid]

    def oldest(self, listing: Listing) -> int:
        """The first trade date of a symbol that may be revised, in days."""
        return max(self.window(listing).oldest, self.floor[listing.index])

    def slots(self, grid: Grid, session_date: int) -> Slots:
        """The bars of a trade date; those of the last ones asked for are kept."""
        return self._slots(grid, session_date)

    def inherit(self, other: "Roster") -> None:
        """Take over what the symbols and groups of the configuration before have reached."""
        for listing in self.listings:
            before = other.by_name.get(listing.name)
            if before is None:
                continue
            at, was = listing.index, before.index
            self.since[at] = min(self.since[at], other.since[was])
            self.here[at] = self.here[at] or other.here[was]
            same = before.history == listing.history
            self.waiting[at] = other.waiting[was] if same else listing.history >= 0
            # a first history begins with any trade date, a later one with those that are kept
            if other.waiting[was] or not self.waiting[at] or other.since[was] < FOREVER:
                self.floor[at] = other.oldest(before)
        known: Mapping[tuple[int, ...], int] = {group: n for n, group in enumerate(other.groups)}
        for number, group in enumerate(self.groups):
            if group in known:
                self.through[number] = other.through[known[group]]
        self.regroup()


def _listed(domain: Domain, grids: Mapping[tuple[str, str], Grid], marks: Watermarks) -> list[Listing]:
    """The symbols; sources are met in their order."""
    played = {source.name for source in domain.sources if source.files}
    known: dict[tuple[str, ...], Feeds] = {}
    found = []
    for index, config in enumerate(domain.symbols):
        sources = tuple(config.sources)
        feeds = known.get(sources)
        if feeds is None:
            ranks = {_number(marks, name): place for place, name in enumerate(sources)}
            feeds = known[sources] = Feeds(ranks, bool(sources) and played.issuperset(sources))
        history = _number(marks, config.history) if config.history else -1
        grid = grids[config.calendar, config.anchor]
        found.append(Listing(index, config, domain, grid, feeds, history))
    return found


def _homes(listings: Sequence[Listing], partitions: int, partition: int) -> list[bool]:
    """By symbol, whether it belongs to a partition."""
    if partitions == 0:
        return [False] * len(listings)
    names = Names(listing.name for listing in listings)
    found = partitions_of(sealed(names.data), packed(names.spans), partitions)
    return [bool(home) for home in (found == partition).tolist()]


def _grids(domain: Domain) -> dict[tuple[str, str], Grid]:
    found: dict[tuple[str, str], Grid] = {}
    for config in domain.symbols:
        key = (config.calendar, config.anchor)
        if config.calendar not in domain.calendars:
            raise ConfigurationError(f"calendar of {config.symbol} must be known, was {config.calendar!r}")
        if key not in found:
            found[key] = Grid(domain.calendars[config.calendar], config.anchor)
    return found
