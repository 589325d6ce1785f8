"""How an answer goes out: through a short queue out of the engine's thread, compressed when asked for."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import cramjam
import msgspec
from aiohttp import web

from barline.stack.clickhouse.errors import QueryError, late

_COMPRESSORS: Final[dict[str, Callable[[], Any]]] = {
    "zstd": lambda: cramjam.zstd.Compressor(1),
    "lz4": cramjam.lz4.Compressor,
    "gzip": lambda: cramjam.gzip.Compressor(1),
}
_TYPES: Final = {
    "JSON": "application/json; charset=UTF-8",
    "Tab": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
}


class Pipe:
    """Chunks from a thread to the loop; the thread waits when the client is slower."""

    def __init__(self, depth: int = 4) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(depth)
        self._left = False

    def put(self, chunk: bytes) -> bool:
        """Hand over a chunk, from the thread; False when nobody listens any more."""
        if self._left:
            return False
        asyncio.run_coroutine_threadsafe(self._queue.put(chunk), self._loop).result()
        return not self._left

    async def end(self) -> None:
        """Say that no chunk follows."""
        await self._queue.put(None)

    async def get(self) -> bytes | None:
        """The next chunk; None after the last."""
        return await self._queue.get()

    def leave(self) -> None:
        """Stop listening; a waiting thread goes on at once."""
        self._left = True
        while not self._queue.empty():
            self._queue.get_nowait()


def headers(query_id: str, summary: dict[str, str] | None = None) -> dict[str, str]:
    """Headers of every answer."""
    return {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Server-Display-Name": "barline",
        "X-ClickHouse-Summary": msgspec.json.encode({"read_rows": "0", **(summary or {})}).decode(),
    }


def failed(error: QueryError, query_id: str) -> web.Response:
    """The answer to a query that can't be answered."""
    more = {"X-ClickHouse-Exception-Code": str(error.code)}
    return web.Response(text=error.text + "\n", status=error.status, headers=headers(query_id) | more)


def _prepare(request: web.Request, query_id: str, form: str, tag: str) -> tuple[web.StreamResponse, Any]:
    """A response whose headers are set, and the compressor of its body, or None."""
    kind = next(
        (kind for start, kind in _TYPES.items() if form.startswith(start)), "application/octet-stream"
    )
    response = web.StreamResponse(headers=headers(query_id))
    response.headers["Content-Type"] = kind
    response.headers["X-ClickHouse-Exception-Tag"] = tag
    if form:
        response.headers["X-ClickHouse-Format"] = form
    accepted = request.headers.get("Accept-Encoding", "")
    if request.query.get("enable_http_compression") != "1":
        return response, None
    name = next((name for name in _COMPRESSORS if name in accepted), None)
    if name is None:
        return response, None
    response.headers["Content-Encoding"] = name
    return response, _COMPRESSORS[name]()


async def send(
    request: web.Request, pipe: Pipe, work: "asyncio.Future[Any]", query_id: str, form: str
) -> web.StreamResponse:
    """Send what the engine gives; an error before the first chunk has a clean status, a later one a tag.

    Args:
        request: what is answered.
        pipe: where the chunks come from.
        work: the engine's work, which ends the pipe.
        query_id: id of the query.
        form: format of the answer; empty when it has no rows.

    Raises:
        QueryError: the query failed before anything was sent.
    """
    chunk = await pipe.get()
    if chunk is None:
        await work
    tag = secrets.token_hex(8)
    response, compressor = _prepare(request, query_id, form, tag)
    await response.prepare(request)
    while chunk is not None:
        await _write(response, compressor, chunk)
        chunk = await pipe.get()
    try:
        await work
    except QueryError as error:
        await _write(response, compressor, late(error, tag))
    if compressor is not None:
        await response.write(bytes(compressor.finish()))
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, compressor: Any, chunk: bytes) -> None:
    """Write a chunk, compressed when there is a compressor."""
    if compressor is not None:
        compressor.compress(chunk)
        chunk = bytes(compressor.flush())
    if chunk:
        await response.write(chunk)
