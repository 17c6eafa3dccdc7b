-- What users want to be told of, what was judged of it, and what is told.

CREATE TABLE subscriptions (
    id           uuid PRIMARY KEY,
    owner        text NOT NULL,
    name         text NOT NULL,
    watch        jsonb NOT NULL,
    target       jsonb NOT NULL,
    enabled      boolean NOT NULL,
    tell_present boolean NOT NULL,
    until        timestamptz,
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    state        jsonb NOT NULL
);
CREATE INDEX subscriptions_owner ON subscriptions (owner, created_at);
COMMENT ON TABLE subscriptions IS 'What somebody wants to be told of, and what is remembered between two snapshots.';
COMMENT ON COLUMN subscriptions.id IS 'Random.';
COMMENT ON COLUMN subscriptions.owner IS 'Who made it: the key, as the audit log names it.';
COMMENT ON COLUMN subscriptions.name IS 'What its owner calls it.';
COMMENT ON COLUMN subscriptions.watch IS 'What it waits for, as the API has it.';
COMMENT ON COLUMN subscriptions.target IS 'Who is told, with the secrets that this needs.';
COMMENT ON COLUMN subscriptions.enabled IS 'Whether snapshots are judged for it.';
COMMENT ON COLUMN subscriptions.tell_present IS 'Whether what is there as it begins is told.';
COMMENT ON COLUMN subscriptions.until IS 'Wall clock: from then on nothing is judged; null for ever.';
COMMENT ON COLUMN subscriptions.created_at IS 'Wall clock.';
COMMENT ON COLUMN subscriptions.changed_at IS 'Wall clock: when its owner changed it last.';
COMMENT ON COLUMN subscriptions.state IS 'What it remembers of the snapshots so far; its time is that of the last change.';

CREATE TABLE subscription_deliveries (
    id              uuid PRIMARY KEY,
    subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    occasion        uuid NOT NULL,
    message         jsonb NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'delivered', 'undelivered')),
    attempts        integer NOT NULL,
    last_error      text NOT NULL,
    receipt         text NOT NULL,
    created_at      timestamptz NOT NULL,
    done_at         timestamptz
);
CREATE INDEX subscription_deliveries_waiting ON subscription_deliveries (created_at, id) WHERE done_at IS NULL;
CREATE INDEX subscription_deliveries_done ON subscription_deliveries (done_at);
CREATE INDEX subscription_deliveries_latest ON subscription_deliveries (subscription_id, created_at, id);
CREATE INDEX subscription_deliveries_occasion ON subscription_deliveries (occasion);
COMMENT ON TABLE subscription_deliveries IS 'Messages to those who have subscriptions: waiting, delivered, or given up. An occasion that has a row is not told again.';
COMMENT ON COLUMN subscription_deliveries.id IS 'Computed from the subscription, the subject, its session, and whether it began or ended.';
COMMENT ON COLUMN subscription_deliveries.subscription_id IS 'Whose.';
COMMENT ON COLUMN subscription_deliveries.occasion IS 'The same of the beginning and the end.';
COMMENT ON COLUMN subscription_deliveries.message IS 'What is told.';
COMMENT ON COLUMN subscription_deliveries.state IS 'waiting, delivered or undelivered.';
COMMENT ON COLUMN subscription_deliveries.attempts IS 'How often it was tried.';
COMMENT ON COLUMN subscription_deliveries.last_error IS 'Why the last try failed; empty if it did not.';
COMMENT ON COLUMN subscription_deliveries.receipt IS 'What the target calls the message, where it is changed later; else empty.';
COMMENT ON COLUMN subscription_deliveries.created_at IS 'Wall clock: when it was judged.';
COMMENT ON COLUMN subscription_deliveries.done_at IS 'Wall clock: when it was delivered or given up; null while it waits.';

CREATE TABLE subscription_progress (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    judged_at timestamptz NOT NULL
);
COMMENT ON TABLE subscription_progress IS 'How far snapshots were judged: one row.';
COMMENT ON COLUMN subscription_progress.one IS 'Always true, so that there is one row.';
COMMENT ON COLUMN subscription_progress.judged_at IS 'update_timestamp of the latest snapshot that was judged.';
