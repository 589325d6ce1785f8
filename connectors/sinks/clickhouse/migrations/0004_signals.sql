-- values: what the condition read, by its text, such as values['rsi_14@5m'].
CREATE TABLE IF NOT EXISTS signals
(
    symbol LowCardinality(String),
    venue_symbol LowCardinality(String),
    name LowCardinality(String),
    interval LowCardinality(String),
    ts_event DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    values Map(String, Float64),
    ts_expires DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    broker LowCardinality(String),
    revision Int64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(ts_event)
ORDER BY (symbol, name, ts_event, broker);
