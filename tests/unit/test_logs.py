"""Lines of libraries that say the same at each attempt are let through now and then."""

import logging

from runtime.logs import Seldom


def line(text: str, *args: object, name: str = "aiokafka.cluster") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, args, None)


def test_what_is_repeated_is_let_through_once_a_period_and_counted():
    seldom = Seldom(period=0.2)
    seen = [seldom.filter(line("topic %s not found", number)) for number in range(3)]
    assert seen == [True, False, False]
    assert seldom.filter(line("no connection"))
    seldom._next.clear()
    last = line("topic %s not found", 3)
    assert seldom.filter(last)
    assert last.getMessage() == "topic 3 not found (2 more like it)"


def test_our_own_lines_are_never_kept_back():
    seldom = Seldom()
    assert [seldom.filter(line("a failure", name="runtime.sending.sender")) for _ in range(3)] == [True] * 3
