"""Why ClickHouse did not take something, cut by what to do: wait, refuse rows, or stop."""

from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from schemas.errors import SinkError

_ROWS: Final = frozenset(
    {6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 469, 1001}
)  # what a value can be wrong about: it does not parse, does not fit, breaks a constraint
_SCHEMA: Final = frozenset({10, 16, 20, 36, 44, 47, 60, 62, 81})  # tables that are not ours, or not yet


class StoreDownError(SinkError):
    """ClickHouse cannot be reached or cannot write now; the same may succeed later.

    Attributes:
        code: ClickHouse's number of the error, 0 without one.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class RowsRefusedError(SinkError):
    """ClickHouse refuses rows for what is in them.

    Attributes:
        code: ClickHouse's number of the error.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class TablesError(SinkError):
    """Tables are not what the sink needs."""

    exit_code = 5


def ours(error: ClickHouseError, what: str) -> SinkError:
    """The error of a client as one of ours.

    Args:
        error: what the client raised.
        what: what was to be done, such as ``table bars``.
    """
    code = getattr(error, "code", None) or 0
    text = str(error).strip().replace("\n", " ")
    text = text.rpartition("(Caused by ")[2].partition(" executing HTTP")[0][:200]  # the innermost cause
    if isinstance(error, OperationalError) or not isinstance(error, DatabaseError):
        return StoreDownError(
            f"clickhouse must answer, was {text!r} ({what}; start it, such as with `barline up`)"
        )
    if code in _ROWS:
        return RowsRefusedError(f"rows must be storable, was {text!r} ({what})", code)
    if code in _SCHEMA:
        return TablesError(f"{what} must be as the migrations make it, was {text!r} (fix: `barline init`)")
    return StoreDownError(f"clickhouse must carry out its part, was {text!r} ({what})", code)
