"""The edges: sources bring records in, sinks and the API take them out."""
