-- Who talked to whom: one row a contact, from the first to the last snapshot that shows it.

CREATE TABLE frequency_matches (
    flight_id    bigint NOT NULL REFERENCES flights ON DELETE CASCADE,
    session_id   bigint NOT NULL,
    frequency_hz integer NOT NULL,
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    closest_nm   double precision NOT NULL,
    facility     smallint,
    placed_by    text NOT NULL CHECK (placed_by IN ('radios', 'airport')),
    callsign     text NOT NULL,
    cid          integer NOT NULL,
    station      text NOT NULL,
    station_cid  integer NOT NULL,
    rules        integer NOT NULL,
    PRIMARY KEY (flight_id, session_id, frequency_hz, started_at)
) WITH (fillfactor = 80);  -- closest_nm changes while it lasts, and no index has it
CREATE INDEX frequency_matches_session ON frequency_matches (session_id, started_at);
CREATE INDEX frequency_matches_newest ON frequency_matches (started_at);
CREATE INDEX frequency_matches_callsign ON frequency_matches (upper(callsign), started_at);
CREATE INDEX frequency_matches_station ON frequency_matches (upper(station), started_at);
CREATE INDEX frequency_matches_cid ON frequency_matches (cid, started_at);
CREATE INDEX frequency_matches_station_cid ON frequency_matches (station_cid, started_at);
CREATE INDEX frequency_matches_lasting ON frequency_matches (flight_id) WHERE ended_at IS NULL;
-- Readers are not shown the contacts of these while they last.
CREATE INDEX flights_hidden ON flights (flight_id) WHERE NOT shown;

COMMENT ON TABLE frequency_matches IS 'Contacts: a flight tuned to a station that hears it, from the first to the last snapshot that shows it.';
COMMENT ON COLUMN frequency_matches.flight_id IS 'The flight.';
COMMENT ON COLUMN frequency_matches.session_id IS 'The controller''s session.';
COMMENT ON COLUMN frequency_matches.frequency_hz IS 'The station''s frequency in Hz: the main name of its channel.';
COMMENT ON COLUMN frequency_matches.started_at IS 'First snapshot that shows it.';
COMMENT ON COLUMN frequency_matches.ended_at IS 'Last snapshot that shows it; null while it lasts.';
COMMENT ON COLUMN frequency_matches.closest_nm IS 'Closest distance to a radio of the station, nautical miles, to a tenth.';
COMMENT ON COLUMN frequency_matches.facility IS 'The station''s facility as the feed had it when the contact began; null if unknown.';
COMMENT ON COLUMN frequency_matches.placed_by IS 'Where the station was taken to be when the contact began: at its radios, or at its airport.';
COMMENT ON COLUMN frequency_matches.callsign IS 'The pilot''s callsign when the contact began.';
COMMENT ON COLUMN frequency_matches.cid IS 'The pilot.';
COMMENT ON COLUMN frequency_matches.station IS 'The station''s callsign when the contact began.';
COMMENT ON COLUMN frequency_matches.station_cid IS 'The controller.';
COMMENT ON COLUMN frequency_matches.rules IS 'Version of the rules by which it was found.';
