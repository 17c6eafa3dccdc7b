-- What is kept: DESIGN section 5. Every column has its comment at the end of this file.
-- Every time is the feed's, but for those that say otherwise.

CREATE TABLE snapshots (
    update_timestamp  timestamptz PRIMARY KEY,
    previous          timestamptz,
    fetched_at        timestamptz NOT NULL,
    stored_at         timestamptz NOT NULL DEFAULT now(),
    pilots            integer NOT NULL,
    controllers       integer NOT NULL,
    atis              integer NOT NULL,
    prefiles          integer NOT NULL,
    radio_clients     integer,
    connected_clients integer NOT NULL,
    unique_users      integer NOT NULL,
    quarantined       integer NOT NULL,
    kept_out          jsonb NOT NULL,
    source            text NOT NULL
);

CREATE TABLE airports (
    icao         text PRIMARY KEY,
    iata         text NOT NULL,
    name         text NOT NULL,
    city         text NOT NULL,
    country      text NOT NULL,
    latitude     double precision NOT NULL,
    longitude    double precision NOT NULL,
    elevation_ft integer NOT NULL,
    timezone     text NOT NULL
);

CREATE TABLE reference_data (
    name       text PRIMARY KEY,
    version    text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);

-- Half of each page is left free, so that the update of every online flight at every snapshot
-- stays on its page and touches no index (PostgreSQL's heap-only tuples).
CREATE TABLE flights (
    flight_id        bigint PRIMARY KEY,
    cid              integer NOT NULL,
    callsign         text NOT NULL,
    logon_time       timestamptz NOT NULL,
    connection_logon timestamptz NOT NULL,
    reconnects       integer NOT NULL,
    first_seen       timestamptz NOT NULL,
    last_seen        timestamptz NOT NULL,
    absences         tstzmultirange NOT NULL DEFAULT '{}',
    ended_as         text CHECK (ended_as IN ('completed', 'cancelled')),
    flown            boolean NOT NULL,
    name             text NOT NULL,
    server           text NOT NULL,
    pilot_rating     integer NOT NULL,
    military_rating  integer NOT NULL,
    latitude         double precision NOT NULL,
    longitude        double precision NOT NULL,
    altitude         integer NOT NULL,
    groundspeed      integer NOT NULL,
    heading          integer NOT NULL,
    transponder      text NOT NULL,
    qnh_i_hg         double precision NOT NULL,
    qnh_mb           integer NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX flights_open ON flights (flight_id) WHERE ended_as IS NULL;
CREATE INDEX flights_who ON flights (cid, callsign);
CREATE INDEX flights_callsign ON flights (callsign, first_seen);
CREATE INDEX flights_first_seen ON flights (first_seen);

CREATE TABLE flight_plans (
    plan_id              bigint PRIMARY KEY,
    flight_id            bigint REFERENCES flights ON DELETE CASCADE,
    cid                  integer NOT NULL,
    callsign             text NOT NULL,
    filed_at             timestamptz,
    first_seen           timestamptz NOT NULL,
    gone_at              timestamptz,
    revision_id          integer NOT NULL,
    flight_rules         text NOT NULL,
    aircraft             text NOT NULL,
    aircraft_faa         text NOT NULL,
    aircraft_short       text NOT NULL,
    departure            text NOT NULL,
    arrival              text NOT NULL,
    alternate            text NOT NULL,
    cruise_tas           text NOT NULL,
    altitude             text NOT NULL,
    cruise_altitude_ft   integer,
    deptime              text NOT NULL,
    enroute_time         text NOT NULL,
    fuel_time            text NOT NULL,
    remarks              text NOT NULL,
    route                text NOT NULL,
    assigned_transponder text NOT NULL
);
CREATE INDEX flight_plans_flight ON flight_plans (flight_id, first_seen);
CREATE INDEX flight_plans_open ON flight_plans (plan_id) WHERE gone_at IS NULL;
CREATE INDEX flight_plans_prefiles ON flight_plans (first_seen) WHERE flight_id IS NULL;

CREATE TABLE positions (
    flight_id   bigint NOT NULL,
    time        timestamptz NOT NULL,
    latitude    double precision NOT NULL,
    longitude   double precision NOT NULL,
    altitude    integer NOT NULL,
    groundspeed integer NOT NULL,
    heading     integer NOT NULL,
    PRIMARY KEY (flight_id, time)
) PARTITION BY RANGE (time);

CREATE TABLE controllers (
    session_id       bigint PRIMARY KEY,
    cid              integer NOT NULL,
    callsign         text NOT NULL,
    logon_time       timestamptz NOT NULL,
    connection_logon timestamptz NOT NULL,
    reconnects       integer NOT NULL,
    first_seen       timestamptz NOT NULL,
    last_seen        timestamptz NOT NULL,
    absences         tstzmultirange NOT NULL DEFAULT '{}',
    ended            boolean NOT NULL DEFAULT false,
    name             text NOT NULL,
    server           text NOT NULL,
    facility         integer NOT NULL,
    rating           integer NOT NULL,
    frequency        text NOT NULL,
    frequency_hz     bigint,
    frequencies      jsonb NOT NULL,
    visual_range     integer NOT NULL,
    text_atis        text[]
) WITH (fillfactor = 50);
CREATE INDEX controllers_open ON controllers (session_id) WHERE NOT ended;
CREATE INDEX controllers_who ON controllers (cid, callsign);
CREATE INDEX controllers_callsign ON controllers (callsign, first_seen);
CREATE INDEX controllers_first_seen ON controllers (first_seen);

CREATE TABLE atis (
    atis_id      bigint PRIMARY KEY,
    cid          integer NOT NULL,
    callsign     text NOT NULL,
    logon_time   timestamptz NOT NULL,
    first_seen   timestamptz NOT NULL,
    gone_at      timestamptz,
    name         text NOT NULL,
    server       text NOT NULL,
    facility     integer NOT NULL,
    rating       integer NOT NULL,
    frequency    text NOT NULL,
    frequency_hz bigint,
    visual_range integer NOT NULL,
    atis_code    text,
    text_atis    text[]
);
CREATE INDEX atis_open ON atis (atis_id) WHERE gone_at IS NULL;
CREATE INDEX atis_callsign ON atis (callsign, first_seen);

CREATE TABLE transceivers (
    state_id      bigint PRIMARY KEY,
    callsign      text NOT NULL,
    flight_id     bigint,
    session_id    bigint,
    radio_id      bigint NOT NULL,
    frequency_hz  bigint NOT NULL,
    first_seen    timestamptz NOT NULL,
    gone_at       timestamptz,
    latitude      double precision NOT NULL,
    longitude     double precision NOT NULL,
    height_msl_m  double precision NOT NULL,
    height_agl_m  double precision NOT NULL
);
CREATE INDEX transceivers_open ON transceivers (state_id) WHERE gone_at IS NULL;
CREATE INDEX transceivers_flight ON transceivers (flight_id) WHERE flight_id IS NOT NULL;
CREATE INDEX transceivers_session ON transceivers (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE events (
    id             uuid PRIMARY KEY,
    type           text NOT NULL,
    time           timestamptz NOT NULL,
    source         text NOT NULL,
    correlation_id text NOT NULL,
    payload        jsonb NOT NULL
);
CREATE INDEX events_time ON events (time, id);
CREATE INDEX events_correlation ON events (correlation_id);

CREATE TABLE quarantine (
    update_timestamp timestamptz NOT NULL,
    kind             text NOT NULL,
    callsign         text NOT NULL,
    reason           text NOT NULL,
    record           text NOT NULL
);
CREATE INDEX quarantine_time ON quarantine (update_timestamp);

COMMENT ON TABLE snapshots IS 'One feed update, written in one transaction with all that follows from it.';
COMMENT ON COLUMN snapshots.update_timestamp IS 'The feed''s own time of this update; unique.';
COMMENT ON COLUMN snapshots.previous IS 'The snapshot that this one was compared with; null for the first.';
COMMENT ON COLUMN snapshots.fetched_at IS 'Wall clock: when the bytes had arrived.';
COMMENT ON COLUMN snapshots.stored_at IS 'Wall clock: when this transaction began.';
COMMENT ON COLUMN snapshots.pilots IS 'Pilots kept, after quarantine and filters.';
COMMENT ON COLUMN snapshots.controllers IS 'Controllers kept, observers among them.';
COMMENT ON COLUMN snapshots.atis IS 'ATIS stations kept.';
COMMENT ON COLUMN snapshots.prefiles IS 'Prefiled plans kept.';
COMMENT ON COLUMN snapshots.radio_clients IS 'Clients with radios kept; null if the transceivers feed was not to be had.';
COMMENT ON COLUMN snapshots.connected_clients IS 'The feed''s own count of connections.';
COMMENT ON COLUMN snapshots.unique_users IS 'The feed''s own count of people.';
COMMENT ON COLUMN snapshots.quarantined IS 'Records set aside, see quarantine.';
COMMENT ON COLUMN snapshots.kept_out IS 'Records that each filter kept out, by filter and kind.';
COMMENT ON COLUMN snapshots.source IS 'The address or file that it came from.';

COMMENT ON TABLE airports IS 'An airport, from the airportsdata package.';
COMMENT ON COLUMN airports.icao IS 'ICAO location indicator.';
COMMENT ON COLUMN airports.iata IS 'IATA code; empty if none.';
COMMENT ON COLUMN airports.name IS 'Name.';
COMMENT ON COLUMN airports.city IS 'City; empty if none.';
COMMENT ON COLUMN airports.country IS 'ISO 3166-1 alpha-2 country.';
COMMENT ON COLUMN airports.latitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN airports.longitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN airports.elevation_ft IS 'Feet above mean sea level.';
COMMENT ON COLUMN airports.timezone IS 'IANA time zone.';

COMMENT ON TABLE reference_data IS 'Which version of a package''s data a table holds.';
COMMENT ON COLUMN reference_data.name IS 'The table.';
COMMENT ON COLUMN reference_data.version IS 'The package and its version.';
COMMENT ON COLUMN reference_data.written_at IS 'Wall clock: when it was written.';

COMMENT ON TABLE flights IS 'One flight of one pilot: cid, callsign and logon time, reconnects merged.';
COMMENT ON COLUMN flights.flight_id IS 'Computed from cid, callsign and the first logon time.';
COMMENT ON COLUMN flights.cid IS 'VATSIM''s number of the pilot.';
COMMENT ON COLUMN flights.callsign IS 'Callsign.';
COMMENT ON COLUMN flights.logon_time IS 'Logon time of the first connection.';
COMMENT ON COLUMN flights.connection_logon IS 'Logon time of the latest connection.';
COMMENT ON COLUMN flights.reconnects IS 'How often a new connection continued the flight.';
COMMENT ON COLUMN flights.first_seen IS 'First snapshot that shows it.';
COMMENT ON COLUMN flights.last_seen IS 'Last snapshot that shows it.';
COMMENT ON COLUMN flights.absences IS 'When it was missing between first_seen and last_seen: the snapshots within these open ranges do not show it.';
COMMENT ON COLUMN flights.ended_as IS 'completed (it flew) or cancelled, once it was away for longer than the reconnect window; null until then.';
COMMENT ON COLUMN flights.flown IS 'Whether it was ever faster than a taxiing aircraft, 50 kt.';
COMMENT ON COLUMN flights.name IS 'The pilot''s name as sent; empty if names are not kept.';
COMMENT ON COLUMN flights.server IS 'Server of the latest connection.';
COMMENT ON COLUMN flights.pilot_rating IS 'VATSIM''s id of the pilot rating.';
COMMENT ON COLUMN flights.military_rating IS 'VATSIM''s id of the military rating.';
COMMENT ON COLUMN flights.latitude IS 'At last_seen: degrees, WGS84.';
COMMENT ON COLUMN flights.longitude IS 'At last_seen: degrees, WGS84.';
COMMENT ON COLUMN flights.altitude IS 'At last_seen: feet.';
COMMENT ON COLUMN flights.groundspeed IS 'At last_seen: knots.';
COMMENT ON COLUMN flights.heading IS 'At last_seen: degrees; 0 and 360 both occur.';
COMMENT ON COLUMN flights.transponder IS 'At last_seen: code as sent.';
COMMENT ON COLUMN flights.qnh_i_hg IS 'At last_seen: inches of mercury, as sent.';
COMMENT ON COLUMN flights.qnh_mb IS 'At last_seen: hectopascals, as sent.';

COMMENT ON TABLE flight_plans IS 'One revision of a plan, of a flight or a prefile, from first_seen until gone_at.';
COMMENT ON COLUMN flight_plans.plan_id IS 'Computed from the flight, or cid and callsign, and first_seen.';
COMMENT ON COLUMN flight_plans.flight_id IS 'The flight; null for a prefile.';
COMMENT ON COLUMN flight_plans.cid IS 'VATSIM''s number of the pilot.';
COMMENT ON COLUMN flight_plans.callsign IS 'Callsign.';
COMMENT ON COLUMN flight_plans.filed_at IS 'When a prefile was filed, as the feed says; null for a flight''s plan.';
COMMENT ON COLUMN flight_plans.first_seen IS 'First snapshot with this revision.';
COMMENT ON COLUMN flight_plans.gone_at IS 'First snapshot without it; null while it stands.';
COMMENT ON COLUMN flight_plans.revision_id IS 'VATSIM''s count of revisions; it can also fall.';
COMMENT ON COLUMN flight_plans.flight_rules IS 'I, V, and rarely S or D.';
COMMENT ON COLUMN flight_plans.aircraft IS 'ICAO aircraft type, wake category and equipment, as filed.';
COMMENT ON COLUMN flight_plans.aircraft_faa IS 'The FAA''s form of it.';
COMMENT ON COLUMN flight_plans.aircraft_short IS 'The type alone.';
COMMENT ON COLUMN flight_plans.departure IS 'Airport of departure, as filed.';
COMMENT ON COLUMN flight_plans.arrival IS 'Airport of arrival, as filed.';
COMMENT ON COLUMN flight_plans.alternate IS 'Alternate, as filed.';
COMMENT ON COLUMN flight_plans.cruise_tas IS 'True air speed, as filed.';
COMMENT ON COLUMN flight_plans.altitude IS 'Cruising level, as filed.';
COMMENT ON COLUMN flight_plans.cruise_altitude_ft IS 'What altitude means, in feet; null if it means nothing.';
COMMENT ON COLUMN flight_plans.deptime IS 'Planned departure, HHMM UTC, as filed.';
COMMENT ON COLUMN flight_plans.enroute_time IS 'Time en route, HHMM, as filed.';
COMMENT ON COLUMN flight_plans.fuel_time IS 'Endurance, HHMM, as filed.';
COMMENT ON COLUMN flight_plans.remarks IS 'Remarks, as filed.';
COMMENT ON COLUMN flight_plans.route IS 'Route, as filed.';
COMMENT ON COLUMN flight_plans.assigned_transponder IS 'Code assigned by ATC; 0000 is none.';

COMMENT ON TABLE positions IS 'One position of one flight; not repeated while it stands still, but for a keep-alive row.';
COMMENT ON COLUMN positions.flight_id IS 'The flight.';
COMMENT ON COLUMN positions.time IS 'The snapshot''s time.';
COMMENT ON COLUMN positions.latitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN positions.longitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN positions.altitude IS 'Feet.';
COMMENT ON COLUMN positions.groundspeed IS 'Knots.';
COMMENT ON COLUMN positions.heading IS 'Degrees; 0 and 360 both occur.';

COMMENT ON TABLE controllers IS 'One session of one controller position, reconnects merged. Observers are among them (facility 0).';
COMMENT ON COLUMN controllers.session_id IS 'Computed from cid, callsign and the first logon time.';
COMMENT ON COLUMN controllers.cid IS 'VATSIM''s number of the controller.';
COMMENT ON COLUMN controllers.callsign IS 'Callsign.';
COMMENT ON COLUMN controllers.logon_time IS 'Logon time of the first connection.';
COMMENT ON COLUMN controllers.connection_logon IS 'Logon time of the latest connection.';
COMMENT ON COLUMN controllers.reconnects IS 'How often a new connection continued the session.';
COMMENT ON COLUMN controllers.first_seen IS 'First snapshot that shows it.';
COMMENT ON COLUMN controllers.last_seen IS 'Last snapshot that shows it.';
COMMENT ON COLUMN controllers.absences IS 'When it was missing between first_seen and last_seen: the snapshots within these open ranges do not show it.';
COMMENT ON COLUMN controllers.ended IS 'Whether it was away for longer than the reconnect window.';
COMMENT ON COLUMN controllers.name IS 'The controller''s name as sent; empty if names are not kept.';
COMMENT ON COLUMN controllers.server IS 'Server of the latest connection.';
COMMENT ON COLUMN controllers.facility IS 'VATSIM''s id of the facility; 0 is an observer.';
COMMENT ON COLUMN controllers.rating IS 'VATSIM''s id of the controller rating.';
COMMENT ON COLUMN controllers.frequency IS 'Latest frequency as sent, MHz; 199.998 is none.';
COMMENT ON COLUMN controllers.frequency_hz IS 'Latest frequency in Hz; null if none.';
COMMENT ON COLUMN controllers.frequencies IS 'Every frequency with the snapshot since which it was used: [{"since", "frequency_hz"}].';
COMMENT ON COLUMN controllers.visual_range IS 'Nautical miles, as sent.';
COMMENT ON COLUMN controllers.text_atis IS 'The controller''s information, latest, by line.';

COMMENT ON TABLE atis IS 'One version of a station''s ATIS, from first_seen until gone_at.';
COMMENT ON COLUMN atis.atis_id IS 'Computed from callsign and first_seen.';
COMMENT ON COLUMN atis.cid IS 'VATSIM''s number of who runs it.';
COMMENT ON COLUMN atis.callsign IS 'Callsign.';
COMMENT ON COLUMN atis.logon_time IS 'Logon time of the connection when the version began.';
COMMENT ON COLUMN atis.first_seen IS 'First snapshot with this version.';
COMMENT ON COLUMN atis.gone_at IS 'First snapshot without it; null while it is on the air.';
COMMENT ON COLUMN atis.name IS 'Name of who runs it as sent; empty if names are not kept.';
COMMENT ON COLUMN atis.server IS 'Server.';
COMMENT ON COLUMN atis.facility IS 'VATSIM''s id of the facility.';
COMMENT ON COLUMN atis.rating IS 'VATSIM''s id of the controller rating.';
COMMENT ON COLUMN atis.frequency IS 'As sent, MHz.';
COMMENT ON COLUMN atis.frequency_hz IS 'Hz; null if none.';
COMMENT ON COLUMN atis.visual_range IS 'Nautical miles, as sent.';
COMMENT ON COLUMN atis.atis_code IS 'Information letter; null if none was sent.';
COMMENT ON COLUMN atis.text_atis IS 'The text by line; null if none was sent.';

COMMENT ON TABLE transceivers IS 'One radio of one client on one frequency, from first_seen until gone_at. A station''s also ends when it moves.';
COMMENT ON COLUMN transceivers.state_id IS 'Computed from client, radio, frequency and first_seen.';
COMMENT ON COLUMN transceivers.callsign IS 'Callsign of the client.';
COMMENT ON COLUMN transceivers.flight_id IS 'The flight, if the client is a pilot.';
COMMENT ON COLUMN transceivers.session_id IS 'The session, if the client is a controller.';
COMMENT ON COLUMN transceivers.radio_id IS 'The client''s number of the radio.';
COMMENT ON COLUMN transceivers.frequency_hz IS 'Hz as sent, not always on a channel: round to 5 kHz to compare.';
COMMENT ON COLUMN transceivers.first_seen IS 'First snapshot with this state.';
COMMENT ON COLUMN transceivers.gone_at IS 'First snapshot without it; null while it lasts.';
COMMENT ON COLUMN transceivers.latitude IS 'At first_seen: degrees, WGS84.';
COMMENT ON COLUMN transceivers.longitude IS 'At first_seen: degrees, WGS84.';
COMMENT ON COLUMN transceivers.height_msl_m IS 'At first_seen: metres above mean sea level.';
COMMENT ON COLUMN transceivers.height_agl_m IS 'At first_seen: metres above ground.';

COMMENT ON TABLE events IS 'One event. Those of a snapshot are written in its transaction.';
COMMENT ON COLUMN events.id IS 'Computed for events of a snapshot, else random.';
COMMENT ON COLUMN events.type IS 'FLIGHT_CREATED and so on, see the API''s description.';
COMMENT ON COLUMN events.time IS 'The snapshot''s time, or the wall clock for events of the service.';
COMMENT ON COLUMN events.source IS 'The service that published it.';
COMMENT ON COLUMN events.correlation_id IS 'The snapshot''s update_timestamp as sent, or empty.';
COMMENT ON COLUMN events.payload IS 'What it says, in its type''s schema.';

COMMENT ON TABLE quarantine IS 'A record of a feed that was set aside, with the reason.';
COMMENT ON COLUMN quarantine.update_timestamp IS 'The snapshot that held it.';
COMMENT ON COLUMN quarantine.kind IS 'pilot, controller, atis, prefile, radios, ...';
COMMENT ON COLUMN quarantine.callsign IS 'Callsign, if it could be read.';
COMMENT ON COLUMN quarantine.reason IS 'What is wrong with it.';
COMMENT ON COLUMN quarantine.record IS 'The record''s JSON, cut at 4,096 characters.';
