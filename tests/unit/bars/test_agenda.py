"""What a heartbeat makes due, and that nothing is forgotten that was found early."""

from streams.core.bars.agenda import Agenda
from streams.core.bars.effects import Watch
from streams.core.bars.roster import Roster
from streams.core.watermark import FOREVER, Watermarks
from tests.unit.bars.desk import two

FEED = 0  # number of the source of both symbols, whose group is 0


def agenda(*closes: int, through: int) -> tuple[Agenda, Roster]:
    marks = Watermarks()
    roster = Roster(two(sources=["feed"]), marks, 0)
    roster.through[0] = through
    made = Agenda(roster, marks)
    for at, close in enumerate(closes):
        made.expect(at, close)
    return made, roster


def test_a_symbol_is_due_when_the_watermark_reaches_its_close():
    made, roster = agenda(60, 120, through=0)
    assert made.due([0]) == []
    roster.through[0] = 60
    assert made.due([0]) == [0]
    roster.through[0] = 120
    assert made.due([0]) == [0, 1]


def test_a_group_whose_source_was_silent_is_not_looked_at():
    made, roster = agenda(60, 60, through=0)
    roster.through[0] = 60
    assert made.due([]) == []


def test_a_symbol_that_could_not_be_decided_stays_due_for_every_source():
    made, roster = agenda(60, FOREVER, through=0)
    roster.through[0] = 60
    made.renew([0])
    assert made.due([]) == [0]
    made.expect(0, 120)
    made.renew([])
    assert made.due([]) == []


def test_a_close_that_falls_is_not_missed():
    made, roster = agenda(120, 120, through=60)
    made.renew([0])
    made.expect(1, 60)
    assert made.due([]) == [1]
    assert roster.members == [[0, 1]]


def test_a_watch_rings_once_its_source_has_a_later_record_or_its_mark_clears_it():
    for last, through, wanted in ((50, 50, set()), (51, 51, {1}), (40, 301, {1})):
        made, _ = agenda(60, 60, through=0)
        made.watch(1, [Watch(FEED, 50, 300)])
        made._marks.heartbeat(b"feed", b"feed", through, through, last, alive=True)
        assert made.rung(FEED) == wanted
        assert made.rung(FEED) == wanted
        made.watch(1, [])
        assert made.rung(FEED) == set()
