"""What all processes agree on: records, columns, topics, markets. Pure but for the registry client."""
