-- API keys: one row a key, also of those that were revoked.

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    prefix       text NOT NULL UNIQUE,
    hash         text NOT NULL UNIQUE CHECK (hash ~ '^[0-9a-f]{64}$'),
    name         text NOT NULL,
    scopes       text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'events', 'subscriptions', 'admin']),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

COMMENT ON TABLE api_keys IS 'API keys: who may ask for and change what. The keys themselves are nowhere.';
COMMENT ON COLUMN api_keys.id IS 'Drawn when it was made.';
COMMENT ON COLUMN api_keys.prefix IS 'The start of the key, by which people and the audit log name it.';
COMMENT ON COLUMN api_keys.hash IS 'SHA-256 of the whole key, in hexadecimal.';
COMMENT ON COLUMN api_keys.name IS 'What it is for, as its maker says it.';
COMMENT ON COLUMN api_keys.scopes IS 'What it may be used for; admin for everything.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made, by the wall clock.';
COMMENT ON COLUMN api_keys.expires_at IS 'From then on it is refused; null if it does not expire.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was revoked; null if it was not.';
COMMENT ON COLUMN api_keys.last_used_at IS 'When it was used last, to the minute or so; null if never.';
