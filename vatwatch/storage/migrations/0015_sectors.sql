-- Who was in which FIR and sector: one row a stay, from the first to the last snapshot that shows it.

CREATE TABLE sectors (
    kind        text NOT NULL CHECK (kind IN ('fir', 'sector')),
    sector      text NOT NULL,
    floor_ft    integer,
    ceiling_ft  integer,
    source      text NOT NULL,
    cycle       text NOT NULL,
    known_since timestamptz NOT NULL,
    PRIMARY KEY (kind, sector)
);

CREATE TABLE sector_occupancy (
    flight_id         bigint NOT NULL REFERENCES flights ON DELETE CASCADE,
    kind              text NOT NULL,
    sector            text NOT NULL,
    entered_at        timestamptz NOT NULL,
    left_at           timestamptz,
    entry_altitude_ft integer,
    exit_altitude_ft  integer,
    callsign          text NOT NULL,
    rules             integer NOT NULL,
    PRIMARY KEY (flight_id, kind, sector, entered_at)
);
CREATE INDEX sector_occupancy_sector ON sector_occupancy (sector, entered_at);
CREATE INDEX sector_occupancy_lasting ON sector_occupancy (flight_id) WHERE left_at IS NULL;

CREATE VIEW sector_minutes AS
SELECT o.kind, o.sector, minute, count(DISTINCT o.flight_id) AS flights
FROM sector_occupancy o
CROSS JOIN LATERAL generate_series(
    date_trunc('minute', o.entered_at, 'UTC'),
    coalesce(o.left_at, (SELECT max(update_timestamp) FROM snapshots)),
    interval '1 minute') AS minute
GROUP BY 1, 2, 3;

COMMENT ON TABLE sectors IS 'The FIRs and sectors that a flight was ever in, as the operator''s files had them last.';
COMMENT ON COLUMN sectors.kind IS 'fir or sector.';
COMMENT ON COLUMN sectors.sector IS 'Its name in the file; of a FIR, its id.';
COMMENT ON COLUMN sectors.floor_ft IS 'Lowest floor, feet above sea level; null: down to the ground.';
COMMENT ON COLUMN sectors.ceiling_ft IS 'Highest ceiling, feet above sea level; null: no bound.';
COMMENT ON COLUMN sectors.source IS 'The file that has it.';
COMMENT ON COLUMN sectors.cycle IS 'Of the file: what it says, else the digest of its content.';
COMMENT ON COLUMN sectors.known_since IS 'The first snapshot that shows a flight in it.';
COMMENT ON TABLE sector_occupancy IS 'Stays: a flight in the air in a FIR or a sector, from the first to the last snapshot that shows it there.';
COMMENT ON COLUMN sector_occupancy.flight_id IS 'The flight.';
COMMENT ON COLUMN sector_occupancy.kind IS 'fir or sector.';
COMMENT ON COLUMN sector_occupancy.sector IS 'Its name in the file; of a FIR, its id.';
COMMENT ON COLUMN sector_occupancy.entered_at IS 'First snapshot that shows it.';
COMMENT ON COLUMN sector_occupancy.left_at IS 'Last snapshot that shows it; null while it lasts.';
COMMENT ON COLUMN sector_occupancy.entry_altitude_ft IS 'Altitude in that first snapshot, feet; null if unknown.';
COMMENT ON COLUMN sector_occupancy.exit_altitude_ft IS 'Altitude in that last snapshot, feet; null if unknown, and while it lasts.';
COMMENT ON COLUMN sector_occupancy.callsign IS 'The callsign when it began.';
COMMENT ON COLUMN sector_occupancy.rules IS 'Version of the rules by which it was found.';
COMMENT ON VIEW sector_minutes IS 'How many flights were in each FIR and sector in each minute.';
COMMENT ON COLUMN sector_minutes.kind IS 'fir or sector.';
COMMENT ON COLUMN sector_minutes.sector IS 'Its name in the file; of a FIR, its id.';
COMMENT ON COLUMN sector_minutes.minute IS 'Begin of the minute.';
COMMENT ON COLUMN sector_minutes.flights IS 'Flights that were in it at any snapshot of the minute.';
