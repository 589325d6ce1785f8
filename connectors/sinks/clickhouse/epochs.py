"""Epochs of topics: one created anew begins at offset 0 again, so its offsets need a number above them."""

from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import KafkaException, TopicCollection

from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import chunk_of_rows
from runtime.kafka import KafkaSettings, unreachable

SHIFT: Final = 48
"""An offset has so many bits; the epoch stands above them."""


def topic_ids(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, str]:
    """Identity of each topic, another one whenever it is created anew.

    Raises:
        DependencyError: the brokers do not answer.
    """
    admin = settings.admin("sink")
    answers = admin.describe_topics(TopicCollection(list(topics)))
    try:
        return {topic: str(future.result(30).topic_id) for topic, future in answers.items()}
    except KafkaException as failure:
        raise unreachable(settings, failure.args[0]) from failure


def epochs(store: Store, ids: Mapping[str, str]) -> dict[str, int]:
    """Epoch of each topic, counted up for an identity that was not seen before.

    Args:
        store: where they are kept.
        ids: identity by topic.
    """
    found: dict[str, int] = {}
    rows = store.rows("SELECT topic, topic_id, epoch FROM topic_epochs FINAL")
    for topic, identity in ids.items():
        known = {row[1]: int(row[2]) for row in rows if row[0] == topic}
        found[topic] = known.get(identity, max(known.values(), default=-1) + 1)
        if identity not in known:
            row: dict[str, str | int] = {"topic": topic, "topic_id": identity, "epoch": found[topic]}
            store.insert("topic_epochs", [chunk_of_rows([row])])
    return found
