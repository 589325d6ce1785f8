-- version is (epoch of lines.raw << 48) + lines_offset; the epoch rises when that topic is created anew.
CREATE TABLE IF NOT EXISTS equity
(
    mode String,
    strand_id String CODEC(ZSTD(1)),
    broker LowCardinality(String),
    ts_event DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    equity Float64 CODEC(ZSTD(1)),
    live Bool,
    lines_offset Int64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY mode
ORDER BY (mode, strand_id, broker, ts_event);

-- Rows of runs that have not ended, one partition a run, so that a run goes away as a whole. At its end they are
-- copied into a table of that run alone with the layout of equity, and that one is attached.
CREATE TABLE IF NOT EXISTS equity_staging AS equity
ENGINE = ReplacingMergeTree(version)
PARTITION BY (mode, strand_id)
ORDER BY (mode, strand_id, broker, ts_event);

CREATE TABLE IF NOT EXISTS trades
(
    mode String,
    strand_id String CODEC(ZSTD(1)),
    ts_event DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    type LowCardinality(String),
    item Int64,
    data String CODEC(ZSTD(1)),
    live Bool,
    lines_offset Int64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts_event)
ORDER BY (mode, strand_id, ts_event, type, lines_offset, item);

-- The configurations of modes, the newest of each run; the resolver looks here for a mode it does not know.
CREATE TABLE IF NOT EXISTS trading_instances
(
    mode String,
    strand_id String,
    component String,
    file_id String,
    line Int64,
    scanned Bool,
    ts_event DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    live Bool,
    data String CODEC(ZSTD(1)),
    version Int64,
    ts_published DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (mode, strand_id);

-- Journal of the runs that are published at their end. published is the version up to which rows are out, or -1;
-- first_offset is where the rows of the open part of a run begin on the topic equity.
CREATE TABLE IF NOT EXISTS runs
(
    mode String,
    strand_id String,
    topic LowCardinality(String),
    partition Int64,
    first_offset Int64,
    end_offset Int64,
    published Int64,
    rows UInt64,
    state LowCardinality(String),
    version UInt64,
    ts_stored DateTime64(9, 'UTC') DEFAULT now64(9)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (mode, strand_id);

-- A topic that is created anew begins again at offset 0; its epoch rises then.
CREATE TABLE IF NOT EXISTS topic_epochs
(
    topic String,
    topic_id String,
    epoch UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id);
