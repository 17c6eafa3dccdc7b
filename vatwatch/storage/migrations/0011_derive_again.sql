-- Sessions and ATIS that late snapshots have touched are derived again. For that a session keeps
-- which connections it had, and what the late snapshots show of it. Rows of before keep null.

ALTER TABLE controllers
    ADD COLUMN logons       jsonb,
    ADD COLUMN text_since   timestamptz,
    ADD COLUMN late         jsonb,
    ADD COLUMN derive_again boolean NOT NULL DEFAULT false;
ALTER TABLE atis
    ADD COLUMN derive_again boolean NOT NULL DEFAULT false;
CREATE INDEX controllers_derive_again ON controllers (session_id) WHERE derive_again;
CREATE INDEX atis_derive_again ON atis (callsign) WHERE derive_again;

COMMENT ON COLUMN controllers.logons IS 'The logon time of each connection, and since which snapshot it is shown: since, logon_time; null if the session began before version 0.2.';
COMMENT ON COLUMN controllers.text_since IS 'First snapshot with the latest text; null if that was before version 0.2.';
COMMENT ON COLUMN controllers.late IS 'What snapshots that came late show of it, until it is derived again; null if there are none.';
COMMENT ON COLUMN controllers.derive_again IS 'Whether a snapshot that came late has touched it, so that what was derived may be wrong.';
COMMENT ON COLUMN atis.derive_again IS 'Whether a snapshot that came late has touched the station, so that what was derived may be wrong.';
