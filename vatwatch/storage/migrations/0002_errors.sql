-- Errors of the service itself, with what was done about them.

CREATE TABLE errors (
    id             uuid PRIMARY KEY,
    time           timestamptz NOT NULL,
    last_at        timestamptz NOT NULL,
    count          integer NOT NULL,
    fingerprint    text NOT NULL,
    service        text NOT NULL,
    path           text NOT NULL,
    operation      text NOT NULL,
    category       text NOT NULL,
    severity       text NOT NULL,
    error_type     text NOT NULL,
    message        text NOT NULL,
    correlation_id text NOT NULL,
    traceback      text NOT NULL,
    recovery       text NOT NULL,
    recovered      boolean,
    recovery_s     double precision
);
CREATE INDEX errors_time ON errors (time, id);
CREATE INDEX errors_fingerprint ON errors (fingerprint, time);
COMMENT ON TABLE errors IS 'An error of the service, or several of one fingerprint within a second.';
COMMENT ON COLUMN errors.id IS 'Random.';
COMMENT ON COLUMN errors.time IS 'Wall clock: the first of them.';
COMMENT ON COLUMN errors.last_at IS 'Wall clock: the last of them.';
COMMENT ON COLUMN errors.count IS 'How many they are.';
COMMENT ON COLUMN errors.fingerprint IS 'The same for errors of one service, operation, type and place in the code.';
COMMENT ON COLUMN errors.service IS 'The part of the service: store, fetcher, ...';
COMMENT ON COLUMN errors.path IS 'Its place in the supervision tree.';
COMMENT ON COLUMN errors.operation IS 'What it did, or the type of the message that it handled.';
COMMENT ON COLUMN errors.category IS 'network, database, api, validation, configuration, resource, timeout or unknown.';
COMMENT ON COLUMN errors.severity IS 'low, medium, high or critical.';
COMMENT ON COLUMN errors.error_type IS 'Class of the error.';
COMMENT ON COLUMN errors.message IS 'What the latest of them says.';
COMMENT ON COLUMN errors.correlation_id IS 'The snapshot''s update_timestamp as sent, or empty.';
COMMENT ON COLUMN errors.traceback IS 'Of the first of them.';
COMMENT ON COLUMN errors.recovery IS 'What was tried last: none, retry, breaker, fallback, degrade or restart.';
COMMENT ON COLUMN errors.recovered IS 'Whether that worked; null if it is not known.';
COMMENT ON COLUMN errors.recovery_s IS 'Seconds until it was mended, or given up.';
