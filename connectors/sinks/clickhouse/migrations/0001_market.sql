-- Prices are Float64 CODEC(ZSTD(1)), instants DateTime64(9) CODEC(DoubleDelta, ZSTD(1)). ts_published (header of
-- the record, 1970 where it has none) and ts_stored say when, and are part of no comparison.
CREATE TABLE IF NOT EXISTS bars
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_close DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    session_date Date32,
    open Float64 CODEC(ZSTD(1)),
    high Float64 CODEC(ZSTD(1)),
    low Float64 CODEC(ZSTD(1)),
    close Float64 CODEC(ZSTD(1)),
    volume Float64 CODEC(ZSTD(1)),
    notional Nullable(Float64) CODEC(ZSTD(1)),
    trades Nullable(Int64) CODEC(ZSTD(1)),
    ts_first Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    ts_last Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    revision Int64 CODEC(ZSTD(1)),
    fill LowCardinality(String),
    expected Int64 CODEC(ZSTD(1)),
    actual Int64 CODEC(ZSTD(1)),
    filled Int64 CODEC(ZSTD(1)),
    complete Bool,
    coverage Float64 CODEC(ZSTD(1)),
    source LowCardinality(String),
    flags Int64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, interval, ts_open);

CREATE TABLE IF NOT EXISTS bars_revisions AS bars
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, interval, ts_open, revision);

CREATE TABLE IF NOT EXISTS indicators
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    name LowCardinality(String),
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_close DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    converged Bool,
    revision Int64 CODEC(ZSTD(1)),
    bar_revision Int64 CODEC(ZSTD(1)),
    ts_expires DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, interval, name, ts_open);

CREATE TABLE IF NOT EXISTS gaps
(
    symbol LowCardinality(String),
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_close DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    session_date Date32,
    minutes Int64,
    halt Int64,
    rejected Int64,
    outage Int64,
    no_trades Int64,
    unknown Int64,
    state LowCardinality(String),
    revision Int64,
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, ts_open);

CREATE TABLE IF NOT EXISTS sessions
(
    symbol LowCardinality(String),
    session_date Date32,
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts_close DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    ts DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    state LowCardinality(String),
    expected Int64,
    real Int64,
    refetched Int64,
    flat Int64,
    no_trades Int64,
    rejected Int64,
    late Int64,
    revised Int64,
    outage Int64,
    quality Nullable(Float64),
    revision Int64,
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(session_date)
ORDER BY (symbol, session_date);

-- A status has no revision: the last one in the log holds, so version counts by its place there.
CREATE TABLE IF NOT EXISTS minute_status
(
    symbol LowCardinality(String),
    source LowCardinality(String),
    ts_open DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    rejected Int64,
    late Int64,
    duplicate Int64,
    seq_hole Bool,
    halted Bool,
    cause Nullable(String),
    filled Bool,
    version UInt64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, source, ts_open);
