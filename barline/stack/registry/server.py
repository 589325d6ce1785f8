"""The registry over HTTP, as Confluent's clients speak it. Changes are few: they are synced in the loop."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from barline.stack.registry.store import RefusedError, Store, canonical

STORE: Final = web.AppKey("store", Store)
_TYPE: Final = "application/vnd.schemaregistry.v1+json"
routes = web.RouteTableDef()


def application(store: Store) -> web.Application:
    """The web application over a store."""
    app = web.Application(middlewares=[_refusals])
    app[STORE] = store
    app.add_routes(routes)
    return app


def _answer(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=_TYPE)


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn refusals into Confluent's error bodies."""
    try:
        return await handler(request)
    except RefusedError as error:
        return _answer({"error_code": error.code, "message": str(error)}, error.status)
    except web.HTTPException as error:
        return _answer({"error_code": error.status, "message": error.reason}, error.status)


async def _body(request: web.Request, name: str = "schema") -> Any:
    """One entry of the request's body.

    Raises:
        RefusedError: 42201, the body doesn't have it or asks for what we don't have.
    """
    try:
        body = msgspec.json.decode(await request.read(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise RefusedError(422, 42201, f"Invalid request body: {error}") from error
    if (body.get("schemaType") or "AVRO") != "AVRO" or body.get("references"):
        raise RefusedError(422, 42201, "Only AVRO without references is supported")
    if name not in body:
        raise RefusedError(422, 42201, f"Invalid request body: {name!r} is missing")
    return body[name]


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _described(store: Store, subject: str, version: int, number: int) -> dict[str, Any]:
    text = store.texts[number]
    return {"subject": subject, "version": version, "id": number, "schemaType": "AVRO", "schema": text}


@routes.get("/")
async def _root(_: web.Request) -> web.Response:
    return _answer({})


@routes.get("/schemas/types")
async def _types(_: web.Request) -> web.Response:
    return _answer(["AVRO"])


@routes.get("/mode")
async def _mode(_: web.Request) -> web.Response:
    return _answer({"mode": "READWRITE"})


@routes.get("/subjects")
async def _subjects(request: web.Request) -> web.Response:
    hidden = _flag(request, "deleted")
    found = request.app[STORE].subjects.items()
    return _answer(sorted(name for name, subject in found if subject.visible or (hidden and subject.ids)))


@routes.get("/subjects/{subject}/versions")
async def _versions(request: web.Request) -> web.Response:
    return _answer(list(request.app[STORE].visible(request.match_info["subject"])))


@routes.post("/subjects/{subject}/versions")
async def _register(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info["subject"]
    number = store.register(subject, await _body(request))
    return _answer({"id": number})


@routes.post("/subjects/{subject}")
async def _lookup(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info["subject"]
    return _answer(_described(store, subject, *store.lookup(subject, await _body(request))))


@routes.delete("/subjects/{subject}")
async def _delete_subject(request: web.Request) -> web.Response:
    subject = request.match_info["subject"]
    return _answer(request.app[STORE].delete(subject, permanent=_flag(request, "permanent")))


@routes.get("/subjects/{subject}/versions/{version}")
async def _version(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info["subject"]
    return _answer(_described(store, subject, *store.version(subject, request.match_info["version"])))


@routes.get("/subjects/{subject}/versions/{version}/schema")
async def _version_text(request: web.Request) -> web.Response:
    store = request.app[STORE]
    _, number = store.version(request.match_info["subject"], request.match_info["version"])
    return web.Response(text=store.texts[number], content_type=_TYPE)


@routes.delete("/subjects/{subject}/versions/{version}")
async def _delete_version(request: web.Request) -> web.Response:
    store, subject, version = request.app[STORE], request.match_info["subject"], request.match_info["version"]
    permanent = _flag(request, "permanent")
    number = int(version) if permanent and version.isdecimal() else store.version(subject, version)[0]
    return _answer(store.delete(subject, number, permanent=permanent)[0])


@routes.get("/schemas/ids/{number}")
async def _schema(request: web.Request) -> web.Response:
    return _answer({"schema": _text(request), "schemaType": "AVRO"})


@routes.get("/schemas/ids/{number}/schema")
async def _schema_text(request: web.Request) -> web.Response:
    return web.Response(text=_text(request), content_type=_TYPE)


@routes.get("/schemas/ids/{number}/versions")
async def _schema_versions(request: web.Request) -> web.Response:
    _text(request)
    number = int(request.match_info["number"])
    found = [
        {"subject": name, "version": version}
        for name, subject in request.app[STORE].subjects.items()
        for version, used in subject.visible.items()
        if used == number
    ]
    return _answer(found)


def _text(request: web.Request) -> str:
    """The schema whose id the path names."""
    number = request.match_info["number"]
    text = request.app[STORE].texts.get(int(number)) if number.isdecimal() else None
    if text is None:
        raise RefusedError(404, 40403, f"Schema {number} not found")
    return text


@routes.post("/compatibility/subjects/{subject}/versions/{version}")
@routes.post("/compatibility/subjects/{subject}/versions")
async def _compatibility(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info["subject"]
    text = canonical(await _body(request))
    if version := request.match_info.get("version"):
        _, number = store.version(subject, version)
        found = store.compare(store.level(subject), text, store.texts[number])
    else:
        found = store.incompatibilities(subject, text)
    return _answer({"is_compatible": not found, "messages": found if _flag(request, "verbose") else []})


@routes.get("/config")
@routes.get("/config/{subject}")
async def _level(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info.get("subject", "")
    if not store.levels.get(subject) and not _flag(request, "defaultToGlobal"):
        raise RefusedError(404, 40408, f"Subject '{subject}' does not have its own compatibility level")
    return _answer({"compatibilityLevel": store.level(subject)})


@routes.put("/config")
@routes.put("/config/{subject}")
async def _set_level(request: web.Request) -> web.Response:
    store, subject = request.app[STORE], request.match_info.get("subject", "")
    level = await _body(request, "compatibility")
    store.set_level(subject, str(level).upper())
    return _answer({"compatibility": store.level(subject)})
