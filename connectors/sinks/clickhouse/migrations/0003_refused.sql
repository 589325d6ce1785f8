-- What was refused and what came too late, with the original bytes.
CREATE TABLE IF NOT EXISTS dead_letters
(
    stage LowCardinality(String),
    topic LowCardinality(String),
    partition Int64,
    offset Int64 CODEC(ZSTD(1)),
    ts_event DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    code LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    key Nullable(String) CODEC(ZSTD(1)),
    data String CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition, offset, stage, code);

CREATE TABLE IF NOT EXISTS late AS dead_letters
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition, offset, stage, code);
