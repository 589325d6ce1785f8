"""A schema registry for Avro: the part of Confluent's interface that its clients use, on one log file."""
