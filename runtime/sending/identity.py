"""Who sends: the id by which brokers tell a producer's batches from those of others."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest

_LOG: Final = logging.getLogger(__name__)
UNKNOWN: Final = -1, -1
BACKOFF_S: Final = 0.1
_LONGEST_S: Final = 1.0  # where there is still no broker
_END_S: Final = 0.5


async def producer_id(client: Any, hear: Callable[[str], None]) -> tuple[int, int]:
    """A new id and its epoch, as soon as there is a broker that gives one.

    Args:
        client: of aiokafka, which has not looked for the brokers yet.
        hear: called with each reason why there is none yet.
    """
    pause = BACKOFF_S
    while True:
        try:
            return await _to_its_end(_asked(client))
        except (KafkaError, OSError) as error:
            _LOG.log(logging.WARNING if pause == BACKOFF_S else logging.DEBUG, "no producer id: %r", error)
            hear(f"no producer id, {error!r}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_S)


async def _to_its_end(asked: Coroutine[Any, Any, tuple[int, int]]) -> tuple[int, int]:
    """What is asked; who is cancelled waits a little for it, as aiokafka would leave a connection open."""
    asking = asyncio.ensure_future(asked)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await asyncio.wait([asking], timeout=_END_S)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        raise


async def _asked(client: Any) -> tuple[int, int]:
    """What a broker gives.

    Raises:
        KafkaError: no broker is there, or this one gives no id now.
    """
    await client.bootstrap()
    wanted = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=-1)
    said = await client.send(client.get_random_node(), wanted)
    if said.error_code:
        raise for_code(said.error_code)
    return said.producer_id, said.producer_epoch
