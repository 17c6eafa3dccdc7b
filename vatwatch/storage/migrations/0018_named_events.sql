-- Events by whom they name (vatwatch/storage/event_table.py asks by these expressions), the newest
-- first. text_pattern_ops: patterns such as DLH* are looked for in them, too. Of each text the
-- beginning is enough: clients may publish longer ones than an index takes.

CREATE INDEX events_callsign ON events (
    upper(left(coalesce(payload ->> 'callsign', payload ->> 'subject'), 64) COLLATE "C") text_pattern_ops,
    time, id
) WHERE upper(left(coalesce(payload ->> 'callsign', payload ->> 'subject'), 64) COLLATE "C") IS NOT NULL;
CREATE INDEX events_other_callsign ON events (
    upper(left(coalesce(payload ->> 'station',
                        CASE WHEN jsonb_typeof(payload #> '{facts,flight}') = 'string'
                             THEN payload #>> '{facts,flight}' END), 64) COLLATE "C") text_pattern_ops,
    time, id
) WHERE upper(left(coalesce(payload ->> 'station',
                            CASE WHEN jsonb_typeof(payload #> '{facts,flight}') = 'string'
                                 THEN payload #>> '{facts,flight}' END), 64) COLLATE "C") IS NOT NULL;
CREATE INDEX events_cid ON events (
    left(coalesce(payload ->> 'cid', payload #>> '{facts,cid}'), 20), time, id
) WHERE left(coalesce(payload ->> 'cid', payload #>> '{facts,cid}'), 20) IS NOT NULL;
CREATE INDEX events_other_cid ON events (
    left(payload ->> 'station_cid', 20), time, id
) WHERE left(payload ->> 'station_cid', 20) IS NOT NULL;
