-- What the texts of a plan mean, beside the texts. Plans of before keep null: they were not read.

ALTER TABLE flight_plans
    ADD COLUMN departure_icao       text,
    ADD COLUMN arrival_icao         text,
    ADD COLUMN alternates           text[],
    ADD COLUMN great_circle_nm      double precision,
    ADD COLUMN cruise_tas_kt        integer,
    ADD COLUMN departure_time       time,
    ADD COLUMN enroute              interval,
    ADD COLUMN endurance            interval,
    ADD COLUMN aircraft_type        text,
    ADD COLUMN wake_category        text,
    ADD COLUMN equipment            text[],
    ADD COLUMN surveillance         text[],
    ADD COLUMN faa_equipment        text,
    ADD COLUMN pbn                  text[],
    ADD COLUMN date_of_flight       date,
    ADD COLUMN registration         text,
    ADD COLUMN selcal               text,
    ADD COLUMN mode_s_code          text,
    ADD COLUMN operator             text,
    ADD COLUMN performance_category text,
    ADD COLUMN special_handling     text[],
    ADD COLUMN voice                text,
    ADD COLUMN unreadable           text[],
    ADD COLUMN rules                integer;

COMMENT ON COLUMN flight_plans.departure_icao IS 'The airport of departure, if its code is a known one.';
COMMENT ON COLUMN flight_plans.arrival_icao IS 'The airport of arrival, if its code is a known one.';
COMMENT ON COLUMN flight_plans.alternates IS 'Those of the alternates that are known; null if none is.';
COMMENT ON COLUMN flight_plans.great_circle_nm IS 'Nautical miles between the two airports; null if one is unknown.';
COMMENT ON COLUMN flight_plans.cruise_tas_kt IS 'What cruise_tas means, in knots; null if it means nothing, or two things.';
COMMENT ON COLUMN flight_plans.departure_time IS 'What deptime means: time of day, UTC; null if it means nothing.';
COMMENT ON COLUMN flight_plans.enroute IS 'What enroute_time means; null if nothing was filed, or it means nothing.';
COMMENT ON COLUMN flight_plans.endurance IS 'What fuel_time means; null if nothing was filed, or it means nothing.';
COMMENT ON COLUMN flight_plans.aircraft_type IS 'ICAO type designator; null if there is none.';
COMMENT ON COLUMN flight_plans.wake_category IS 'J (super), H (heavy), M (medium) or L (light); null if unknown.';
COMMENT ON COLUMN flight_plans.equipment IS 'Equipment by codes of ICAO Doc 4444, item 10a; null if unknown.';
COMMENT ON COLUMN flight_plans.surveillance IS 'Surveillance by codes of ICAO Doc 4444, item 10b; null if unknown.';
COMMENT ON COLUMN flight_plans.faa_equipment IS 'The letter of the FAA''s form; null without one.';
COMMENT ON COLUMN flight_plans.pbn IS 'Codes of PBN/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.date_of_flight IS 'DOF/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.registration IS 'REG/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.selcal IS 'SEL/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.mode_s_code IS 'CODE/ in the remarks, six hexadecimal digits; null without.';
COMMENT ON COLUMN flight_plans.operator IS 'OPR/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.performance_category IS 'PER/ in the remarks: A, B, C, D, E or H; null without.';
COMMENT ON COLUMN flight_plans.special_handling IS 'STS/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.voice IS 'full, receive or text: /V/, /R/ or /T/ in the remarks; null without.';
COMMENT ON COLUMN flight_plans.unreadable IS 'Fields that were filed and cannot be read, remarks.PBN for a part; null in rows without rules.';
COMMENT ON COLUMN flight_plans.rules IS 'Version of the rules by which it was read; null: of before there were any.';
