-- What is derived of controllers' sessions and of ATIS: states, places, times; kind, letter, runways.
-- Rows of before keep null: what was not derived then is not known.

ALTER TABLE controllers
    ADD COLUMN state       text CHECK (state IN ('observer', 'connected', 'controlling')),
    ADD COLUMN latitude    double precision,
    ADD COLUMN longitude   double precision,
    ADD COLUMN placed_by   text CHECK (placed_by IN ('radios', 'airport')),
    ADD COLUMN until       timestamptz,
    ADD COLUMN held        jsonb,
    ADD COLUMN connected_s double precision,
    ADD COLUMN frequency_s double precision,
    ADD COLUMN rules       integer;
ALTER TABLE atis
    ADD COLUMN kind              text CHECK (kind IN ('departure', 'arrival', 'both')),
    ADD COLUMN letter            text,
    ADD COLUMN other_since       timestamptz,
    ADD COLUMN departure_runways text[],
    ADD COLUMN arrival_runways   text[],
    ADD COLUMN qnh_mb            integer,
    ADD COLUMN said              jsonb,
    ADD COLUMN last_seen         timestamptz,
    ADD COLUMN rules             integer;
-- Those that went off the air in the last hours are read at each start.
CREATE INDEX atis_gone ON atis USING brin (gone_at);

COMMENT ON COLUMN controllers.state IS 'Latest: observer, connected (no frequency), or controlling; null before version 0.2.';
COMMENT ON COLUMN controllers.latitude IS 'Latest place of the station: degrees, WGS84; null if unknown.';
COMMENT ON COLUMN controllers.longitude IS 'Latest place of the station: degrees, WGS84; null if unknown.';
COMMENT ON COLUMN controllers.placed_by IS 'What the place is: the centre of its radios, or its airport; null if unknown.';
COMMENT ON COLUMN controllers.until IS 'When the latest text says that the controller goes; null if it does not say.';
COMMENT ON COLUMN controllers.held IS 'The news of a logon that waits for a frequency, and for how many snapshots; null if none waits.';
COMMENT ON COLUMN controllers.connected_s IS 'Seconds from first_seen to last_seen without the absences; null if the session began before version 0.2.';
COMMENT ON COLUMN controllers.frequency_s IS 'Of connected_s, the seconds with a frequency; null if the session began before version 0.2.';
COMMENT ON COLUMN controllers.rules IS 'Version of the rules by which the latest derived values were found; null: before there were any.';
COMMENT ON COLUMN atis.kind IS 'What the station is for: departure, arrival or both; by callsign, or else by text.';
COMMENT ON COLUMN atis.letter IS 'The derived letter as this version begins: an old one is kept while the feed has another or none for less than two minutes.';
COMMENT ON COLUMN atis.other_since IS 'Since when the feed has another letter than letter; two minutes later the derived letter is this version''s. Null if it has the same.';
COMMENT ON COLUMN atis.departure_runways IS 'Runways for departures that the text tells of; null if none.';
COMMENT ON COLUMN atis.arrival_runways IS 'Runways for arrivals that the text tells of; null if none.';
COMMENT ON COLUMN atis.qnh_mb IS 'QNH that the text tells of, hectopascals; null if none.';
COMMENT ON COLUMN atis.said IS 'The words that each value comes from, by its name: kind, letter, departure, arrival, qnh_mb.';
COMMENT ON COLUMN atis.last_seen IS 'Last snapshot with this version; null while it is on the air, and before version 0.2.';
COMMENT ON COLUMN atis.rules IS 'Version of the rules by which the derived values were found; null: before there were any.';
COMMENT ON COLUMN controllers.session_id IS 'Computed from cid, callsign and the first logon time; of a further session on one connection also from first_seen.';
