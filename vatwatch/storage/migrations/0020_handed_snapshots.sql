-- Snapshots that a node has fetched and that another one is to store.

CREATE TABLE handed_snapshots (
    node             text NOT NULL,
    entry_id         bigint NOT NULL,
    update_timestamp timestamptz NOT NULL,
    fetched_at       timestamptz NOT NULL,
    source           text NOT NULL,
    data             bytea NOT NULL,
    transceivers     bytea,
    handed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (node, entry_id, update_timestamp)
);
COMMENT ON TABLE handed_snapshots IS 'Snapshots that a node fetched while it collected, and could not store before another one took its place. The collector takes them into its journal; then they are gone from here.';
COMMENT ON COLUMN handed_snapshots.node IS 'Which node has fetched it.';
COMMENT ON COLUMN handed_snapshots.entry_id IS 'Its id in the journal of that node.';
COMMENT ON COLUMN handed_snapshots.update_timestamp IS 'The feed''s time of the snapshot.';
COMMENT ON COLUMN handed_snapshots.fetched_at IS 'Wall clock: when it was fetched.';
COMMENT ON COLUMN handed_snapshots.source IS 'From where it was fetched.';
COMMENT ON COLUMN handed_snapshots.data IS 'The bytes of the main feed.';
COMMENT ON COLUMN handed_snapshots.transceivers IS 'The bytes of the transceivers feed; null without one.';
COMMENT ON COLUMN handed_snapshots.handed_at IS 'Wall clock of the database: when it was put here.';
