"""Records to brokers: idempotent, in order, a record batch at a time, in an event loop."""
