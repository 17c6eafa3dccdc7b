-- A restart must not forget what flights do that the filters have never let through: they have no
-- row, and may enter the boundary later. One row, of the newest snapshot.

CREATE TABLE outside_filters (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    time     timestamptz NOT NULL,
    flights  bytea NOT NULL
);

COMMENT ON TABLE outside_filters IS 'For a restart: the flights of the newest snapshot that the filters have never let through. One row; none without filters.';
COMMENT ON COLUMN outside_filters.only_row IS 'Always true.';
COMMENT ON COLUMN outside_filters.time IS 'The snapshot.';
COMMENT ON COLUMN outside_filters.flights IS 'What is known of them, MessagePack, compressed by zstd: vatwatch''s own.';
