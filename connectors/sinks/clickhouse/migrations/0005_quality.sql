-- The quality of a session by the bars of each interval; rows from before have interval '' and are of 1m. flags:
-- bits, see schemas/flags.py.
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS interval LowCardinality(String) AFTER revision,
    ADD COLUMN IF NOT EXISTS planned Int64 AFTER interval,
    ADD COLUMN IF NOT EXISTS flags Int64 AFTER planned,
    MODIFY ORDER BY (symbol, session_date, interval);
