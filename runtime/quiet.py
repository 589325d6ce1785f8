"""What the interpreter does beside the work, kept out of its way: garbage and turns of threads.

Python looks through young objects after every 700 new ones and through all of them now and then, which stops
everything for as long as that takes; with the states of many symbols that is tens of milliseconds. What has
been there for a while is taken out of its sight, and all others are looked through once a minute, half a
minute away from the close of the minutes that everybody waits for, and beside the quarters of a second at
which forming bars go out: it takes ten milliseconds.
"""

import asyncio
import gc
import sys
import time
from typing import Final

_YOUNG: Final = 20_000  # new objects after which young ones are looked through
_NEVER: Final = 1_000_000
_MINUTE: Final = 60.0
_AT: Final = 30.125  # seconds of a minute
_SWITCH_S: Final = 0.0005  # until the thread of a connection gets its turn from one that computes, else 5 ms


def settle(old: int = _NEVER) -> None:
    """Take what is there out of sight, and let hardly more than young objects be looked through from now on.

    Args:
        old: so many times ten looks at young objects until one at all; never, where ``run`` sees to it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, old)
    take_turns()


def take_turns() -> None:
    """Let a thread that waits for its turn have it soon, whatever another one computes."""
    sys.setswitchinterval(_SWITCH_S)


def unsettle() -> None:
    """Much of what was there is dropped now: let it be found the next time."""
    gc.unfreeze()


async def run() -> None:
    """Settle once a minute, half of it after its beginning; runs until it is cancelled."""
    while True:
        await asyncio.sleep(_MINUTE - (time.time() - _AT) % _MINUTE)
        settle()
