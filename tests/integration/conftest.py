"""Fixtures of the integration tests."""

import pytest

from runtime.kafka import KafkaSettings


@pytest.fixture
def settings(kafka: str) -> KafkaSettings:
    """How to reach the broker."""
    return KafkaSettings(kafka)
