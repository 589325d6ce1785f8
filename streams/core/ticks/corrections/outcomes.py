"""What becomes of corrections: counted, in the step and in the row of their pair, and refused ones written.

One that waits for its print is ``held``; when it is refused later, that count is taken back.
"""

from typing import Final

from schemas.jit import kernel
from streams.core.ticks.corrections.waiting import MOST, MOST_RECORD, Waiting
from streams.core.ticks.letters import CODES, write_letter, write_original
from streams.core.ticks.packing import enlist
from streams.core.ticks.rows import V02, V03, V05, V08, V09, Int
from streams.core.ticks.state import State
from streams.core.ticks.step import Step

REASONS: Final = {
    **dict(CODES[verdict] for verdict in (V02, V03, V05, V08, V09)),
    "V01": "it must name a print, say something of it, and have finite numbers in range",
    "C01": "its print must come within the lateness",
    "C02": "the prints of its minute must be kept: correction_prints",
    "C03": f"at most {MOST} of up to {MOST_RECORD} bytes must wait for their prints",
}
"""Details by code; C01 to C03 are of corrections alone."""


def count(state: State, work: Step, at: int, number: int, outcome: str) -> None:
    """Count what became of a correction; a code that is one of a refused or late one writes it.

    Args:
        state: changed.
        work: the step.
        at: position of the correction.
        number: of its pair, -1 for none.
        outcome: ``out``, ``duplicate``, ``held`` or a code.
    """
    counts, late = work.counts, outcome == "V09"
    counted = outcome if outcome in ("out", "duplicate", "held") else "late" if late else "rejected"
    counts[counted] += 1
    if counted in ("late", "rejected"):
        topic = "late" if late else "dead-letters"
        write_letter(work.drafts[topic], work.batch, at, outcome, REASONS[outcome])
    if counted == "rejected":
        counts[f"rejected.{outcome}"] += 1
    if number < 0:
        work.unknown += 1
        return
    owner = state.pairs[number]
    note_change(state, number)
    if counted != "held":
        owner[counted] += 1


def refuse(state: State, work: Step, at: int, number: int, one: Waiting, code: str) -> None:
    """Refuse one of a pair that waited, at a position of the batch."""
    work.counts.update({"held": -1, "rejected": 1, f"rejected.{code}": 1})
    state.pairs[number]["rejected"] += 1
    note_change(state, number)
    reason = code, REASONS[code]
    write_original(work.drafts["dead-letters"], work.batch, at, one.offset, one.original, reason)


@kernel
def note_change(state: State, number: Int) -> None:
    """Note that the row of a pair changed, or what is saved with it."""
    state.pairs[number]["dirty"] = 1
    enlist(state, state.pairs[number], number)
