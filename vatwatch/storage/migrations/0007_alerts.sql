-- Alerts, active and past. Errors: repeats of one failure are one row for up to an hour.

CREATE TABLE alerts (
    id         uuid PRIMARY KEY,
    key        text NOT NULL,
    rule       text NOT NULL,
    subject    text NOT NULL,
    severity   text NOT NULL CHECK (severity IN ('warning', 'critical')),
    summary    text NOT NULL,
    cause      text NOT NULL,
    since      timestamptz NOT NULL,
    fired_at   timestamptz NOT NULL,
    until      timestamptz,
    notified   integer NOT NULL,
    delivery   text NOT NULL CHECK (delivery IN ('none', 'waiting', 'delivered', 'undelivered')),
    deliveries jsonb NOT NULL,
    revision   integer NOT NULL
);
CREATE INDEX alerts_fired ON alerts (fired_at, id);
CREATE INDEX alerts_active ON alerts (fired_at, id) WHERE until IS NULL;
CREATE INDEX alerts_until ON alerts (until);
COMMENT ON TABLE alerts IS 'Alerts that have fired, active and past, and what became of their notifications.';
COMMENT ON COLUMN alerts.id IS 'Random.';
COMMENT ON COLUMN alerts.key IS 'Rule and subject: at most one alert of a key is active.';
COMMENT ON COLUMN alerts.rule IS 'Its rule: unhealthy, breaker_open, feed_age, ...';
COMMENT ON COLUMN alerts.subject IS 'The part, breaker or resource; empty if the rule has only one.';
COMMENT ON COLUMN alerts.severity IS 'warning or critical.';
COMMENT ON COLUMN alerts.summary IS 'What is wrong, in a few words.';
COMMENT ON COLUMN alerts.cause IS 'Why, as last known, and which other parts suffer from it.';
COMMENT ON COLUMN alerts.since IS 'Wall clock: when the condition began to hold.';
COMMENT ON COLUMN alerts.fired_at IS 'Wall clock: when it had held for long enough, and was told.';
COMMENT ON COLUMN alerts.until IS 'Wall clock: when the condition had been gone for the rule''s time; null while the alert is active.';
COMMENT ON COLUMN alerts.notified IS 'How often it was told to the log and the webhooks.';
COMMENT ON COLUMN alerts.delivery IS 'The worst of its deliveries: undelivered, waiting, delivered; none without a webhook.';
COMMENT ON COLUMN alerts.deliveries IS 'Of each webhook and notification: state, since when, attempts, last error (JSON).';
COMMENT ON COLUMN alerts.revision IS 'Grows with each change, so that a late write changes nothing.';

-- The retention and the list of errors look for the time of the last of each row.
CREATE INDEX errors_last ON errors (last_at);
COMMENT ON TABLE errors IS 'An error of the service, or several of one fingerprint: within a second, of an outage within an hour.';
COMMENT ON COLUMN errors.count IS 'How many they are; an outage that goes on raises it.';
COMMENT ON COLUMN snapshots.quarantined IS 'Records that were quarantined, see quarantine, which keeps the first of them.';
