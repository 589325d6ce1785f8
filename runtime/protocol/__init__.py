"""Kafka's protocol where it is spoken without librdkafka: connections, and how bytes are laid out."""
