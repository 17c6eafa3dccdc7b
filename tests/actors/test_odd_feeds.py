"""Odd feeds on the real tree: normal, odd, normal. The odd one costs what is odd about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.actors.harness import Running, running, until
from tests.feed.invented import body, feed, pilot, prefile, radios
from tests.feed.test_tolerance import EXTREMES, PLACES, put
from tests.feed_server import DATA, TRANSCEIVERS, FeedServer
from tests.feed_server import body as answer
from vatwatch.feed.times import parse_time, time_text
from vatwatch.messages.status import FetcherStatus, JournalStatus, ProcessorStatus
from vatwatch.monitoring.health import Health

START = parse_time("2026-10-01T11:00:00.1234567Z")
EVERYBODY = ["TST1", "TST2", "TST3"]
RADIO_FIELDS = list(radios()[0]["transceivers"][0])
# Pairs of a field and an extreme that the real tree is shown; each takes half a second.
SAMPLE = 30


class Network:
    """A service that is shown one snapshot after the other, 15 seconds apart."""

    def __init__(self, service: Running) -> None:
        self.service = service
        self.time = START

    def show(
        self,
        spoil: Callable[[dict[str, Any]], object] | None = None,
        *,
        replace: tuple[bytes, bytes] | None = None,
        transceivers: bytes | None = body(radios()),
        careless: bool = False,
    ) -> None:
        """The next one, spoilt: its content, or its bytes. It is served and stored.

        A careless sender sends halves of characters as they are.
        """
        self.time += timedelta(seconds=15)
        content = feed(time_text(self.time))
        if spoil is not None:
            spoil(content)
        raw = json.dumps(content).encode() if careless else body(content)
        if replace is not None:
            assert replace[0] in raw
            raw = raw.replace(*replace, 1)
        self.service.hand_in_bytes(raw, transceivers)
        self.service.until_served(self.time)
        self.service.until_stored(self.time)

    def one(self, path: str) -> Any:
        answered = self.service.http.simulate_get(path)
        assert answered.status_code == 200, (path, answered.text)
        return answered.json

    def flight(self, callsign: str = "TST1") -> Any:
        return self.one(f"/api/flights/{callsign}")

    def callsigns(self, collection: str = "flights") -> list[str]:
        return sorted(record["callsign"] for record in self.one(f"/api/{collection}")[collection])

    def set_aside(self) -> list[tuple[str, str, str]]:
        """Kind, callsign and reason of what was set aside of the newest snapshot."""
        return self.service.sql(
            "SELECT kind, callsign, reason FROM quarantine WHERE update_timestamp = %s"
            " ORDER BY 1, 2",
            self.time,
        )

    @property
    def processor(self) -> ProcessorStatus:
        return self.service.status("processor", ProcessorStatus)


@pytest.fixture
def network(tmp_path: Path, database_url: str) -> Iterator[Network]:
    with running(tmp_path, database_url) as service:
        yield Network(service)
        # Whatever it was shown: nothing failed, and nothing was refused as a whole.
        assert service.status("journal", JournalStatus).quarantined == 0
        for name in ("journal", "processor", "store", "cache"):
            assert service.node(name).failures == 0, name


@dataclass(frozen=True)
class Odd:
    """One oddity of a pilot's record, and what it shows of it."""

    name: str
    replace: tuple[bytes, bytes]
    field: str = "callsign"
    shown: object = "TST1"


ODD_BYTES = [
    Odd("a byte order mark", (b'{"general"', b'\xef\xbb\xbf{"general"')),
    Odd("a bad escape", (b"Invented Pilot1", b"O\\'Brien"), "name", "O'Brien"),
    Odd("a trailing comma", (b'}], "controllers"', b'},], "controllers"')),
    Odd("a byte of Latin-1", (b"Invented Pilot1", b"M\xfcller"), "name", "M\ufffdller"),
    Odd("a raw control character", (b"Invented Pilot1", b"a\x01b"), "name", "a b"),
    Odd("half a surrogate pair", (b"Invented Pilot1", b"a\\ud800b"), "name", "a\ufffdb"),
    Odd("garbage after the end", (b'"None"}]}', b'"None"}]}}} and more')),
    Odd("a bare Infinity", (b'"qnh_mb": 1013', b'"qnh_mb": Infinity'), "qnh_mb", None),
    Odd("deep nesting", (b'"Invented Pilot1"', b"[" * 3000 + b"]" * 3000), "name", ""),
    Odd("a quote in a text", (b"Invented Pilot1", b'the "one"'), "name", 'the "one"'),
    Odd("a key twice", (b'"altitude": 3001', b'"altitude": 1, "altitude": 3001'), "altitude", 3001),
    Odd("a null count", (b'"connected_clients": 7', b'"connected_clients": null')),
    Odd("a version as a text", (b'"version": 3', b'"version": "3.1"')),
    Odd("a null name", (b'"Invented Pilot1"', b"null"), "name", ""),
    Odd("a fraction", (b'"altitude": 3001', b'"altitude": 3000.7'), "altitude", 3001),
    Odd("a null altitude", (b'"altitude": 3001', b'"altitude": null'), "altitude", None),
    Odd("a text for a number", (b'"heading": 90', b'"heading": "91"'), "heading", 91),
    Odd("a number for a text", (b'"transponder": "1000"', b'"transponder": 21'), "transponder",
        "0021"),
    Odd("a plan that is a text", (b'"flight_plan": {', b'"flight_plan": "none", "x": {'),
        "flight_plan", None),
    Odd("another logon time", (b'"logon_time": "2026-10-01T10:00:00.5Z"',
                               b'"logon_time": "2026-W40-4T10:00:00Z"')),
]  # fmt: skip


def test_an_odd_value_costs_itself_and_the_snapshot_is_served_and_stored(network: Network) -> None:
    network.show()
    flight_id = network.flight()["flight_id"]
    for odd in ODD_BYTES:
        network.show(replace=odd.replace)
        assert network.callsigns() == EVERYBODY, odd.name
        assert network.flight()[odd.field] == odd.shown, odd.name
        assert network.flight()["flight_id"] == flight_id, odd.name
        assert network.set_aside() == [], odd.name
        network.show()
        assert network.flight()["altitude"] == 3001
    assert network.processor.lost_values["pilot.qnh_mb"] == 1


def test_a_text_of_a_plan_that_means_nothing_is_served_as_filed_and_counted(
    network: Network,
) -> None:
    network.show()
    assert network.flight()["plan"]["unreadable"] == ["departure", "arrival"]
    before = network.processor.plan_texts_unreadable.get("deptime", 0)
    for _ in range(2):  # counted once for each revision
        network.show(replace=(b'"deptime": "1000"', b'"deptime": "5772193"'))
        assert network.flight()["flight_plan"]["deptime"] == "5772193"
        assert network.flight()["plan"]["departure_time"] is None
        assert network.flight()["plan"]["unreadable"] == ["deptime", "departure", "arrival"]
    assert network.processor.plan_texts_unreadable["deptime"] == before + 1
    shown = network.service.http.simulate_get("/metrics").text
    assert f'vatwatch_plan_texts_unreadable_total{{field="deptime"}} {before + 1}.0' in shown
    assert network.service.sql("SELECT count(*) FROM flights") == [(3,)]


def test_extremes_in_any_field_of_both_feeds_are_stored_and_the_next_snapshot_is_whole(
    network: Network,
) -> None:
    """A sample of all pairs, always the same; tests/feed/test_tolerance.py tries them all."""
    random = Random(8)
    network.show()
    for _ in range(SAMPLE):
        place, value = random.choice(PLACES), random.choice(EXTREMES)
        at, key = random.randrange(3), random.choice(["callsign", *RADIO_FIELDS])
        tuned: list[Any] = radios()
        (tuned[at] if key == "callsign" else tuned[at]["transceivers"][0])[key] = value

        def spoil(
            content: dict[str, Any],
            place: tuple[str, int, tuple[str, ...]] = place,
            value: object = value,
        ) -> None:
            put(content, place, value)

        network.show(spoil, transceivers=json.dumps(tuned).encode(), careless=True)
        assert set(network.callsigns()) >= set(EVERYBODY) - {f"TST{place[1] + 1}"}, (place, value)
        network.show()
        assert set(network.callsigns()) >= set(EVERYBODY), (place, value)
        assert network.callsigns("atis") == ["EXX21_ATIS", "EXX22_ATIS"], (place, value)
        assert network.set_aside() == []


def test_unknown_values_are_null_in_the_tables(network: Network) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["general"].update(connected_clients=None, unique_users="many")
        content["pilots"][0].update(altitude=None, groundspeed="fast", heading=[], qnh_mb=True)
        content["controllers"][0].update(facility=None, rating={}, text_atis=["a", None])
        content["atis"][0].update(facility="?", rating=None, logon_time="2026-W40-4T10:00:00Z")

    height: list[Any] = radios()
    height[0]["transceivers"][0]["heightMslM"] = None
    network.show(spoil, transceivers=body(height))
    sql = network.service.sql
    assert sql("SELECT connected_clients, unique_users FROM snapshots") == [(None, None)]
    where = "callsign = 'TST1'"
    assert sql(f"SELECT altitude, groundspeed, heading, qnh_mb FROM flights WHERE {where}") == [
        (None, None, None, None)
    ]
    assert sql("SELECT count(*) FROM positions WHERE altitude IS NULL") == [(1,)]
    assert sql(
        "SELECT facility, rating, text_atis FROM controllers WHERE callsign = 'EXX11_TWR'"
    ) == [(None, None, ["a"])]
    assert sql("SELECT facility, logon_time FROM atis WHERE callsign = 'EXX21_ATIS'") == [
        (None, network.time)
    ]
    assert sql(f"SELECT height_msl_m, height_agl_m FROM transceivers WHERE {where}") == [
        (None, 900.0)
    ]
    points = network.one("/api/flights/TST1/track")["points"]
    assert [point["altitude"] for point in points] == [None]
    assert network.one("/api/network")["connected_clients"] is None
    assert network.one("/api/controllers/EXX11_TWR")["facility"] is None
    # A restart knows it again.
    assert network.set_aside() == []


def test_a_record_that_cannot_be_read_is_set_aside_reported_and_still_there(
    network: Network,
) -> None:
    network.show()
    ids = {sign: network.flight(sign)["flight_id"] for sign in EVERYBODY}
    for replace in (
        (b'"latitude": 50.1', b'"latitude": NaN'),
        (b'"cid": 1900001', b'"cid": "?"'),
        (b'"callsign": "TST1"', b'"callsign": ["TST1"]'),
    ):
        network.show(replace=replace)
        assert {sign: network.flight(sign)["flight_id"] for sign in EVERYBODY} == ids
        assert [kind for kind, _, _ in network.set_aside()] == ["pilot"]
        network.show()
    assert network.processor.quarantined_records == 3
    errors = until(
        lambda: [
            e
            for e in network.one("/api/errors?service=processor")["errors"]
            if e["error_type"] == "RecordsUnreadable"
        ]
    )
    assert {error["category"] for error in errors} == {"validation"}
    assert all(error["correlation_id"] for error in errors)


def test_a_type_that_changes_upstream_ends_no_flight_and_is_reported_as_long_as_it_lasts(
    network: Network,
) -> None:
    network.show()

    def spoil(content: dict[str, Any]) -> None:
        for record in content["pilots"]:
            record["cid"] = {"id": record["cid"]}

    for _ in range(3):
        network.show(spoil)
        assert network.callsigns() == EVERYBODY
        reason = network.service.reason("processor")
        assert "none of 3 pilots can be read" in reason
        assert network.processor.conditions == ("none of 3 pilots can be read",)
        assert network.service.reports().services["processor"].health is Health.DEGRADED
    network.show()
    until(lambda: network.service.reason("processor") == "")
    assert network.service.sql("SELECT count(*) FROM flights WHERE ended_as IS NOT NULL") == [(0,)]


def test_a_feed_without_pilots_is_reported_as_long_as_it_lasts(network: Network) -> None:
    network.show()
    for _ in range(4):
        network.show(lambda content: content["pilots"].clear())
        until(lambda: "no pilots at all" in network.service.reason("processor"))
        status = network.one("/api/status")
        assert "no pilots at all" in status["services"]["processor"]["reason"]
    network.show()
    until(lambda: network.service.reason("processor") == "")


BAD_RADIOS = {
    "not_json": b"<html><body>502 Bad Gateway</body></html>",
    "truncated": b'[{"callsign": "TST1", "transceivers": [{"id": 1, "frequency": 12280001',
    "malformed": b'{"error": "not now"}',
    "empty": b" ",
}


def test_a_radios_feed_that_cannot_be_read_costs_the_radios_and_nothing_else(
    network: Network,
) -> None:
    network.show()
    tuned = network.callsigns("transceivers")
    assert tuned == ["EXX11_TWR", "TST1", "TST2"]
    for outcome, raw in BAD_RADIOS.items():
        network.show(transceivers=raw)
        assert network.callsigns() == EVERYBODY
        assert network.service.sql(
            "SELECT radio_clients FROM snapshots WHERE update_timestamp = %s", network.time
        ) == [(None,)]
        assert "the radios feed cannot be read" in network.service.reason("processor")
        assert network.processor.radios_unreadable[outcome] == 1
        assert network.one("/api/status")["feed"]["outcomes"][f"transceivers_{outcome}"] == 1
    until(
        lambda: (
            {e["error_type"] for e in network.one("/api/errors?service=processor")["errors"]}
            >= {"FeedNotJson", "FeedTruncated", "FeedMalformed"}
        )
    )
    network.show()
    assert network.callsigns("transceivers") == tuned
    until(lambda: network.service.reason("processor") == "")


def test_a_radio_that_cannot_be_read_costs_its_client_at_most(network: Network) -> None:
    network.show()
    raw = body(radios()).replace(b'"latDeg": 50.1', b'"latDeg": NaN', 1)
    network.show(transceivers=raw)
    assert network.callsigns("transceivers") == ["EXX11_TWR", "TST2"]
    assert network.set_aside() == [("radios", "TST1", "latDeg cannot be read")]
    assert network.callsigns() == EVERYBODY


def test_every_listed_record_can_be_requested_alone(network: Network) -> None:
    odd = ["tst1", "\u00c5STRA\u00df", "A/B", "A%B", "a?b#c", "D\u00e9j\u00e0"]
    pilots = [pilot(n, callsign=callsign) for n, callsign in enumerate(odd, 1)]
    network.show(lambda content: content.update(pilots=pilots))
    network.service.until_stored(network.time)
    for flight in network.one("/api/flights")["flights"]:
        path = "/api/flights/" + _escaped(flight["callsign"])
        assert network.one(path) == flight
        track = network.one(path + "/track")
        assert track["callsign"] == flight["callsign"]
        assert track["flight_id"] == flight["flight_id"]
        assert track["count"] == 1
    assert network.flight("TST1")["callsign"] == "tst1"


def _escaped(callsign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in callsign.encode())


def test_two_spellings_of_one_moment_are_one_prefile(network: Network) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["prefiles"] += [
            prefile(40, last_updated=text)
            for text in ("2026-10-01T09:00:00Z", "2026-10-01T09:00:00.0Z")
        ]

    for _ in range(2):
        network.show(spoil)
        assert network.service.sql(
            "SELECT count(*) FROM flight_plans WHERE callsign = 'PRE40' AND gone_at IS NULL"
        ) == [(1,)]


def test_with_names_off_no_name_is_in_any_table_or_answer(
    tmp_path: Path, database_url: str
) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["pilots"][0].update(name=["Zyxwine Quvut EXXX"])
        content["pilots"][1].update(name={"first": "Zyxwine Quvut"}, cid=["Zyxwine Quvut"])
        content["controllers"][0].update(name="Zyxwine Quvut", callsign="Zyxwine Quvut")
        content["prefiles"][0].update(name="Zyxwine Quvut", flight_plan="Zyxwine Quvut")
        content["servers"] = "Zyxwine Quvut"

    with running(tmp_path, database_url, VATWATCH_KEEP_NAMES="off") as service:
        network = Network(service)
        network.show(spoil)
        network.show(replace=(b'"name": "Invented Pilot1"', b'"name": "Zyxwine Quvut""'))
        assert len(service.sql("SELECT * FROM quarantine")) >= 4
        tables = service.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for (table,) in tables:
            assert "Quvut" not in str(service.sql(f"SELECT * FROM {table}")), table
        until(lambda: service.http.simulate_get("/api/errors").json["errors"])
        for path in ("/api/flights", "/api/controllers", "/api/errors", "/api/status"):
            assert "Quvut" not in service.http.simulate_get(path).text


@pytest.mark.parametrize(
    "stamp", ["9999-12-31T23:59:59.9999999Z", "2026-10-01\\u000011:01:00", "2026-W40-4T10:00:00Z"]
)
def test_a_feed_with_an_invalid_time_is_refused_by_the_fetcher_and_the_next_is_accepted(
    stamp: str, tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        content = json.loads(feeds.advance().data.raw)
        content["general"]["update_timestamp"] = "STAMP"
        feeds.say(DATA, always=answer(body(content).replace(b"STAMP", stamp.encode())))
        until(lambda: service.status("fetcher", FetcherStatus).outcomes.get("malformed"))
        feeds.say(DATA)
        service.until_next_is_through()
        assert service.node("fetcher").failures == 0
        until(lambda: service.status("journal", JournalStatus).pending == 0)


def test_the_fetcher_keeps_a_snapshot_whose_radios_are_an_html_page(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        feeds.say(TRANSCEIVERS, always=answer(b"<html>502</html>"))
        service.until_next_is_through()
        until(lambda: "radios feed" in service.reason("processor"))
        feeds.say(TRANSCEIVERS)
        service.until_next_is_through()
        until(lambda: service.reason("processor") == "")
