"""Reading barline.toml: all errors at once, each with its line and the fix."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from barline.settings.lines import line_of, lines_of
from barline.settings.load import load, parse
from schemas.config import decode, encode, rules_of
from schemas.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
GOOD = """
intervals = ["5m", "1h"]

[sources.feed]
topic = "ticks.raw"

[symbols.SPY]
asset = "equity"
calendar = "XNYS"
sources = ["feed"]
"""


def notes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    return list(caught.value.__notes__)


def test_the_file_of_the_repository_gives_a_domain_that_survives_a_record():
    settings = load(ROOT / "barline.toml")
    domain = settings.domain(date(2024, 7, 1), date(2024, 7, 5))
    assert decode(encode(domain)) == domain
    assert len(domain.symbols) == 12
    assert {"XNYS", "XNSE", "FX", "24x7"} <= set(domain.calendars)
    assert [indicator.name for indicator in domain.indicators] == ["ema_20", "rsi_14", "vwap"]


def test_every_error_is_found_at_once_with_its_line_and_fix():
    text = """
intervals = ["5m", "60m"]
colour = "red"

[sources]
feed = { topic = "tick.raw" }
[symbols.SPY]
asset = "stock"
calender = "XNYS"
sources = ["feed"]
fill_limit = "five"

[[indicators]]
name = "ema_20"
kind = "ema"
length = 20
[[indicators]]
name = "rsi"
length = 2.5
"""
    assert notes(text) == EVERY_ERROR.splitlines()


EVERY_ERROR = """\
barline.toml:3: colour must be a known setting (fix: remove it, or write one of assets, calendars, \
clickhouse, conditions, indicators, intervals, kafka, lines, policies, registry, signals, sink, sources, \
symbols, venues, worker)
barline.toml:6: sources.feed.topic must be one of ticks.raw, bars.raw, was 'tick.raw' (fix: write "ticks.raw")
barline.toml:7: symbols.SPY must have calendar (fix: add calendar = "...")
barline.toml:8: symbols.SPY.asset must be one of equity, crypto, fx, commodity, was 'stock' \
(fix: write "equity")
barline.toml:9: symbols.SPY.calender must be a known setting (fix: write calendar)
barline.toml:11: symbols.SPY.fill_limit must be a whole number, was 'five' (fix: write fill_limit = 1)
barline.toml:17: indicators[1] must have kind (fix: add kind = "...")
barline.toml:19: indicators[1].length must be a whole number, was 2.5 (fix: write length = 1)
"""


def test_rules_between_sections_are_checked_once_each_is_well_formed():
    text = (
        GOOD
        + """
history = "vault"

[sources.clock]
topic = "ticks.raw"

[symbols.QQQ]
asset = "equity"
calendar = "XNYS"
sources = ["fed"]

[calendars.XNYS]
zone = "Mars/Olympus"

[[indicators]]
name = "a"
kind = "ema"
intervals = ["2h"]
[[indicators]]
name = "a"
kind = "magic"
"""
    )
    found = [note.split(" (fix")[0] for note in notes(text.replace('["5m", "1h"]', '["1h", "5m"]'))]
    assert found == [
        "barline.toml:2: intervals must be above 1m, ascending and without repeats, was ['1h', '5m']",
        "barline.toml:12: symbols.SPY.history must name known sources, was 'vault'",
        "barline.toml:14: sources.clock must not be a name of our own, was 'clock'",
        "barline.toml:20: symbols.QQQ.sources must name known sources, was 'fed'",
        "barline.toml:23: calendars.XNYS.zone must be an IANA time zone, was 'Mars/Olympus'",
        "barline.toml:25: indicators[0].length must be 1 or more, was 0",
        "barline.toml:28: indicators[0].intervals must be computed, was '2h'",
        "barline.toml:30: indicators[1].name must be unique, was 'a' again",
        (
            "barline.toml:31: indicators[1].kind must be one of ours, an entry point of barline.indicators "
            "or of pandas_ta_classic, was 'magic'"
        ),
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "kind = 'supertrend'\nparameters = { speed = 3 }",
            "indicators[0].parameters must be of length, mult",
        ),
        ("kind = 'supertrend'\noutputs = ['trend']", "indicators[0].outputs must be of supert, supertd"),
        ("kind = 'aroon'\nwindow = 1", "indicators[0].window must be from 2 to 2000, was 1"),
        ("kind = 'aroon'\nlength = 300", "indicators[0].window must be long enough, was 200"),
        ("kind = 'dpo'", "indicators[0].outputs must have a value at the newest bar, was none (of 200"),
        ("kind = 'vp'", "indicators[0].kind must give a value of each bar, was 10 of 200 bars"),
    ],
)
def test_a_function_of_the_library_is_tried_when_settings_are_checked(said: str, why: str):
    (note,) = notes(GOOD + f"[[indicators]]\nname = 'x'\nlimit_ms = 60_000\n{said}\n")
    assert why in note


def test_trailing_dates_are_one_unless_set_and_have_bounds():
    days = date(2024, 7, 1), date(2024, 7, 5)
    assert parse(GOOD).domain(*days).trailing_dates == 1
    assert parse(GOOD + "[policies]\ntrailing_dates = 8\n").domain(*days).trailing_dates == 8
    for number in (0, 9):
        (note,) = notes(GOOD + f"[policies]\ntrailing_dates = {number}\n")
        assert "policies.trailing_dates must be" in note


def test_a_value_expires_two_seconds_late_unless_set_and_within_a_day():
    days = date(2024, 7, 1), date(2024, 7, 5)
    assert parse(GOOD).domain(*days).expiry_ms == 2_000
    said = parse(GOOD + "[policies]\nexpiry_ms = 0\n").domain(*days)
    assert (said.expiry_ms, decode(encode(said)).expiry_ms) == (0, 0)
    for text in ("-1", "86_400_001", "2.5"):
        (note,) = notes(GOOD + f"[policies]\nexpiry_ms = {text}\n")
        assert "policies.expiry_ms must be" in note
        assert "write expiry_ms = 2_000" in note
    with pytest.raises(msgspec.ValidationError, match="expiry_ms"):
        decode(encode(said).replace('"expiry_ms":0', '"expiry_ms":86400001'))


def test_a_missing_file_and_broken_toml_are_clear_errors(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"settings must be readable.*--config"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match=r"barline.toml must be TOML.*line 2"):
        parse("a = 1\nb = = 2\n")


def test_policies_are_the_defaults_of_symbols():
    text = GOOD + "[policies]\nfill = ['none']\nfill_limit = 2\n[symbols.AIG]\nfill_limit = 9\n"
    text += "asset = 'equity'\ncalendar = 'XNYS'\nsources = ['feed']\nfrom = 2024-07-02T00:00:00Z\n"
    symbols = parse(text).symbols
    assert (symbols["SPY"].policy, symbols["SPY"].fill_limit) == (["none"], 2)
    assert (symbols["AIG"].policy, symbols["AIG"].fill_limit) == (["none"], 9)
    assert symbols["AIG"].ts_from == 1_719_878_400_000_000_000


def test_sections_of_other_packages_are_checked_against_their_own_settings():
    text = GOOD + "[worker]\ncheckpoint_ms = 0\nspeed = 1\n[sink]\nrows = 'many'\n"
    found = [note.split(" (fix")[0] for note in notes(text)]
    assert found[0].startswith("barline.toml:12: worker.checkpoint_ms must be right (input should be greater")
    assert found[1].startswith("barline.toml:13: worker.speed must be right (extra inputs")
    assert found[2] == "barline.toml:15: sink.rows must be a whole number, was 'many'"
    said = parse(GOOD + "[worker]\ncheckpoint_ms = 50\noutstanding = 9\n")
    assert said.worker_settings({"BARLINE_WORKER_OUTSTANDING": "9"}) == {"checkpoint_ms": 50}


def test_an_unknown_calendar_stops_the_domain():
    settings = parse(GOOD.replace("XNYS", "XNOPE"))
    with pytest.raises(ConfigurationError, match="XNOPE"):
        settings.domain(date(2024, 7, 1), date(2024, 7, 5))


def test_lines_are_found_through_strings_and_nested_arrays():
    text = '''a = """
[not.a.header]
b = 1
"""
list = [
  "x]", # ]
  { y = 1 },
]
[[t]]
"quoted key".z = 1
[[t]]
[t.inner]
deep.er = 2
'''
    lines = lines_of(text)
    assert lines[("list",)] == 5
    assert ("b",) not in lines
    assert lines[("t", 0, "quoted key", "z")] == 10
    assert lines[("t", 1, "inner")] == 12
    assert lines[("t", 1, "inner", "deep", "er")] == 13
    assert line_of(lines, ("list", 1, "y")) == 5
    assert line_of(lines, ("nowhere",)) == 1


def test_what_is_said_of_a_class_or_a_symbol_changes_its_rules_alone():
    text = (
        GOOD
        + """
[assets.crypto]
quiet_ms = 5_000

[symbols.AIG]
asset = "crypto"
calendar = "XNYS"
sources = ["feed"]
conditions = "tape"
rules = { outlier_share = 0.3 }

[conditions.tape]
spelling = "letters"
auction = ["6"]
"""
    )
    known = parse(text).domain(date(2024, 7, 1), date(2024, 7, 3))
    aig = next(one for one in known.symbols if one.symbol == "AIG")
    rules = rules_of(known, aig)
    assert (rules.quiet_ms, rules.outlier_share, rules.disorder_ms) == (5_000, 0.3, 1_000)
    assert known.assets["crypto"].outlier_share == 0.5
    assert known.conditions["tape"].auction == ["6"]
    with pytest.raises(ConfigurationError) as caught:
        parse(text.replace('"tape"', '"sap"'))
    assert "symbols.AIG.conditions must name a table, was 'sap'" in caught.value.__notes__[0]


SIGNALS = '''
[[indicators]]
name = "rsi_14"
kind = "rsi"
length = 14
intervals = ["5m"]

[[signals]]
name = "dip"
when = "rsi_14@5m < 30 and close > open@1h"
[[signals]]
name = "dip"
when = "rsi_14 < 30"
symbols = ["QQQ"]
debounce_ms = -1
[[signals]]
name = "half"
when = """
rsi_14@5m < 30
  and close >
"""
[[signals]]
name = "far"
when = "close > 3"
interval = "2h"

[venues.cfd]
names = { SPY = "US500", NAS100 = "US100" }
[venues.oanda]
kind = "house"
'''


def test_conditions_are_wrong_together_with_everything_else_each_at_its_line_and_column():
    first = [note.split(" (fix")[0] for note in notes(GOOD + SIGNALS)]
    assert first == [
        "barline.toml:40: venues.oanda.kind must be one of broker, provider, was 'house'",
    ]
    found = notes(GOOD + SIGNALS.replace("house", "broker"))
    assert found == SIGNAL_ERRORS.splitlines()


SIGNAL_ERRORS = """\
barline.toml:22: signals[1].name must be unique, was 'dip' again (fix: rename it)
barline.toml:23: signals[1].when must be a value on 1m, was 'rsi_14' (column 1) \
(fix: write rsi_14@5m, or compute it on 1m)
barline.toml:24: signals[1].symbols must name known symbols, was 'QQQ' (fix: write one of SPY)
barline.toml:25: signals[1].debounce_ms must be 0 or more, was -1 (fix: write 300_000)
barline.toml:28: signals[2].when must have a value here, was its end (column 30) \
(fix: write a name such as close, a number or ()
barline.toml:35: signals[3].interval must be computed, was '2h' (fix: write one of 1m, 5m, 1h)
barline.toml:38: venues.cfd.names.NAS100 must be a known symbol, was 'NAS100' \
(fix: write one of SPY, or add [symbols.NAS100])
"""


def test_signals_and_venues_are_those_of_the_symbols_that_are_left():
    text = (
        GOOD
        + """
[[signals]]
name = "spy"
when = "close > 3"
symbols = ["SPY"]
[[signals]]
name = "all"
when = "close > 3"
[venues.cfd]
names = { SPY = "US500" }
"""
    )
    settings = parse(text)
    domain = settings.domain(date(2024, 7, 1), date(2024, 7, 5))
    assert decode(encode(domain)) == domain
    assert [(signal.name, signal.symbols) for signal in domain.signals] == [("spy", ["SPY"]), ("all", [])]
    assert [(venue.name, venue.names) for venue in domain.venues] == [("cfd", {"SPY": "US500"})]
    none = msgspec.structs.replace(settings, symbols={})
    domain = none.domain(date(2024, 7, 1), date(2024, 7, 5))
    assert [signal.name for signal in domain.signals] == ["all"]
    assert domain.venues[0].names == {}


def test_two_symbols_of_one_name_at_a_venue_are_refused():
    text = GOOD + "[symbols.AIG]\nasset = 'equity'\ncalendar = 'XNYS'\nsources = ['feed']\n"
    text += "[venues.cfd]\nnames = { SPY = 'AIG' }\n"
    (found,) = notes(text)
    assert "must mean one symbol, was 'AIG' for SPY and AIG" in found
    assert found.startswith("barline.toml:16: venues.cfd.names ")
