"""Show how the value of each indicator depends on the length of history."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from schemas.config import IndicatorConfig
    from schemas.history import Rows
    from streams.core.analytics.indicators.program import Program

SHARES = (0.25, 0.5, 1.0, 2.0)
"""Of the bars that an indicator is said to need: the lengths that are tried."""
_LEAST = 20_000
_TIMES = 3  # so many times the bars that the longest one needs: what it is compared with has converged
_FEW = 2_000


class Line(NamedTuple):
    """What is told of one value of an indicator.

    Attributes:
        name: of the value.
        ready: bars after which it is there, 0 where it never is.
        needed: bars after which it has converged.
        value: over all bars, NaN where there is none.
        errors: how far it is off over ``SHARES`` of those bars, relative to itself; NaN while not ready, or
            where there are not so many bars.
        converged: whether it has over all bars.
    """

    name: str
    ready: int
    needed: int
    value: float
    errors: tuple[float, ...]
    converged: bool


@click.command(help=__doc__)
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option("--symbol", help="Over the stored bars of this symbol; without, over made-up ones.")
@click.option("--interval", default="1m", show_default=True, help="Of the bars.")
def command(path: Path | None, symbol: str | None, interval: str) -> None:
    """Show how the value of each indicator depends on the length of history.

    Each is computed at the newest bar over the last n bars alone and compared with that over all of them,
    what it would be if it had been started n bars ago. Ends with 1 where stored bars are too few to converge,
    or where one needs more than warm-up has.
    """
    from barline.settings.load import load  # noqa: PLC0415
    from schemas.history import bars_needed, too_long  # noqa: PLC0415
    from schemas.market.intervals import MINUTE, Interval  # noqa: PLC0415

    settings, minutes = load(path), Interval.parse(interval).ns // MINUTE
    wanted = [one for one in settings.indicators if not one.intervals or interval in one.intervals]
    count = max([_LEAST, *(_TIMES * bars_needed(one, minutes) for one in wanted)])
    if symbol:
        from barline.cli._warm_up import closed_bars  # noqa: PLC0415

        stored = closed_bars(settings.endpoints())
        found = stored.newest(interval, [symbol], count)
        stored.close()
        rows = found.get(symbol, made_up(0))
        click.echo(f"{len(rows):,} stored bars of {symbol} {interval}")
    else:
        rows = made_up(count)
        click.echo(f"{len(rows):,} made-up bars")
    head = "".join(f"{f'off at {share:g}x':>14}" for share in SHARES)
    click.echo(f"{'value':<24}{'ready':>7}{'needs':>7}{'newest':>16}{head}")
    short = False
    for line in lines(wanted, rows, minutes):
        errors = "".join(f"{_text(error):>14}" for error in line.errors)
        click.echo(f"{line.name:<24}{line.ready or '-':>7}{line.needed:>7}{line.value:>16.8g}{errors}")
        short = short or (line.needed > len(rows) and not line.converged)
    if short:
        click.echo("history is too short for some to converge: load more before going live")
    long = too_long(wanted)
    for text in long:
        click.echo(text)
    click.get_current_context().exit(1 if short or long else 0)


def lines(indicators: "Sequence[IndicatorConfig]", rows: "Rows", minutes: int) -> Iterator[Line]:
    """What there is to tell of indicators over bars.

    Args:
        indicators: what is computed.
        rows: HISTORY rows, ascending.
        minutes: of one bar.
    """
    from schemas.history import bars_needed  # noqa: PLC0415
    from streams.core.analytics.anew import computed  # noqa: PLC0415
    from streams.core.analytics.indicators.program import Program  # noqa: PLC0415

    for one in indicators:
        program, needed = Program([one]), bars_needed(one, minutes)
        whole = _newest(program, rows)
        tried = [_newest(program, rows[-length:]) for length in _lengths(needed, len(rows))]
        for number, name in enumerate(program.names):
            value = whole[number]
            off = tuple(_off(found[number], value) for found in tried)
            missing = (float("nan"),) * (len(SHARES) - len(off))
            done = bool(len(rows)) and bool(computed(program, rows, len(rows) - 1).converged[number, -1])
            ready = _ready(program, rows[-max(needed, _FEW) :], number)
            yield Line(name, ready, needed, value, off + missing, done)


def made_up(count: int) -> "Rows":
    """Bars of a wandering price, the same each time; trade dates of 390 bars."""
    import numpy as np  # noqa: PLC0415

    from schemas.history import HISTORY  # noqa: PLC0415

    random = np.random.default_rng(1)
    rows = np.zeros(count, HISTORY)
    rows["ts_open"] = np.arange(count) * 60_000_000_000 + 1_700_000_000_000_000_000
    rows["session_date"] = 19_675 + np.arange(count) // 390
    rows["close"] = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.001, count)))
    rows["open"] = rows["close"] * (1.0 + random.normal(0.0, 0.0003, count))
    for name, above, sign in (("high", np.maximum, 1.0), ("low", np.minimum, -1.0)):
        reach = 1.0 + sign * np.abs(random.normal(0.0, 0.0005, count))
        rows[name] = above(rows["open"], rows["close"]) * reach
    rows["volume"], rows["notional"] = random.integers(1, 1_000, count), np.nan
    return rows


def _lengths(needed: int, there: int) -> list[int]:
    lengths = [max(int(share * needed), 1) for share in SHARES]
    return [length for length in lengths if length <= there]


def _newest(program: "Program", rows: "Rows") -> list[float]:
    from streams.core.analytics.anew import computed  # noqa: PLC0415

    if not len(rows):
        return [float("nan")] * len(program.names)
    return [float(value) for value in computed(program, rows, len(rows) - 1).values[:, -1]]


def _ready(program: "Program", rows: "Rows", number: int) -> int:
    """Fewest bars over which a value is there, by bisection: once it is, it stays."""
    low, high = 1, len(rows)
    if not high or _newest(program, rows[-high:])[number] != _newest(program, rows[-high:])[number]:
        return 0
    while low < high:
        middle = (low + high) // 2
        there = _newest(program, rows[-middle:])[number]
        low, high = (low, middle) if there == there else (middle + 1, high)  # noqa: PLR0124 (NaN is not)
    return low


def _off(value: float, whole: float) -> float:
    return abs(value - whole) / max(abs(whole), 1e-300) if value != whole else 0.0


def _text(error: float) -> str:
    return "-" if error != error else f"{error:.1e}"  # noqa: PLR0124 (NaN is not)
