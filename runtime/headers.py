"""What stands in the headers of a record: who wrote it, and when."""

import time
from collections.abc import Sequence
from typing import Final

Headers = Sequence[tuple[str, bytes]]

MADE_BY: Final = "made_by"
"""Record header that names the writer: what a source wrote is replayed, what agents made is made again."""

TS_PUBLISHED: Final = "ts_published"
"""Record header: the wall clock in ns, in digits, when it was sent. No decision may depend on it."""


def headers(made_by: str) -> Headers:
    """The headers of records that are sent now."""
    return [(MADE_BY, made_by.encode()), (TS_PUBLISHED, b"%d" % time.time_ns())]
