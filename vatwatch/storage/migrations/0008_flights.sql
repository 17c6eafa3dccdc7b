-- What a flight has done, and which connections were joined to it. Flights of before are kept as
-- they are: what was not derived then is null, and `rules` says by which rules a row was derived.

ALTER TABLE flights
    ADD COLUMN phase text,
    ADD COLUMN found_departure text,
    ADD COLUMN found_arrival text,
    ADD COLUMN off_block timestamptz,
    ADD COLUMN take_off timestamptz,
    ADD COLUMN landing timestamptz,
    ADD COLUMN on_block timestamptz,
    ADD COLUMN movements jsonb,
    ADD COLUMN diverted boolean,
    ADD COLUMN joined_in_flight boolean,
    ADD COLUMN distance_flown_nm double precision,
    ADD COLUMN vertical_speed_fpm integer,
    ADD COLUMN highest_ft integer,
    ADD COLUMN fastest_kt integer,
    ADD COLUMN great_circle_nm double precision,
    ADD COLUMN route_efficiency double precision,
    ADD COLUMN phase_s jsonb,
    ADD COLUMN progress bytea,
    ADD COLUMN rules integer,
    ADD COLUMN derive_again boolean NOT NULL DEFAULT false,
    ADD COLUMN shown boolean NOT NULL DEFAULT true,
    DROP CONSTRAINT flights_ended_as_check,
    ADD CONSTRAINT flights_ended_as_check
        CHECK (ended_as IN ('completed', 'cancelled', 'diverted', 'dropped'));
-- No index may hold what each snapshot changes, such as last_seen: every update would touch all.
CREATE INDEX flights_dropped ON flights (first_seen) WHERE ended_as = 'dropped';
CREATE INDEX flights_rules ON flights (rules, first_seen);
CREATE INDEX flights_derive_again ON flights (flight_id) WHERE derive_again;

CREATE TABLE connections (
    flight_id  bigint NOT NULL REFERENCES flights ON DELETE CASCADE,
    cid        integer NOT NULL,
    callsign   text NOT NULL,
    logon_time timestamptz NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz,
    PRIMARY KEY (flight_id, first_seen)
);
-- Of flights of before only the latest connection is known, and not since when.
INSERT INTO connections
    SELECT flight_id, cid, callsign, connection_logon, first_seen,
           CASE WHEN ended_as IS NOT NULL THEN last_seen END
    FROM flights;

COMMENT ON COLUMN flights.flight_id IS 'Computed from cid, callsign and the first logon time; of a further flight on one connection also from first_seen.';
COMMENT ON COLUMN flights.callsign IS 'Callsign of the latest connection.';
COMMENT ON COLUMN flights.ended_as IS 'completed, diverted (it has landed elsewhere), cancelled (it has never flown) or dropped (it was in the air; it can be resumed for a day); null until it has ended.';
COMMENT ON COLUMN flights.flown IS 'Whether it was ever in the air; of rows without rules: whether it was ever faster than 50 kt.';
COMMENT ON COLUMN flights.phase IS 'At last_seen: connected, taxi_out, climb, cruise, descent, taxi_in or parked.';
COMMENT ON COLUMN flights.found_departure IS 'Airport of the first take-off, ICAO, or off_airport; null if it was not seen.';
COMMENT ON COLUMN flights.found_arrival IS 'Airport of the last landing, ICAO, or off_airport; null if it was not seen.';
COMMENT ON COLUMN flights.off_block IS 'When it left its stand.';
COMMENT ON COLUMN flights.take_off IS 'The first snapshot in the air after its first take-off.';
COMMENT ON COLUMN flights.landing IS 'The first snapshot on the ground after its last landing.';
COMMENT ON COLUMN flights.on_block IS 'When it came to stand after its last landing.';
COMMENT ON COLUMN flights.movements IS 'Every take-off, landing and touch-and-go, in order: type, airport, time.';
COMMENT ON COLUMN flights.diverted IS 'Whether it has landed elsewhere than at the arrival of its plan.';
COMMENT ON COLUMN flights.joined_in_flight IS 'Whether it was in the air when it was first seen.';
COMMENT ON COLUMN flights.distance_flown_nm IS 'Nautical miles flown from snapshot to snapshot, gaps and jumps left out.';
COMMENT ON COLUMN flights.vertical_speed_fpm IS 'At last_seen: feet a minute since the snapshot before; null if unknown.';
COMMENT ON COLUMN flights.highest_ft IS 'The highest altitude seen, feet.';
COMMENT ON COLUMN flights.fastest_kt IS 'The highest ground speed seen, knots.';
COMMENT ON COLUMN flights.great_circle_nm IS 'The shortest way between the airports, found or filed; null if one is unknown. As of progress.';
COMMENT ON COLUMN flights.route_efficiency IS 'Great circle by distance flown, of a flight that was seen all the way; else null.';
COMMENT ON COLUMN flights.phase_s IS 'Whole seconds in each phase. As of progress.';
COMMENT ON COLUMN flights.progress IS 'What the rules remember of it, MessagePack: vatwatch''s own; as of ten minutes before last_seen at most.';
COMMENT ON COLUMN flights.rules IS 'Version of the rules by which it was derived; null: of before there were any.';
COMMENT ON COLUMN flights.derive_again IS 'Whether a snapshot that came late has touched it, so that what was derived may be wrong.';

COMMENT ON COLUMN flights.shown IS 'At last_seen: whether the filters let it through. A flight that they have let through once is kept up to its end.';

COMMENT ON TABLE connections IS 'The connections that were joined to one flight, in order of first_seen.';
COMMENT ON COLUMN connections.flight_id IS 'The flight.';
COMMENT ON COLUMN connections.cid IS 'VATSIM''s number of the pilot.';
COMMENT ON COLUMN connections.callsign IS 'Callsign of this connection.';
COMMENT ON COLUMN connections.logon_time IS 'Logon time of this connection.';
COMMENT ON COLUMN connections.first_seen IS 'First snapshot that shows it.';
COMMENT ON COLUMN connections.last_seen IS 'Last snapshot that shows it; null while the flight has not left it.';
