"""The HTTP interface: one address for every query."""

import asyncio
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from barline.stack.clickhouse import answer, asked, engine
from barline.stack.clickhouse.errors import QueryError
from barline.stack.clickhouse.statements import answers, first_word, split_format, streams
from barline.stack.clickhouse.users import User, authenticate


@dataclass(frozen=True, slots=True)
class Served:
    """What the handlers work with.

    Attributes:
        engine: runs the queries.
        users: by name.
        database: the one of requests that name none.
        spool: directory of rows on their way into a table.
    """

    engine: engine.Engine
    users: dict[str, User]
    database: str
    spool: Path


SERVED: Final = web.AppKey("served", Served)


def application(served: Served) -> web.Application:
    """The web application over an engine."""
    app = web.Application(client_max_size=asked.LARGEST_STATEMENT)
    app[SERVED] = served
    app.router.add_get("/ping", _ping)
    app.router.add_get("/replicas_status", _ping)
    app.router.add_route("*", "/{path:.*}", _query)
    app.on_cleanup.append(_close)
    return app


async def _ping(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _close(app: web.Application) -> None:
    app[SERVED].engine.close()


async def _query(request: web.Request) -> web.StreamResponse:
    """Answer one query."""
    query_id = request.query.get("query_id") or str(uuid.uuid4())
    served = request.app[SERVED]
    try:
        user = authenticate(request, served.users)
        question = await asked.read(request, user, served.database)
        if question.insert is not None:
            return await _insert(served, question, query_id)
        if not question.sql:
            return web.Response(text="Ok.\n", headers=answer.headers(query_id))
        if first_word(question.sql) in {"SET", "USE"}:  # without a session they have no lasting effect
            return web.Response(headers=answer.headers(query_id))
        return await _answer(request, served, question, query_id)
    except QueryError as error:
        return answer.failed(error, query_id)
    except OSError as error:
        return answer.failed(QueryError(243, f"Cannot spool rows: {error}. (NOT_ENOUGH_SPACE)"), query_id)


async def _insert(served: Served, question: asked.Asked, query_id: str) -> web.Response:
    """Spool the rows, then let the engine read the file."""
    if question.insert is None:
        raise TypeError("question must be an INSERT with rows")
    loop = asyncio.get_running_loop()
    with tempfile.NamedTemporaryFile(dir=served.spool, suffix=".rows", buffering=1 << 20) as file:
        async for chunk in question.rows:
            await loop.run_in_executor(None, file.write, chunk)
        file.flush()
        summary = await served.engine.run(question.scope, engine.insert(question.insert.from_file(file.name)))
    return web.Response(headers=answer.headers(query_id, summary))


async def _answer(
    request: web.Request, served: Served, question: asked.Asked, query_id: str
) -> web.StreamResponse:
    """Run a statement and send what it answers."""
    sql, form = split_format(question.sql, question.default_format)
    stream = streams(sql, form) and request.query.get("wait_end_of_query") != "1"
    pipe = answer.Pipe()
    work = asyncio.ensure_future(
        served.engine.run(
            question.scope, engine.answer(sql, form, question.parameters, pipe.put, stream=stream)
        )
    )
    work.add_done_callback(lambda _: asyncio.ensure_future(pipe.end()))
    try:
        return await answer.send(request, pipe, work, query_id, form if answers(sql) else "")
    finally:
        pipe.leave()
