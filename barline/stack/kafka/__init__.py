"""A real Apache Kafka from its jars: finding Java, fetching the jars once, formatting, starting."""
