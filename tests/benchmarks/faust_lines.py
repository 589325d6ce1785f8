"""A stock Faust agent over strategy lines, as its documentation shows one; a process of its own.

``python -m tests.benchmarks.faust_lines BROKER TOPIC COUNT`` prints the CPU seconds of the process between
the first and the last line, and the rows of equity. It keeps values in a dict and sends nothing, which is
less than the ``lines`` stage does.
"""

import json
import os
import sys
import tempfile
import time
from typing import Any

import faust


def main(broker: str, topic: str, count: int) -> None:
    """Run until so many lines were seen."""
    app = faust.App(
        "bench-lines", broker=f"kafka://{broker}", store="memory://", web_enabled=False,
        topic_disable_leader=True, datadir=tempfile.mkdtemp(), topic_allow_declare=False,
        consumer_auto_offset_reset="earliest", loghandlers=[],
    )  # fmt: skip
    source = app.topic(topic, value_serializer="raw", key_serializer="raw")
    last: dict[tuple[Any, str], float] = {}

    @app.agent(source)  # type: ignore[misc]  # Faust has no types
    async def lines(stream: Any) -> None:
        seen, rows, begin = 0, 0, 0.0
        async for event in stream.events():
            begin = begin or time.process_time()
            seen += 1
            rows += equity(event.key, event.value, last)
            if seen == count:
                os.write(1, f"\n{time.process_time() - begin} {rows}\n".encode())  # stdout is Faust's
                os._exit(0)

    faust.Worker(app, loglevel="ERROR", quiet=True).execute_from_commandline()


def equity(key: bytes, text: bytes, last: dict[tuple[Any, str], float]) -> int:
    """How many values of a line changed."""
    try:
        said = json.loads(text)
        value, rows = said["value"], 0
        for item in value if isinstance(value, list) else [value]:
            if item["t"] == "e" and last.get((key, item.get("b", ""))) != item["equity"]:
                last[key, item.get("b", "")] = item["equity"]
                rows += 1
    except (ValueError, KeyError, TypeError):
        return 0
    return rows


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
