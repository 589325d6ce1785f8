"""What the bars oracle covers beside bars that come in time, each with a stage that gets it wrong.

A stage that is given another configuration than the log holds, or one without a rule, must be found out.
"""

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from schemas.config import Domain, decode
from schemas.flags import WITHDRAWN
from schemas.rules import AssetRules
from streams.core.bars import admit
from streams.core.bars.partition import Partition
from tests.factories import Record, config
from tests.oracle.bars import Bars
from tests.property.bars_compared import differences
from tests.property.bars_made import COMES, made

LOGS = [made(seed, 18, short=seed % 2 == 0) for seed in range(33)]
TURNED = [made(seed, 18, short=True) for seed in range(100, 180)]
Wanted = Callable[[list[Record]], bool]


def first(log: list[Record]) -> Domain:
    return decode(log[0]["body"])


def has_history(log: list[Record]) -> bool:
    return bool(first(log).symbols[0].history)


def has_files(log: list[Record]) -> bool:
    return any(source.files for source in first(log).sources)


def has_vendor(log: list[Record]) -> bool:
    return first(log).assets["equity"].future_ms < 100_000


def has_churn(log: list[Record]) -> bool:
    sizes = [len(decode(one["body"]).symbols) for one in log if one["record"] == "Config"]
    return 3 in sizes and 2 in sizes[sizes.index(3) :]


def has_withdrawn(log: list[Record]) -> bool:
    return any(one["record"] == "Bar" and one["flags"] & WITHDRAWN for one in log)


def has_named_later(log: list[Record]) -> bool:
    return not first(log).symbols[0].history and any(one.symbols[0].history for one in bodies(log))


def has_rules(log: list[Record]) -> bool:
    return any(
        one.intervals != first(log).intervals or one.coverage_limit != first(log).coverage_limit
        for one in bodies(log)
    )


def bodies(log: list[Record]) -> list[Domain]:
    return [decode(one["body"]) for one in log if one["record"] == "Config"]


def some(wanted: Wanted) -> list[list[Record]]:
    """A few logs of a kind."""
    return [log for log in (LOGS if wanted not in (has_named_later, has_rules) else TURNED) if wanted(log)][
        :4
    ]


def retold(log: list[Record], change: Callable[[Domain], Domain]) -> list[Record]:
    """A log with other configurations."""
    return [config(change(decode(one["body"]))) if one["record"] == "Config" else one for one in log]


@pytest.mark.parametrize(
    "wanted", [has_history, has_files, has_vendor, has_churn, has_withdrawn, has_named_later, has_rules]
)
def test_the_stage_ends_where_the_oracle_ends(wanted: Wanted):
    assert len(some(wanted)) > 3
    for log in some(wanted):
        assert differences(Bars().read(log), log, [40, 90]) == []


def test_the_logs_hold_every_outcome():
    said = Counter(outcome for log in LOGS for outcome in Bars().read(log).outcomes.values())
    codes = ("V01", "V02", "V04", "V05", "V06", "V08", "C04")
    assert said.keys() >= {"out", "duplicate", "held", "late.V09", *(f"rejected.{code}" for code in codes)}


def without_files(domain: Domain) -> Domain:
    sources = [msgspec.structs.replace(one, files=False) for one in domain.sources]
    return msgspec.structs.replace(domain, sources=sources)


def without_limit(domain: Domain) -> Domain:
    return msgspec.structs.replace(domain, assets={"equity": AssetRules(future_ms=10**9)})


def without_history(domain: Domain) -> Domain:
    symbols = [msgspec.structs.replace(one, history="") for one in domain.symbols]
    return msgspec.structs.replace(domain, symbols=symbols)


def without_other_limits(domain: Domain) -> Domain:
    same = Domain(0)
    return msgspec.structs.replace(domain, intervals=same.intervals, coverage_limit=same.coverage_limit)


def with_all(domain: Domain) -> Domain:
    """Nothing is taken out again, once it was there."""
    spy = domain.symbols[0]
    symbols = [*domain.symbols[:2], msgspec.structs.replace(spy, symbol=COMES)]
    return domain if domain.version == 1 else msgspec.structs.replace(domain, symbols=symbols)


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        (has_files, without_files),
        (has_vendor, without_limit),
        (has_history, without_history),
        (has_churn, with_all),
        (has_named_later, without_history),
        (has_rules, without_other_limits),
    ],
)
def test_a_stage_that_goes_by_another_configuration_is_found_out(
    wanted: Wanted, change: Callable[[Domain], Domain]
):
    assert any(differences(Bars().read(log), retold(log, change)) for log in some(wanted))


def test_a_stage_that_takes_withdrawn_bars_for_bars_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admit, "is_withdrawn", lambda _: False)
    assert any(differences(Bars().read(log), log) for log in some(has_withdrawn))


def test_a_stage_that_lets_a_history_bring_back_what_it_left_behind_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
):
    """Its minutes would begin anew, below what was published of them."""

    def forgetful(own: Partition, listings: object) -> None:
        for listing in listings:  # type: ignore[attr-defined]
            own.roster.waiting[listing.index] = False
        own.roster.regroup()

    found = [made(seed, 30, short=True) for seed in (25, 142)]
    monkeypatch.setattr(Partition, "end_history", forgetful)
    assert any(differences(Bars().read(log), log) for log in found)
