-- Events: when they were stored, for the retention, and how they are looked for. Dead letters.

ALTER TABLE events ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX events_stored ON events USING brin (stored_at);
CREATE INDEX events_type ON events (type, time, id);
CREATE INDEX events_source ON events (source, time, id);
COMMENT ON COLUMN events.stored_at IS 'Wall clock: when the row was written; the retention counts from here.';

CREATE TABLE dead_letters (
    id       uuid PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN ('event', 'message')),
    receiver text NOT NULL,
    type     text NOT NULL,
    reason   text NOT NULL,
    error    text NOT NULL,
    attempts integer NOT NULL,
    time     timestamptz NOT NULL,
    event    jsonb,
    message  text NOT NULL
);
CREATE INDEX dead_letters_time ON dead_letters (time, id);
CREATE INDEX dead_letters_receiver ON dead_letters (receiver, time, id);
COMMENT ON TABLE dead_letters IS 'What could not be delivered, until it is delivered after all, discarded, or too old.';
COMMENT ON COLUMN dead_letters.id IS 'Computed from event and handler for events, else random.';
COMMENT ON COLUMN dead_letters.kind IS 'event (on the event bus), or message (between two actors).';
COMMENT ON COLUMN dead_letters.receiver IS 'The handler''s name for an event, the actor''s path for a message.';
COMMENT ON COLUMN dead_letters.type IS 'Type of the event or the message.';
COMMENT ON COLUMN dead_letters.reason IS 'Why it was not delivered: failed, timeout, breaker open, unavailable, overflow, ...';
COMMENT ON COLUMN dead_letters.error IS 'The last error, its type first; empty if there was none.';
COMMENT ON COLUMN dead_letters.attempts IS 'How often it was tried.';
COMMENT ON COLUMN dead_letters.time IS 'Wall clock: when it was given up last.';
COMMENT ON COLUMN dead_letters.event IS 'The event as JSON; null for a message.';
COMMENT ON COLUMN dead_letters.message IS 'The message as a short text; empty for an event.';
