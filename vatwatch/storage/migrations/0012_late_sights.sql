-- What late snapshots show of a session has rows of its own: a session that goes on while hours are
-- filled in would have to be written again, and grow, with each of them.

CREATE TABLE late_sights (
    session_id bigint NOT NULL REFERENCES controllers ON DELETE CASCADE,
    time       timestamptz NOT NULL,
    sight      jsonb NOT NULL,
    PRIMARY KEY (session_id, time)
);
INSERT INTO late_sights
    SELECT session_id, (sight ->> 'time')::timestamptz, sight
    FROM controllers, jsonb_array_elements(late) sight;
ALTER TABLE controllers DROP COLUMN late;

COMMENT ON TABLE late_sights IS 'What snapshots that came late show of sessions that later ones show, too, until they are derived again.';
COMMENT ON COLUMN late_sights.session_id IS 'The session.';
COMMENT ON COLUMN late_sights.time IS 'The snapshot.';
COMMENT ON COLUMN late_sights.sight IS 'The record of the controller, when the connection began, and the place: vatwatch''s own.';
