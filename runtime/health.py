"""Health, readiness and metrics over HTTP, in a thread of its own.

A thread, because the answer matters most when the main loop stands still::

    GET /health   200 alive | 503 why not         restart the process when it fails
    GET /ready    200 ready | 503 why not         send no traffic, wait for it at start-up
    GET /metrics  Prometheus text

It listens on ``BARLINE_HEALTH`` (``host:port``), or on ``BARLINE_HEALTH_PORT`` of 127.0.0.1, unless told
otherwise.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from runtime.metrics import exposition
from schemas.errors import ConfigurationError

Check = Callable[[], str]
"""Says why not; empty when all is well."""

_JSON: Final = "application/json"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


def asked_address(environ: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Host and port that the environment asks for; port 0 where it leaves that open."""
    host, _, port = environ.get("BARLINE_HEALTH", "").rpartition(":")
    return host or "127.0.0.1", int(port or environ.get("BARLINE_HEALTH_PORT") or 0)


class HealthServer:
    """Serves the three pages until the process ends.

    Args:
        ready: whether the process does its work yet.
        alive: whether it still can.
        port: 0 chooses a free one, None takes the environment's, else a free one.
        host: address to listen on, None takes the environment's, else 127.0.0.1.
        metrics: the text of ``/metrics``.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """

    def __init__(
        self,
        *,
        ready: Check,
        alive: Check = lambda: "",
        port: int | None = None,
        host: str | None = None,
        metrics: Callable[[], bytes] = exposition,
    ) -> None:
        asked = asked_address()
        address = (host or asked[0], asked[1] if port is None else port)
        checks = {"/health": alive, "/ready": ready}
        try:
            self._server = ThreadingHTTPServer(address, _pages(checks, metrics))
        except OSError as error:
            raise ConfigurationError(
                f"health address must be free, was {address[0]}:{address[1]}: {error} (set BARLINE_HEALTH)"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens, for a browser."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _pages(checks: dict[str, Check], metrics: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Pages(BaseHTTPRequestHandler):
        """The pages of one server."""

        def do_GET(self) -> None:
            """Answer one request."""
            if self.path == "/metrics":
                self._answer(200, _TEXT, metrics())
            elif self.path in checks:
                reason = checks[self.path]()
                body = {"status": "failing", "reason": reason} if reason else {"status": "ok"}
                self._answer(503 if reason else 200, _JSON, json.dumps(body).encode())
            else:
                self._answer(404, _JSON, b'{"status": "not found"}')

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Pages
