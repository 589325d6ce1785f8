-- A value is NULL where the newest revision of its bar has none; a name that never had one has no row.
ALTER TABLE indicators MODIFY COLUMN value Nullable(Float64) CODEC(ZSTD(1));

-- The notifications. ts_published says when the values of a bar were out; an identical repeat replaces itself.
CREATE TABLE IF NOT EXISTS ready
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_close DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    revision Int64 CODEC(ZSTD(1)),
    what LowCardinality(String),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, interval, ts_open, revision);
