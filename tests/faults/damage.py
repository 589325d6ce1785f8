"""What may happen to a changelog and to the offsets of a group."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from runtime.reader import Reader
from tests.faults.harness import Run, eventually


def lose_changelog(run: Run) -> None:
    """Delete the changelog, and make an empty one."""
    admin = run.kafka.admin("test")  # its answers come only while it lives
    admin.delete_topics([run.changelog])[run.changelog].result()
    empty = {run.changelog: run.changelog_settings}
    eventually(
        lambda: _done_unless(KafkaError.TOPIC_ALREADY_EXISTS, lambda: run.create(empty)),
        "the changelog can be made anew",
    )


def truncate_changelog(run: Run) -> None:
    """Delete all but the newest records of the changelog, as retention would were its policy changed."""
    admin, reader = run.kafka.admin("test"), Reader(run.kafka, "test")
    _set_policy(admin, run.changelog, "delete")
    ends = reader.ends([run.changelog]).items()
    reader.close()
    kept = [TopicPartition(run.changelog, place.number, max(end - 4, 0)) for place, end in ends]
    for done in admin.delete_records(kept).values():
        done.result()
    _set_policy(admin, run.changelog, "compact")


def put_back_an_old_copy(run: Run) -> None:
    """The changelog as it was before the last checkpoints."""
    states = run.read(run.changelog)
    lose_changelog(run)
    run.write_states(states[: len(states) // 2])


def forget_offsets(run: Run) -> None:
    """Delete what the group has committed."""
    admin = run.kafka.admin("test")

    def forgotten() -> bool:
        deleted = admin.delete_consumer_groups([run.name])[run.name]
        return _done_unless(KafkaError.NON_EMPTY_GROUP, deleted.result)

    eventually(forgotten, "the group is empty and can be deleted")


def _done_unless(code: int, call: Callable[[], object]) -> bool:
    """Whether a call was done; False for a failure that passes."""
    try:
        call()
    except KafkaException as failure:
        if failure.args[0].code() == code:
            return False
        raise
    return True


def _set_policy(admin: AdminClient, topic: str, policy: str) -> None:
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([changed])[changed].result()
