-- Values that were computed anew (`barline reprocess`) keep the revision they stand in for: rerun is 0 for live rows,
-- else the number of the run. The version of a row was its revision alone. Rows of earlier runs, which have the
-- revision after the live one, cannot be told from live ones and stay as they are.
ALTER TABLE indicators
    ADD COLUMN IF NOT EXISTS rerun Int64 CODEC(ZSTD(1)) AFTER ts_expires,
    ADD COLUMN IF NOT EXISTS version Int64 MATERIALIZED bitShiftLeft(revision, 32) + rerun CODEC(ZSTD(1)) AFTER rerun;

-- The version of a table cannot be changed, so its parts go to another one, which then takes its name. Where an
-- earlier try ended early, the old table may have that other name, with rows that came last: they come back first.
CREATE TABLE IF NOT EXISTS indicators_0007 AS indicators;

ALTER TABLE indicators ATTACH PARTITION ALL FROM indicators_0007;

DROP TABLE IF EXISTS indicators_0007 SETTINGS max_table_size_to_drop = 0;

CREATE TABLE IF NOT EXISTS indicators_0007 AS indicators
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts_open)
ORDER BY (symbol, interval, name, ts_open);

ALTER TABLE indicators_0007 ATTACH PARTITION ALL FROM indicators;

EXCHANGE TABLES indicators AND indicators_0007;

-- A sink may be at work: an insert that is under way ends in the old table, so it is waited for.
SELECT sleepEachRow(3) FROM
    (SELECT 1 FROM system.processes WHERE query_kind = 'Insert' AND current_database = currentDatabase() LIMIT 1);

INSERT INTO indicators
    (symbol, interval, name, ts_open, ts_close, value, converged, revision, bar_revision, ts_expires, ts_published,
     ts_stored)
SELECT symbol, interval, name, ts_open, ts_close, value, converged, revision, bar_revision, ts_expires, ts_published,
    ts_stored
FROM indicators_0007 WHERE ts_stored >= now64(9) - INTERVAL 1 HOUR
SETTINGS max_partitions_per_insert_block = 0;

DROP TABLE IF EXISTS indicators_0007 SETTINGS max_table_size_to_drop = 0;
