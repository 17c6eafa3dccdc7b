"""The world against what was seen of the real one, with wide bounds: shares of hundreds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest

from tests.vatsim_simulator.conftest import START, Step
from vatsim_simulator.oddities import Rates
from vatsim_simulator.publication import publish
from vatsim_simulator.radio_names import channel_hz
from vatsim_simulator.world import World
from vatwatch.feed.decode import decode_feed, decode_radios
from vatwatch.feed.frequency import on_grid_hz
from vatwatch.feed.records import Controller, Feed, Pilot
from vatwatch.feed.times import parse_time
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.geometry import distance_nm

QUIET = Rates(
    restarts_a_day=0, impossible_performance=0, quits_a_step=0, reconnects_a_step=0,
    callsign_changes_a_step=0, amendments_a_step=0, lingers=0, pilot_cid_twice=0,
    new_plan=0, flies_on=0, hours_away=0, other_callsign=0, circuits=0, airliners_touch_and_go=0,
    go_arounds=0, rejected_take_offs=0, diversions=0, pauses=0, slews=0, accelerated=0,
    ground_slews=0,
)  # fmt: skip


def bytes_after(seed: int, updates: int) -> tuple[bytes, bytes]:
    world = World(seed, 60, START)
    for _ in range(updates):
        world.advance()
    publication = publish(updates, world.feed(), world.radios())
    return publication.data.raw, publication.transceivers.raw


def feeds(world: World, updates: int) -> Iterator[Feed]:
    for _ in range(updates):
        world.advance()
        yield world.feed()


def test_the_same_seed_pilots_and_start_give_the_same_bytes() -> None:
    assert bytes_after(3, 40) == bytes_after(3, 40)


def test_another_seed_is_another_network() -> None:
    ours = {pilot.callsign for pilot in World(3, 60, START).feed().pilots}
    theirs = {pilot.callsign for pilot in World(4, 60, START).feed().pilots}
    assert len(ours & theirs) < 6


def test_looking_changes_nothing() -> None:
    seen, unseen = World(5, 60, START), World(5, 60, START)
    for _ in range(20):
        seen.advance()
        unseen.advance()
        seen.feed(), seen.radios()
    assert seen.feed() == unseen.feed()
    assert seen.radios() == unseen.radios()


def test_every_record_decodes_as_it_was_meant(day: list[Step]) -> None:
    for number, step in enumerate(day[::20]):
        publication = publish(number, step.feed, step.radios)
        feed, radios = (
            decode_feed(publication.data.raw),
            decode_radios(publication.transceivers.raw),
        )
        assert feed.quarantined == radios.quarantined == ()
        assert feed.feed.pilots == step.feed.pilots
        assert feed.feed.prefiles == step.feed.prefiles
        assert radios.radios == step.radios


# The keys of the newest captures (August 2025). VATSIM added keys over time, and removed none.
CLIENT_KEYS = "cid name callsign server logon_time last_updated"
STATION_KEYS = f"{CLIENT_KEYS} frequency facility rating text_atis visual_range"
RATING_KEYS = "id short_name long_name"
KEYS = {
    "general": "version reload update update_timestamp connected_clients unique_users",
    "pilots": f"{CLIENT_KEYS} pilot_rating military_rating latitude longitude altitude groundspeed "
    "transponder heading qnh_i_hg qnh_mb flight_plan",
    "controllers": STATION_KEYS,
    "atis": f"{STATION_KEYS} atis_code",
    "servers": "ident hostname_or_ip location name client_connections_allowed is_sweatbox "
    "clients_connection_allowed",
    "prefiles": "cid name callsign flight_plan last_updated",
    "facilities": "id short long",
    "ratings": "id short long",
    "pilot_ratings": RATING_KEYS,
    "military_ratings": RATING_KEYS,
}
PLAN_KEYS = (
    "flight_rules aircraft aircraft_faa aircraft_short departure arrival alternate cruise_tas "
    "altitude deptime enroute_time fuel_time remarks route revision_id assigned_transponder"
)


def test_records_have_exactly_the_keys_of_the_newest_captures(day: list[Step]) -> None:
    simulated = msgspec.json.decode(msgspec.json.encode(day[-1].feed))
    assert simulated.keys() == KEYS.keys()
    for section, keys in KEYS.items():
        ours = simulated[section]
        found = set().union(*map(set, ours)) if isinstance(ours, list) else set(ours)
        assert found == set(keys.split()), section
    plan = next(p["flight_plan"] for p in simulated["pilots"] if p["flight_plan"])
    assert plan.keys() == set(PLAN_KEYS.split())


@pytest.mark.parametrize("pilots", [0, 1, 2])
def test_a_network_of_almost_nobody_goes_on(pilots: int) -> None:
    world = World(1, pilots, START, Rates(reconnects_a_step=0.1, quits_a_step=0.1))
    for feed in feeds(world, 300):
        assert len(feed.pilots) <= pilots + 5


# --- shares, against the captures -----------------------------------------------------------------


def share(records: list[Pilot], fits: Callable[[Pilot], bool]) -> float:
    return sum(map(fits, records)) / len(records)


def of_controllers(feed: Feed, fits: Callable[[Controller], bool]) -> float:
    return sum(map(fits, feed.controllers)) / len(feed.controllers)


def filed_nm(feed: Feed) -> list[float]:
    """How far it is between the airports of each plan."""
    airports = load_airports()
    plans = [pilot.flight_plan for pilot in feed.pilots if pilot.flight_plan is not None]
    ends = [(airports.get(plan.departure), airports.get(plan.arrival)) for plan in plans]
    return [
        distance_nm(one.latitude, one.longitude, other.latitude, other.longitude)
        for one, other in ends
        if one is not None and other is not None
    ]


def of_flights(feed: Feed, shortest_nm: float, longest_nm: float) -> float:
    lengths = filed_nm(feed)
    return sum(shortest_nm <= length < longest_nm for length in lengths) / len(lengths)


SHARES: dict[str, Callable[[Feed], float]] = {
    "bytes a pilot": lambda feed: len(msgspec.json.encode(feed.pilots)) / len(feed.pilots),
    "controllers a pilot": lambda feed: len(feed.controllers) / len(feed.pilots),
    "ATIS a pilot": lambda feed: len(feed.atis) / len(feed.pilots),
    "prefiles a pilot": lambda feed: len(feed.prefiles) / len(feed.pilots),
    "without a plan": lambda feed: share(feed.pilots, lambda pilot: pilot.flight_plan is None),
    "standing still": lambda feed: share(feed.pilots, lambda pilot: pilot.groundspeed == 0),
    "above 30,000 ft": lambda feed: share(feed.pilots, lambda pilot: pilot.altitude > 30_000),
    "shorter than 700 nm": lambda feed: of_flights(feed, 0, 700),
    "longer than 1,800 nm": lambda feed: of_flights(feed, 1_800, 20_000),
    "route's length": lambda feed: (
        sum(len(pilot.flight_plan.route) for pilot in feed.pilots if pilot.flight_plan)
        / len(feed.pilots)
    ),
    "on 199.998": lambda feed: of_controllers(feed, lambda one: one.frequency == "199.998"),
    "observers": lambda feed: of_controllers(feed, lambda one: one.facility == 0),
    "without a text": lambda feed: of_controllers(feed, lambda one: one.text_atis is None),
}


# The least and the most in 13 captures of 2020 to 2025.
IN_CAPTURES = {
    "bytes a pilot": (815.3, 949),
    "controllers a pilot": (0.061, 0.196),
    "ATIS a pilot": (0.022, 0.094),
    "prefiles a pilot": (0.039, 0.144),
    "without a plan": (0.033, 0.079),
    "standing still": (0.190, 0.267),
    "above 30,000 ft": (0.355, 0.556),
    "shorter than 700 nm": (0.306, 0.619),
    "longer than 1,800 nm": (0.148, 0.543),
    "route's length": (73, 127.8),
    "on 199.998": (0.222, 0.590),
    "observers": (0.235, 0.590),
    "without a text": (0.230, 0.667),
}


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_as_in_the_captures(name: str, day: list[Step]) -> None:
    least, most = IN_CAPTURES[name]
    here = sum(SHARES[name](step.feed) for step in day) / len(day)
    assert 0.7 * least <= here <= 1.3 * most


def test_the_network_looks_at_the_start_as_it_does_after_hours() -> None:
    world = World(3, 600, START)
    first = world.feed()
    for _ in range(3 * 240):
        world.advance()
    for name in (
        "standing still",
        "above 30,000 ft",
        "shorter than 700 nm",
        "longer than 1,800 nm",
    ):
        assert SHARES[name](first) == pytest.approx(SHARES[name](world.feed()), abs=0.09), name


def who(feed: Feed) -> dict[tuple[int, str], Pilot]:
    return {(pilot.cid, pilot.callsign): pilot for pilot in feed.pilots}


def test_as_many_come_go_and_stay_where_they_are_as_in_the_captures(day: list[Step]) -> None:
    come, gone, still, heard = [], [], [], []
    for before, after in pairwise(who(step.feed) for step in day):
        both = before.keys() & after.keys()
        come.append(len(after.keys() - both))
        gone.append(len(before.keys() - both))
        places = [(before[key], after[key]) for key in both]
        still.append(
            sum((a.latitude, a.longitude) == (b.latitude, b.longitude) for a, b in places)
            / len(both)
        )
        heard.append(sum(a.last_updated != b.last_updated for a, b in places) / len(both))
    # In 15 s, of 950 pilots: 1 to 6 come, 1 to 4 go, about a quarter have not moved.
    assert 1 <= sum(come) / len(come) <= 6
    assert 1 <= sum(gone) / len(gone) <= 4
    assert 0.18 <= sum(still) / len(still) <= 0.38
    assert sum(heard) / len(heard) > 0.98


def test_the_network_keeps_its_size_for_hours() -> None:
    world = World(2, 200, START)
    sizes = []
    for feed in feeds(world, 4 * 240):
        sizes.append(len(feed.pilots))
        assert 5 <= len(feed.controllers) <= 40
        assert 5 <= len(feed.prefiles) <= 45
    assert 150 <= min(sizes) <= max(sizes) <= 250


# --- who is who -----------------------------------------------------------------------------------


def test_callsigns_are_unique_among_all_who_are_connected(day: list[Step]) -> None:
    for step in day[::10]:
        feed = step.feed
        callsigns = Counter(
            client.callsign for client in [*feed.pilots, *feed.controllers, *feed.atis]
        )
        assert max(callsigns.values()) == 1
        assert {client.callsign for client in step.radios} <= callsigns.keys()


def test_hardly_anybody_flies_twice_at_once_or_controls_twice(day: list[Step]) -> None:
    for records in ("pilots", "controllers"):
        twice = 0
        for step in day:
            cids = [record.cid for record in getattr(step.feed, records)]
            twice += len(cids) - len(set(cids))
        # In 2 captures of 41 for pilots, in 6 for controllers.
        assert twice <= len(day), records


def test_one_person_can_fly_twice_and_control_twice_at_once() -> None:
    rates = msgspec.structs.replace(QUIET, pilot_cid_twice=0.3, controller_cid_twice=0.3)
    world = World(1, 150, START, rates)
    for _ in range(240):
        world.advance()
    for records in (world.feed().pilots, world.feed().controllers):
        assert max(Counter(record.cid for record in records).values()) > 1


def test_times_run_and_lie_where_they_should(day: list[Step]) -> None:
    for before, after in pairwise(step.feed for step in day):
        updates = [parse_time(feed.general.update_timestamp) for feed in (before, after)]
        assert abs((updates[1] - updates[0]).total_seconds() - 15) < 0.01
        for client in [*after.pilots, *after.controllers, *after.atis]:
            assert parse_time(client.logon_time) <= updates[1] + timedelta(seconds=1)
            age_s = (updates[1] - parse_time(client.last_updated)).total_seconds()
            assert -0.8 <= age_s <= 190


def test_one_who_reconnects_has_a_new_logon_time_and_goes_on_where_he_was() -> None:
    world = World(1, 150, START, msgspec.structs.replace(QUIET, reconnects_a_step=0.01))
    reconnects = 0
    for before, after in pairwise(who(feed) for feed in feeds(world, 40)):
        for key in before.keys() & after.keys():
            if before[key].logon_time != after[key].logon_time:
                reconnects += 1
                assert parse_time(after[key].logon_time) > parse_time(before[key].logon_time)
                assert moved_nm(before[key], after[key]) < 5
    assert reconnects > 10


def test_one_who_is_away_for_long_comes_back_with_his_flight() -> None:
    world = World(1, 150, START, msgspec.structs.replace(QUIET, reconnects_a_step=0.01))
    last: dict[tuple[int, str], tuple[int, Pilot]] = {}
    returns = []
    for number, feed in enumerate(feeds(world, 120)):
        for key, pilot in who(feed).items():
            if key in last and number - last[key][0] > 2:
                returns.append((last[key][1], pilot))
            last[key] = number, pilot
    assert len(returns) > 10
    assert all(moved_nm(before, after) < 5 for before, after in returns)


def test_plans_are_amended_and_revisions_rise_and_fall() -> None:
    world = World(1, 150, START, msgspec.structs.replace(QUIET, amendments_a_step=0.02))
    rises, falls, unseen, filed = 0, 0, 0, 0
    for before, after in pairwise(who(feed) for feed in feeds(world, 60)):
        for key in before.keys() & after.keys():
            old, new = before[key].flight_plan, after[key].flight_plan
            if new is None or old == new:
                continue
            filed += old is None
            if old is not None:
                rises += new.revision_id > old.revision_id
                falls += new.revision_id < old.revision_id
                unseen += msgspec.structs.replace(new, revision_id=0) == msgspec.structs.replace(
                    old, revision_id=0
                )
    assert min(rises, falls, unseen, filed) > 0
    assert rises > falls


def test_a_connection_can_change_its_callsign_and_keeps_its_logon_time() -> None:
    world = World(1, 150, START, msgspec.structs.replace(QUIET, callsign_changes_a_step=0.01))
    changes = 0
    for before, after in pairwise(feeds(world, 30)):
        old = {pilot.cid: pilot for pilot in before.pilots}
        for pilot in after.pilots:
            if pilot.cid in old and pilot.callsign != old[pilot.cid].callsign:
                changes += 1
                assert pilot.logon_time == old[pilot.cid].logon_time
    assert changes > 10


def test_a_restart_of_the_data_server_cuts_logon_times_to_whole_seconds() -> None:
    world = World(1, 100, START, QUIET)
    before = who(world.feed())
    world.restart_data_server()
    after = who(world.feed())
    assert after.keys() == before.keys()
    for key, pilot in after.items():
        cut_s = (parse_time(before[key].logon_time) - parse_time(pilot.logon_time)).total_seconds()
        assert parse_time(pilot.logon_time).microsecond == 0
        assert 0 <= cut_s < 1


def test_some_fall_silent_and_their_record_lingers_before_it_goes() -> None:
    world = World(1, 150, START, msgspec.structs.replace(QUIET, quits_a_step=0.02, lingers=1.0))
    oldest_s = 0.0
    for feed in feeds(world, 40):
        update = parse_time(feed.general.update_timestamp)
        ages = [(update - parse_time(pilot.last_updated)).total_seconds() for pilot in feed.pilots]
        oldest_s = max(oldest_s, *ages)
    assert 60 < oldest_s <= 190


# --- in the air -----------------------------------------------------------------------------------


def moved_nm(before: Pilot, after: Pilot) -> float:
    return distance_nm(before.latitude, before.longitude, after.latitude, after.longitude)


def test_nobody_moves_faster_than_his_ground_speed() -> None:
    world = World(1, 200, START, QUIET)
    for before, after in pairwise(who(feed) for feed in feeds(world, 120)):
        for key in before.keys() & after.keys():
            fastest_kt = max(before[key].groundspeed, after[key].groundspeed)
            # Within 15 s he may have reached a speed between the two, and lost it again.
            assert moved_nm(before[key], after[key]) * 240 <= fastest_kt * 1.1 + 40
            assert abs(after[key].altitude - before[key].altitude) <= 1_500
            assert 0 <= after[key].groundspeed <= 560


def test_a_flight_parks_climbs_cruises_descends_and_parks() -> None:
    world = World(1, 30, START, QUIET)
    tracks: dict[tuple[int, str], list[Pilot]] = {}
    for feed in feeds(world, 900):
        for key, pilot in who(feed).items():
            tracks.setdefault(key, []).append(pilot)
    whole = [
        track
        for track in tracks.values()
        if track[0].groundspeed == track[-1].groundspeed == 0
        and max(pilot.altitude for pilot in track) > 20_000
    ]
    assert len(whole) > 3
    for track in whole:
        heights = [pilot.altitude for pilot in track]
        top = heights.index(max(heights))
        # Up without going down on the way; the weather is worth a little.
        assert all(after >= before - 120 for before, after in pairwise(heights[:top]))
        assert min(heights[: top + 1]) == pytest.approx(heights[0], abs=120)
        assert min(heights[top:]) == pytest.approx(heights[-1], abs=120)
        cruising = [pilot for pilot in track if pilot.altitude > max(heights) - 700]
        assert len(cruising) >= 4
        assert moved_nm(track[0], track[-1]) > 40


def test_radios_are_tuned_to_who_controls_there(day: list[Step]) -> None:
    step = day[-1]
    named = [round(float(one.frequency) * 1e6) for one in step.feed.controllers]
    online = {one.callsign for one in step.feed.controllers}
    # What a station has coupled is its own, too.
    named += [
        radio.frequency
        for client in step.radios
        if client.callsign in online
        for radio in client.transceivers
    ]
    stations = {channel_hz(hertz) for hertz in named if hertz != 199_998_000}
    pilots = {pilot.callsign for pilot in step.feed.pilots}
    tuned = [
        client.transceivers[0].frequency
        for client in step.radios
        if client.callsign in pilots and client.transceivers
    ]
    with_somebody = sum(channel_hz(frequency) in stations for frequency in tuned)
    alone = sum(on_grid_hz(frequency) == 122_800_000 for frequency in tuned)
    assert with_somebody + alone > 0.97 * len(tuned)
    assert with_somebody > 0.1 * len(tuned)


def test_a_pilot_on_a_towers_frequency_is_near_its_aerials(day: list[Step]) -> None:
    aerials = {client.callsign: client.transceivers for client in day[-1].radios}
    towers = {
        round(float(one.frequency) * 1e6): aerials[one.callsign][0]
        for one in day[-1].feed.controllers
        if one.callsign.endswith("_TWR")
        and one.callsign.count("_") == 1
        and aerials.get(one.callsign)
    }
    others = Counter(one.frequency for one in day[-1].feed.controllers)
    shared = {round(float(text) * 1e6) for text, times in others.items() if times > 1}
    near = []
    for pilot in day[-1].feed.pilots:
        radios = aerials.get(pilot.callsign)
        tower = towers.get(radios[0].frequency) if radios else None
        if tower is not None and radios is not None and radios[0].frequency not in shared:
            near.append(distance_nm(pilot.latitude, pilot.longitude, tower.latDeg, tower.lonDeg))
    assert len(near) > 5
    assert max(near) < 50


def test_radios_have_the_oddities_of_real_ones(day: list[Step]) -> None:
    clients = day[-1].radios
    radios = [radio for client in clients for radio in client.transceivers]
    # As in a capture of April 2021 with 892 clients and 1,261 radios.
    for in_capture, here in (
        (0.487, sum(radio.frequency % 5_000 > 0 for radio in radios) / len(radios)),
        (0.0303, sum(not client.transceivers for client in clients) / len(clients)),
        (1.414, len(radios) / len(clients)),
    ):
        assert 0.4 * in_capture <= here <= 2.5 * in_capture
