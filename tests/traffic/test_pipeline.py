"""From raw bytes to a batch, on real captures and on people who want no name kept."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.traffic.build import START, at, text
from vatwatch.errors import FeedError
from vatwatch.traffic.filters import Filters
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import (
    ComparedSnapshot,
    Options,
    batch_of,
    compare,
    decode_snapshot,
)

NAMES_OFF = Options(keep_names=False)


def run(raw: bytes, options: Options = Options(), radios: bytes | None = None) -> ComparedSnapshot:  # noqa: B008
    return compare(NetworkState(), decode_snapshot(raw, radios, options), options.rules)


# --- the whole way -------------------------------------------------------------------------------


def test_a_sequence_of_captures_goes_the_whole_way_and_each_is_shown_as_it_was(
    captures: Path,
) -> None:
    state = NetworkState()
    came = 0
    files = sorted(captures.glob("vatsim-data-2024112*.json.gz"))
    assert len(files) == 5
    for number, file in enumerate(files):
        raw = gzip.decompress(file.read_bytes())
        compared = compare(state, decode_snapshot(raw, None, Options()), Rules())
        state = compared.state
        sent = json.loads(raw)
        assert list(state.flights) == [p["callsign"] for p in sent["pilots"]]
        assert list(state.sessions) == [c["callsign"] for c in sent["controllers"]]
        assert list(state.atis) == [a["callsign"] for a in sent["atis"]]
        assert len(state.prefiles) == len(sent["prefiles"])
        if number:
            came += len(compared.changes.flights.created)
        batch = batch_of(compared, entry_id=7, fetched_at=START, source="test")
        assert (batch.entry_id, batch.radio_clients, batch.quarantined) == (7, None, ())
    # In two minutes a few come, and the others are who they were.
    assert 0 < came < 100


def test_the_radios_of_a_capture_are_all_known(captures: Path) -> None:
    raw = gzip.decompress((captures / "vatsim-data-20210424T152814Z.json.gz").read_bytes())
    (file,) = captures.glob("transceivers-data-2021*.json.gz")
    radios = gzip.decompress(file.read_bytes())
    compared = run(raw, radios=radios)
    batch = batch_of(compared, entry_id=1, fetched_at=START, source="test")
    assert batch.radio_clients == len(json.loads(radios)) > 500
    tuned = {c["callsign"] for c in json.loads(radios) if c["transceivers"]}
    assert set(compared.state.radios) == tuned


def test_what_a_filter_keeps_out_is_counted_in_the_batch(captures: Path) -> None:
    raw = gzip.decompress((captures / "vatsim-data-20250806T065457Z.json.gz").read_bytes())
    sent = json.loads(raw)["pilots"]
    airline, _ = Counter(p["callsign"][:3] for p in sent).most_common(1)[0]
    compared = run(raw, Options(filters=Filters(callsign=re.compile(f"^{airline}"))))
    wanted = [p["callsign"] for p in sent if p["callsign"].startswith(airline)]
    shown = [sign for sign, flight in compared.state.flights.items() if flight.shown]
    assert shown == wanted
    assert [flight.pilot.callsign for flight in compared.changes.flights.online] == wanted
    batch = batch_of(compared, entry_id=1, fetched_at=START, source="test")
    assert batch.kept_out["callsign"]["pilots"] == len(sent) - len(wanted)


# --- names ---------------------------------------------------------------------------------------

NAME = 'Zo\\"ë Invented'


def named_feed() -> bytes:
    """A feed in which every record has a name, good ones and bad ones."""
    who = {"name": NAME, "logon_time": text(START), "last_updated": text(START)}
    person = {"latitude": 1, "longitude": 1, "altitude": 1, "groundspeed": 1, "heading": 1, **who}
    desk = {"frequency": "118.5", "facility": 4, "rating": 3, **who}
    return json.dumps(
        {
            "general": {"update_timestamp": text(at(15))},
            "pilots": [
                {"cid": 1, "callsign": "ABC1", **person},
                {"cid": "?", "callsign": "BAD1", **person},
                {"cid": 3, "callsign": "BAD2", **person, "latitude": 99},
            ],
            "controllers": [
                {"cid": 4, "callsign": "EXXX_TWR", **desk},
                {"cid": 5, "callsign": "TWO WORDS", **desk},
            ],
            "atis": [{"cid": 6, "callsign": "EXXX_ATIS", **desk}],
            "prefiles": [
                {"cid": 7, "callsign": "PRE", "flight_plan": {}, **who},
                {"cid": -1, "callsign": "PRE", "flight_plan": {}, **who},
            ],
        }
    ).encode()


def test_with_names_off_no_name_is_left_anywhere() -> None:
    kept = msgspec.json.encode(
        batch_of(run(named_feed()), entry_id=1, fetched_at=START, source="test")
    )
    dropped = run(named_feed(), NAMES_OFF)
    batch = msgspec.json.encode(batch_of(dropped, entry_id=1, fetched_at=START, source="test"))
    assert kept.count(b"Invented") > 8
    assert b"Invented" not in batch
    assert len(dropped.decoded.quarantined) == 4
    assert "Invented" not in repr(dropped)
    # Nothing but the name has gone.
    assert dropped.state.flights["ABC1"].pilot.cid == 1
    for record in dropped.decoded.quarantined:
        assert "name" not in json.loads(record.record)


HIDING_PLACES = [
    '"name": ["Invented"]',
    '"name": {"first": ["Invented"]}',
    '"name": "x", "name": "Invented"',
    '"name": "Invented", "name": null',
    '"callsign": ["Invented"]',
    '"flight_plan": {"name": "Invented"}',
    '"Name": "Invented", "real_name": "Invented"',
    '"name": "O"Invented"',
    '"name": Invented',
    '"name": "Invented',
    '"name": "Invented\\',
    '"name": "\\u0049nvented"',
    '"transceivers": [{"name": "Invented"}]',
]


@pytest.mark.parametrize("place", HIDING_PLACES)
@pytest.mark.parametrize("kind", ["pilots", "controllers", "atis", "prefiles", "servers"])
def test_with_names_off_no_name_is_left_of_a_record_that_cannot_be_read(
    kind: str, place: str
) -> None:
    head = json.dumps({"update_timestamp": text(START)})
    for record in (f'{{"cid": "?", {place}, "latitude": 99}}', f'["{place}"]', place, f"{{{place}"):
        for section in (f"[{record}]", record):
            raw = f'{{"general": {head}, "{kind}": {section}}}'.encode()
            with suppress(FeedError):  # an open quote is where a body was cut off
                decoded = decode_snapshot(raw, raw, NAMES_OFF)
                assert b"nvented" not in msgspec.json.encode(decoded.quarantined)
                assert "nvented" not in repr(decoded)


def test_a_reason_never_holds_what_was_sent() -> None:
    secret = "Invented"
    bad = {"cid": secret, "callsign": [secret], "latitude": secret}
    raw = json.dumps({"general": {"update_timestamp": text(START)}, "pilots": [bad]}).encode()
    (record,) = decode_snapshot(raw, None, Options()).quarantined
    assert secret not in record.reason
    for body in (f"{secret} <html>", f'"{secret}"', f'{{"general": "{secret}"}}', f'{{"{secret}'):
        with pytest.raises(FeedError) as caught:
            decode_snapshot(body.encode(), None, NAMES_OFF)
        assert secret not in str(caught.value)


def test_the_rules_of_the_operator_are_the_ones_that_are_applied() -> None:
    options = Options(rules=Rules(reconnect_window=timedelta(seconds=1)))
    before = run(named_feed(), options).state
    later = named_feed().replace(text(at(15)).encode(), text(at(60)).encode())
    gone = later.replace(b'"ABC1"', b'"ABC9"')
    compared = compare(before, decode_snapshot(gone, None, options), options.rules)
    assert [f.pilot.callsign for f in compared.changes.flights.ended] == ["ABC1"]
