"""The transport alias: an app whose broker is ``barline://host:port`` uses the classes of this package."""

from typing import Final

from faust.transport import consumer as base
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from mode import Service

from streams.transport.consumer import Consumer
from streams.transport.library import library_log
from streams.transport.producer import Producer

SCHEME: Final = "barline"


class Fetcher(base.Fetcher):  # type: ignore[misc]  # Faust has no types
    """Hands on chunks until it is told to stop.

    Faust's takes being told so for a crash while partitions are assigned anew.
    """

    logger = library_log

    @Service.task  # type: ignore[untyped-decorator]  # Faust has no types
    async def _fetcher(self) -> None:
        try:
            await self.app.consumer._drain_messages(self)  # noqa: SLF001 (Faust does the same)
        finally:
            self.set_shutdown()


class Transport(driver.Transport):  # type: ignore[misc]  # Faust has no types
    """Chunks in, an honest producer out."""

    Fetcher = Fetcher
    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


def broker_urls(bootstrap: str) -> str:
    """Faust's broker setting for ``host:port[,host:port]``."""
    return ";".join(f"{SCHEME}://{address.strip()}" for address in bootstrap.split(","))
