"""Who may ask: users with a password, some of whom may only read."""

import base64
import binascii
import hmac
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from barline.stack.clickhouse.errors import QueryError

_FAILED: Final = (
    "{}: Authentication failed: password is incorrect, or there is no user with such name. "
    "(AUTHENTICATION_FAILED)"
)


class User(msgspec.Struct, frozen=True):
    """One user.

    Attributes:
        password: in clear; the file is readable by its owner alone.
        readonly: may not change anything.
    """

    password: str
    readonly: bool = False


def read_users(path: Path) -> dict[str, User]:
    """Users by name, from a JSON file."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, User])


def authenticate(request: web.Request, users: dict[str, User]) -> User:
    """The user of a request: named in the query, in ClickHouse's headers or in basic authentication.

    Raises:
        QueryError: 516, there is none with this password.
    """
    name, password = _credentials(request)
    user = users.get(name)
    # Compared even for an unknown user, so that the time of an answer says nothing about names.
    right = hmac.compare_digest((user.password if user else "\0").encode(), password.encode())
    if user is None or not right:
        raise QueryError(516, _FAILED.format(name))
    return user


def _credentials(request: web.Request) -> tuple[str, str]:
    """Name and password of a request."""
    headers, query = request.headers, request.query
    name = query.get("user") or headers.get("X-ClickHouse-User")
    if name is None and headers.get("Authorization", "").startswith("Basic "):
        try:
            name, _, password = base64.b64decode(headers["Authorization"][6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise QueryError(516, _FAILED.format("?")) from error
        return name or "default", password
    return name or "default", query.get("password") or headers.get("X-ClickHouse-Key") or ""
