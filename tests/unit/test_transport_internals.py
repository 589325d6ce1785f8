"""What we override or lean on in Faust, mode and aiokafka still has the source it had when we read it.

A new version of a pin may still work: read what changed, run ``tests/faults`` in its long form, then take
over the new digest that the failing test prints.
"""

import hashlib
import inspect
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, AIOKafkaProtocol
from aiokafka.consumer import fetcher, group_coordinator
from aiokafka.consumer.consumer import AIOKafkaConsumer
from aiokafka.consumer.subscription_state import TopicPartitionState
from faust.app.base import App
from faust.stores.memory import Store
from faust.streams import Stream
from faust.tables import base as tables
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import conductor, consumer, producer
from faust.transport.drivers import aiokafka as driver
from mode.services import Service
from mode.utils import queues

DIGESTS = {
    (
        fetcher.Fetcher,
        "_fetch_requests_routine _proc_fetch_request _get_actions_per_node",
    ): "4ec09fd919e9cb7b",
    (fetcher.Fetcher, "__init__ close seek_to request_offset_reset"): "c5594893ea4b2903",
    (AIOKafkaClient, "__init__ force_metadata_update close"): "a685a318c7a98283",
    (
        AIOKafkaConnection,
        "__init__ connect connected close _read _on_read_task_error _idle_check",
    ): "df73677c1c421b81",
    (AIOKafkaProtocol, ""): "0f94e2d601522f90",
    (TopicPartitionState, ""): "2b83334afadf6d98",
    (AIOKafkaConsumer, "seek_to_committed seek_to_beginning"): "dace5a14f59ce7bf",
    (
        group_coordinator.GroupCoordinator,
        "_on_join_prepare reset_generation commit_offsets",
    ): "4a67df6d08469ea4",
    (
        driver.AIOKafkaConsumerThread,
        "_create_worker_consumer _fetch_records _commit seek seek_to_committed seek_to_beginning seek_wait",
    ): "ddad23bdebcb68c6",
    (driver.ConsumerRebalanceListener, ""): "f3d04f29dfb3f716",
    (driver.Consumer, ""): "959f899e8ebfdd56",
    (consumer.ThreadDelegateConsumer, ""): "a1b934b198fae1c0",
    (
        consumer.Consumer,
        "__init__ getmany commit force_commit _commit_tps _commit_offsets verify_event_path",
    ): "ebeb8d67eba583e2",
    (
        consumer.Consumer,
        "_filter_tps_with_pending_acks _new_offset _drain_messages perform_seek on_partitions_revoked",
    ): "61407a330b489316",
    (
        consumer.Consumer,
        "_get_active_partitions _set_active_tps on_partitions_assigned stop_flow resume_flow",
    ): "3d2c4c70d1e35237",
    (consumer.Fetcher, ""): "c922e4ab78d9e296",
    (producer.Producer, ""): "cc2b9b09e616f201",
    (conductor.ConductorCompiler, ""): "f8bedb3d7dc2083d",
    (Recovery, ""): "a652ef029484ee3a",
    (TableManager, ""): "f6eed12883a36a91",
    (
        tables.Collection,
        "__init__ _new_store _new_store_by_url on_rebalance on_recovery_completed",
    ): "4c1a0e5071a7256c",
    (Store, ""): "83ceb1145af05eae",
    (App, "_on_partitions_revoked _on_partitions_assigned _stop_consumer _stop_fetcher"): "5510acc296111b6d",
    (App, "on_started _wait_for_table_recovery_completed on_stop"): "1836aff6d0cddd12",
    (App, "on_rebalance_start on_rebalance_end"): "b8e48cb02a0584c0",
    (Stream, "noack __aiter__ _c_aiter _py_aiter"): "86cc3e342b806dfd",
    (Service, "wait_first stop _execute_task"): "211f82b5864696c7",
    (Service, "crash _crash"): "cdefbba6d4c8f66c",
    (queues.FlowControlEvent, ""): "1da8f905ab655e39",
    (queues.FlowControlQueue, ""): "15f15a87fd6de428",
}


@pytest.mark.parametrize("part", DIGESTS, ids=lambda part: f"{part[0].__name__}.{part[1]}")
def test_the_internals_we_override_are_those_we_know(part: tuple[Any, str]):
    assert digest(*part) == DIGESTS[part]


def digest(owner: Any, names: str) -> str:
    """Digest of the sources of some members, or of the whole where no name is given."""
    parts = [getattr(owner, name) for name in names.split()] or [owner]
    return hashlib.sha256("".join(inspect.getsource(part) for part in parts).encode()).hexdigest()[:16]
