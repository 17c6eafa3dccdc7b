-- Dead letters of a third kind: notifications that a webhook did not take.

ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_kind_check;
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_kind_check
    CHECK (kind IN ('event', 'message', 'alert'));
COMMENT ON COLUMN dead_letters.id IS 'Computed from event and handler, or alert and webhook; else random.';
COMMENT ON COLUMN dead_letters.kind IS 'event (on the event bus), message (between two actors), or alert (to a webhook).';
COMMENT ON COLUMN dead_letters.receiver IS 'The handler''s name for an event, the actor''s path for a message, the webhook''s name for an alert.';
COMMENT ON COLUMN dead_letters.type IS 'Type of the event or the message; the rule of the alert.';
COMMENT ON COLUMN dead_letters.event IS 'The event as JSON; else null.';
COMMENT ON COLUMN dead_letters.message IS 'A message as a short text, an alert as it was to be sent (JSON); empty for an event.';
