"""The transport alias: an app whose broker is ``barline://host:port`` uses the classes of this package."""

from typing import Final

from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from streams.transport.consumer import Consumer
from streams.transport.producer import Producer

SCHEME: Final = "barline"


class Transport(driver.Transport):  # type: ignore[misc]  # Faust has no types
    """Chunks in, an honest producer out."""

    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


def broker_urls(bootstrap: str) -> str:
    """Faust's broker setting for ``host:port[,host:port]``."""
    return ";".join(f"{SCHEME}://{address.strip()}" for address in bootstrap.split(","))
