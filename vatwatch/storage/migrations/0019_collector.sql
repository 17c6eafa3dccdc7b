-- Who collects. Of several processes on one database, one writes at a time.

CREATE TABLE collector (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    node  text NOT NULL,
    since timestamptz NOT NULL
);
COMMENT ON TABLE collector IS 'Which process writes now, or did last: one row; empty until the first one has the role.';
COMMENT ON COLUMN collector.one IS 'Always true, so that there is one row.';
COMMENT ON COLUMN collector.epoch IS 'How often the role was taken. A transaction of an older epoch is refused.';
COMMENT ON COLUMN collector.node IS 'What this process calls itself.';
COMMENT ON COLUMN collector.since IS 'Wall clock of the database: when it took the role.';
