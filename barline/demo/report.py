"""What the demo prints at its end."""

from rich.console import Console
from rich.table import Table

from barline.demo.check import Findings
from barline.verify.topics import Difference
from barline.verify.verdict import ACCOUNTED

_SHOWN = 5  # differences of each kind that are shown


def report(findings: Findings, console: Console) -> None:
    """Print counts, faults, topics, tables, latency and the verdict."""
    console.print(_counts(findings))
    if findings.planted:
        console.print(_planted(findings))
    console.print(_topics(findings))
    console.print(_tables(findings))
    if findings.latency_ms:
        p50, p99 = findings.latency_ms
        console.print(f"from the tick that closes a bar to its row: p50 {p50:,.0f} ms, p99 {p99:,.0f} ms")
    _differences(findings, console)
    if findings.equal:
        console.print("[bold green]every row is as it must be[/]")
    else:
        console.print("[bold red]NOT as it must be[/]")


def _counts(findings: Findings) -> Table:
    table = Table("agent", "in", *ACCOUNTED, "in = sum", title="records in and what became of them")
    for agent, counts in findings.verdict.counts.items():
        balanced = "yes" if findings.verdict.balanced(agent) else "[red]NO[/]"
        table.add_row(agent, *(f"{counts[name]:,}" for name in ("in", *ACCOUNTED)), balanced)
    return _right(table)


def _planted(findings: Findings) -> Table:
    table = Table("agent", "outcome", "planted", "counted", title="faults planted on purpose")
    for (agent, outcome), (planted, counted) in findings.planted.items():
        mark = f"{counted:,}" if planted == counted else f"[red]{counted:,}[/]"
        table.add_row(agent, outcome, f"{planted:,}", mark)
    return _right(table, 2)


def _topics(findings: Findings) -> Table:
    table = Table("topic", "must hold", "holds", "repeats", "missing", "wrong", "order", title="topics")
    found = [*findings.sent.items(), *findings.verdict.topics.items()]
    for topic in dict.fromkeys(name for (name, _), _ in found):
        parts = [one for (name, _), one in found if name == topic]
        table.add_row(topic, *(f"{value:,}" for value in _sums(parts)))
    return _right(table, 1)


def _sums(parts: list[Difference]) -> tuple[int, ...]:
    return (
        sum(one.expected for one in parts),
        sum(one.recorded for one in parts),
        sum(one.repeats for one in parts),
        sum(len(one.missing) for one in parts),
        sum(len(one.wrong) for one in parts),
        sum(one.disordered for one in parts),
    )


def _tables(findings: Findings) -> Table:
    table = Table("table", "must hold", "holds", "missing", "wrong", "differing", title="ClickHouse tables")
    for one in findings.verdict.tables:
        sizes = (one.expected, one.stored, len(one.missing), len(one.wrong), len(one.differing))
        table.add_row(one.name, *(f"{size:,}" for size in sizes))
    return _right(table, 1)


def _differences(findings: Findings, console: Console) -> None:
    for place, one in (*findings.sent.items(), *findings.verdict.topics.items()):
        for identity in one.missing[:_SHOWN]:
            console.print(f"{place} lacks {identity.key!r} {identity.value[:120]!r}", markup=False)
        for identity in one.wrong[:_SHOWN]:
            console.print(f"{place} must not hold {identity.key!r} {identity.value[:120]!r}", markup=False)
    for (agent, topic, partition), one in findings.verdict.echoes.items():
        if not one.equal:
            came = f"{len(one.missing)} records missing, {len(one.wrong)} more, {one.disordered} out of order"
            console.print(f"repeats that {agent} read changed {topic}, {partition}: {came}", markup=False)
    for table in findings.verdict.tables:
        for key in table.missing[:_SHOWN]:
            console.print(f"{table.name} lacks {key!r}", markup=False)
        for key in table.wrong[:_SHOWN]:
            console.print(f"{table.name} must not hold {key!r}", markup=False)
        for key, columns in list(table.differing.items())[:_SHOWN]:
            console.print(f"{table.name} {key!r}: (must be, is) {columns!r}", markup=False)


def _right(table: Table, first: int = 1) -> Table:
    """Numbers stand on the right."""
    for column in table.columns[first:]:
        column.justify = "right"
    return table
