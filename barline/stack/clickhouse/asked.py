"""What a request asks: the statement, its parameters and settings, and the rows that come with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import lz4.frame
from aiohttp import BodyPartReader, web

from barline.stack.clickhouse.engine import Scope
from barline.stack.clickhouse.errors import QueryError
from barline.stack.clickhouse.statements import LONGEST_HEAD, Insert, find_insert
from barline.stack.clickhouse.users import User

LARGEST_STATEMENT: Final = 1 << 28
"""Bytes of the longest statement; rows may be more."""

_NO_SETTINGS: Final = frozenset(
    {
        "database",
        "query",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "compress",
        "decompress",
        "user",
        "password",
        "quota_key",
        "default_format",
        "role",
        "buffer_size",
        "wait_end_of_query",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "client_protocol_version",
        "http_zlib_compression_level",
        "cancel_http_readonly_queries_on_client_close",
    }
)
"""Parameters of a request that are not settings of the engine."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, understood.

    Attributes:
        sql: the statement, without rows; empty for none.
        insert: the statement as an INSERT with rows, when it is one.
        rows: the rows of the INSERT.
        parameters: values of ``{name:Type}`` in the statement.
        scope: database, settings and right to write.
        default_format: format of an answer without a FORMAT clause.
    """

    sql: str
    insert: Insert | None
    rows: AsyncIterator[bytes]
    parameters: dict[str, str]
    scope: Scope
    default_format: str


async def read(request: web.Request, user: User, database: str) -> Asked:
    """Read a request as far as its statement goes.

    Args:
        request: a GET (which may not write) or a POST.
        user: who asks.
        database: the database when the request names none.

    Raises:
        QueryError: 48 it carries external tables; 62 its statement is too long or no text.
    """
    form = await _form(request) if request.content_type == "multipart/form-data" else {}
    given = {**request.query, **form}
    chunks = _chunks(request) if not form else _nothing()
    text, insert, rows = await _statement(given.get("query", "").encode(), chunks)
    settings = {
        k: v for k, v in request.query.items() if k not in _NO_SETTINGS and not k.startswith("param_")
    }
    named = request.query.get("database") or request.headers.get("X-ClickHouse-Database") or database
    return Asked(
        sql=text,
        insert=insert,
        rows=rows,
        parameters={k.removeprefix("param_"): v for k, v in given.items() if k.startswith("param_")},
        scope=Scope(named, settings, readonly=user.readonly or request.method == "GET"),
        default_format=request.query.get("default_format")
        or request.headers.get("X-ClickHouse-Format")
        or "TabSeparated",
    )


async def _statement(
    head: bytes, chunks: AsyncIterator[bytes]
) -> tuple[str, Insert | None, AsyncIterator[bytes]]:
    """Statement, INSERT and rows, out of the query in the address and the body."""
    if head and (insert := find_insert(head, whole=True)):
        return "", insert, _joined(head[insert.size :], chunks)
    buffer = bytearray(head + b"\n" if head else b"")
    async for chunk in chunks:
        buffer += chunk
        if not head and len(buffer) <= LONGEST_HEAD and (insert := find_insert(buffer, whole=False)):
            return "", insert, _joined(bytes(buffer[insert.size :]), chunks)
        if len(buffer) > LARGEST_STATEMENT:
            raise QueryError(
                62, f"Syntax error: query is longer than {LARGEST_STATEMENT} bytes. (SYNTAX_ERROR)"
            )
    if insert := find_insert(buffer, whole=True):
        return "", insert, _joined(bytes(buffer[insert.size :]), _nothing())
    try:
        return buffer.decode().strip().rstrip(";"), None, _nothing()
    except UnicodeDecodeError as error:
        raise QueryError(62, f"Syntax error: query is no UTF-8: {error}. (SYNTAX_ERROR)") from error


async def _form(request: web.Request) -> dict[str, str]:
    """Texts of a form; a form is how a client sends long parameters."""
    found: dict[str, str] = {}
    async for part in await request.multipart():
        name = part.name if isinstance(part, BodyPartReader) else None
        if name is None or not isinstance(part, BodyPartReader):
            continue
        if name != "query" and not name.startswith("param_"):
            raise QueryError(
                48, "External tables are not supported by the embedded engine. (NOT_IMPLEMENTED)"
            )
        found[name] = (await part.read(decode=True)).decode()
    return found


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    """The body, decompressed. The web server undoes gzip, deflate and zstd; lz4 is ours."""
    if request.headers.get("Content-Encoding", "").lower() != "lz4":
        async for chunk in request.content.iter_any():
            yield chunk
        return
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        async for chunk in request.content.iter_any():
            left: bytes | None = chunk
            while left:
                if frame.eof:
                    frame = lz4.frame.LZ4FrameDecompressor()
                if data := frame.decompress(left):
                    yield data
                left = frame.unused_data
    except RuntimeError as error:
        raise QueryError(432, f"Cannot decompress the body: {error}. (UNKNOWN_COMPRESSION_METHOD)") from error


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk
