"""How far stations are heard, and channels left out: a change counts with the next snapshot."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.actors.reloading import reloading
from tests.feed_server import DATA, TRANSCEIVERS, body
from tests.reload.effects import takes_effect
from vatwatch.feed.times import parse_time, time_text

# Ten miles north of the station, whatever its facility.
TABLE = [
    ("VATWATCH_RANGE_DEL_NM", "QQQ_DEL", 2, 5),
    ("VATWATCH_RANGE_GND_NM", "QQQ_GND", 3, 5),
    ("VATWATCH_RANGE_TWR_NM", "QQQ_TWR", 4, 5),
    ("VATWATCH_RANGE_APP_NM", "QQQ_APP", 5, 5),
    ("VATWATCH_RANGE_CTR_NM", "QQQ_CTR", 6, 5),
    ("VATWATCH_RANGE_FSS_NM", "QQQ_FSS", 1, 5),
    ("VATWATCH_CONTACT_EXCLUDED", "QQQ_TWR", 4, ["118.500"]),
]


def radios(callsign: str, latitude: float) -> dict[str, object]:
    aerial = {"id": 0, "frequency": 118_500_000, "latDeg": latitude, "lonDeg": 0.0}
    return {
        "callsign": callsign,
        "transceivers": [{**aerial, "heightMslM": 3_000.0, "heightAglM": 10.0}],
    }


@takes_effect(*(row[0] for row in TABLE))
@pytest.mark.parametrize(("setting", "station", "facility", "after"), TABLE)
def test_a_contact_ends_where_it_is_none_by_what_is_set_now(
    tmp_path: Path,
    database_url: str,
    setting: str,
    station: str,
    facility: int,
    after: object,
) -> None:
    with reloading(tmp_path, database_url=database_url, pilots=60) as (one, feeds):
        shown = json.loads(feeds.advance().data.raw)
        pilot = {**shown["pilots"][0], "latitude": 10 / 60, "longitude": 0.0, "altitude": 10_000}
        controls = {
            **shown["controllers"][0],
            "callsign": station,
            "facility": facility,
            "frequency": "118.500",
        }
        tuned = [radios(pilot["callsign"], 10 / 60), radios(station, 0.0)]
        time = parse_time(shown["general"]["update_timestamp"]) + timedelta(hours=1)

        def lasting_after(seconds: int) -> int:
            moment = time + timedelta(seconds=seconds)
            general = {**shown["general"], "update_timestamp": time_text(moment)}
            feed = {**shown, "general": general, "pilots": [pilot], "controllers": [controls]}
            feeds.say(DATA, always=body(json.dumps(feed).encode()))
            one.running.until_stored(moment)
            found = one.running.sql(
                "SELECT count(*) FROM frequency_matches WHERE station = %s AND ended_at IS NULL",
                station,
            )
            return int(found[0][0])

        feeds.say(TRANSCEIVERS, always=body(json.dumps(tuned).encode()))
        assert lasting_after(15) == 1
        one.take_over(**{setting: after})
        assert lasting_after(30) == 0
