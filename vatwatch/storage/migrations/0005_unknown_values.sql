-- Values that the feed did not send, or that could not be read, are null: a number in their place
-- would be a lie. The quarantine gets a retention, which counts from when a row was written.

ALTER TABLE snapshots
    ALTER COLUMN connected_clients DROP NOT NULL,
    ALTER COLUMN unique_users DROP NOT NULL;
ALTER TABLE flights
    ALTER COLUMN altitude DROP NOT NULL,
    ALTER COLUMN groundspeed DROP NOT NULL,
    ALTER COLUMN heading DROP NOT NULL,
    ALTER COLUMN qnh_i_hg DROP NOT NULL,
    ALTER COLUMN qnh_mb DROP NOT NULL;
ALTER TABLE positions
    ALTER COLUMN altitude DROP NOT NULL,
    ALTER COLUMN groundspeed DROP NOT NULL,
    ALTER COLUMN heading DROP NOT NULL;
ALTER TABLE controllers
    ALTER COLUMN facility DROP NOT NULL,
    ALTER COLUMN rating DROP NOT NULL;
ALTER TABLE atis
    ALTER COLUMN facility DROP NOT NULL,
    ALTER COLUMN rating DROP NOT NULL;
ALTER TABLE transceivers
    ALTER COLUMN height_msl_m DROP NOT NULL,
    ALTER COLUMN height_agl_m DROP NOT NULL;
ALTER TABLE quarantine ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX quarantine_stored ON quarantine USING brin (stored_at);

COMMENT ON COLUMN snapshots.connected_clients IS 'The feed''s own count of connections; null if it sent none.';
COMMENT ON COLUMN snapshots.unique_users IS 'The feed''s own count of people; null if it sent none.';
COMMENT ON COLUMN snapshots.quarantined IS 'Records set aside, see quarantine, which keeps the first of them.';
COMMENT ON COLUMN snapshots.radio_clients IS 'Clients with radios kept; null if the transceivers feed was missing or could not be read.';
COMMENT ON COLUMN flights.altitude IS 'At last_seen: feet; null if unknown.';
COMMENT ON COLUMN flights.groundspeed IS 'At last_seen: knots; null if unknown.';
COMMENT ON COLUMN flights.heading IS 'At last_seen: degrees; 0 and 360 both occur; null if unknown.';
COMMENT ON COLUMN flights.qnh_i_hg IS 'At last_seen: inches of mercury, as sent; null if unknown.';
COMMENT ON COLUMN flights.qnh_mb IS 'At last_seen: hectopascals, as sent; null if unknown.';
COMMENT ON COLUMN positions.altitude IS 'Feet; null if unknown.';
COMMENT ON COLUMN positions.groundspeed IS 'Knots; null if unknown.';
COMMENT ON COLUMN positions.heading IS 'Degrees; 0 and 360 both occur; null if unknown.';
COMMENT ON COLUMN controllers.facility IS 'VATSIM''s id of the facility; 0 is an observer; null if unknown.';
COMMENT ON COLUMN controllers.rating IS 'VATSIM''s id of the controller rating; null if unknown.';
COMMENT ON COLUMN atis.facility IS 'VATSIM''s id of the facility; null if unknown.';
COMMENT ON COLUMN atis.rating IS 'VATSIM''s id of the controller rating; null if unknown.';
COMMENT ON COLUMN transceivers.height_msl_m IS 'At first_seen: metres above mean sea level; null if unknown.';
COMMENT ON COLUMN transceivers.height_agl_m IS 'At first_seen: metres above ground; null if unknown.';
COMMENT ON COLUMN quarantine.stored_at IS 'Wall clock: when the row was written; the retention counts from here.';
