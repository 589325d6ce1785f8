"""Barline: the market-data plane of a trading shop, on Kafka."""
