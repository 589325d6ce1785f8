"""What every process has and nothing about markets: Kafka, health, metrics, logs, process end."""
