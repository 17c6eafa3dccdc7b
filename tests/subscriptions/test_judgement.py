"""One message per session, none for a reconnect within the window, held for two snapshots."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tests.subscriptions.build import (
    NO_FREQUENCY,
    Judging,
    every_15_s,
    flying,
    station,
    texts,
)
from tests.traffic.build import START, at, controller, pilot, plan, prefile, snapshot
from vatwatch.feed.records import Controller
from vatwatch.subscriptions.occasions import Occasion, SubscriptionState
from vatwatch.subscriptions.watches import (
    AirportWatch,
    AtcAheadWatch,
    Counted,
    CountWatch,
    FirWatch,
    FlightWatch,
    NewsKind,
    PersonWatch,
    PositionWatch,
    TrafficWithoutAtcWatch,
    UserWatch,
)
from vatwatch.traffic.areas.area_file import Area
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.areas.positions import ControlPosition, Positions
from vatwatch.traffic.areas.volumes import FIR, Volume
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.station_place import station_state

FRANKFURT = PositionWatch("EDDF_*")
# No step of a run is longer than the window, which is fifteen minutes.
WINDOW_STEPS = 60


def told(watch: UserWatch, *steps: list[Controller]) -> list[str]:
    """The texts of a run that begins with an empty network."""
    return texts(Judging(watch).run(every_15_s([[], *steps])))


def test_a_station_is_told_in_its_second_snapshot_and_never_again() -> None:
    judging = Judging(FRANKFURT)
    assert judging.take(snapshot(0)) == ()
    assert judging.take(snapshot(15, controllers=[station()])) == ()
    (occasion,) = judging.take(snapshot(30, controllers=[station()]))
    assert (occasion.event, occasion.subject, occasion.at) == ("began", "EDDF_TWR", at(30))
    assert occasion.text == "EDDF_TWR is online on 119.900."
    assert occasion.facts["cid"] == 100
    for number in range(3, 20):
        assert judging.take(snapshot(15 * number, controllers=[station()])) == ()


def test_a_station_without_a_frequency_is_told_when_it_has_had_one_for_two_snapshots() -> None:
    none = [station(frequency=NO_FREQUENCY)]
    tuned = [station()]
    assert told(FRANKFURT, none, none, none, none) == []
    assert told(FRANKFURT, none, tuned, none, tuned, none) == []
    assert told(FRANKFURT, none, tuned, tuned, none, tuned, tuned) == [
        "EDDF_TWR is online on 119.900."
    ]


def test_a_station_that_flaps_causes_nothing() -> None:
    assert told(FRANKFURT, *([[station()], []] * 10)) == []


def test_a_reconnect_within_the_window_causes_nothing() -> None:
    again = [controller(100, "EDDF_TWR", logon=at(200), frequency="119.900")]
    away: list[list[Controller]] = [[]] * 10
    one = told(FRANKFURT, [station()], [station()], *away, again, again, again)
    assert one == ["EDDF_TWR is online on 119.900."]


def test_a_session_ends_when_it_is_away_for_longer_than_the_window() -> None:
    judging = Judging(FRANKFURT)
    steps = [[], [station()], [station()], *([[]] * WINDOW_STEPS)]
    (began,) = judging.run(every_15_s(steps))
    (ended,) = judging.take(snapshot(15 * len(steps)))
    assert (ended.event, ended.occasion, ended.session) == (
        "ended",
        began.occasion,
        began.session,
    )
    assert ended.id != began.id
    assert judging.state.seen == {}


def test_the_next_session_of_the_same_person_is_told_again() -> None:
    later = [controller(100, "EDDF_TWR", logon=at(2000), frequency="119.900")]
    steps = [[], [station()], [station()], *([[]] * (WINDOW_STEPS + 80)), later, later]
    occasions = Judging(FRANKFURT).run(every_15_s(steps))
    assert [o.event for o in occasions] == ["began", "ended", "began"]
    assert len({o.occasion for o in occasions}) == 2


def test_another_person_at_the_same_station_has_a_session_of_their_own() -> None:
    other = [station(cid=101)]
    assert len(told(FRANKFURT, [station()], [station()], other, other)) == 2


def test_observers_and_other_stations_are_not_told() -> None:
    observer = [controller(1, "EDDF_OBS", frequency=NO_FREQUENCY)]
    others = [*observer, station("EDDM_TWR", 5)]
    assert told(FRANKFURT, others, others, others) == []


def test_who_is_there_when_a_subscription_begins_is_told_only_if_that_is_wanted() -> None:
    steps = every_15_s([[station()]] * 4)
    assert Judging(FRANKFURT).run(steps) == []
    wanted = Judging(FRANKFURT, tell_present=True).run(steps)
    assert [o.at for o in wanted] == [at(15)]


def test_who_was_there_and_comes_again_after_the_window_is_told() -> None:
    later = [controller(100, "EDDF_TWR", logon=at(1500), frequency="119.900")]
    steps = [[station()], [station()], *([[]] * (WINDOW_STEPS + 50)), later, later]
    occasions = Judging(FRANKFURT).run(every_15_s(steps))
    assert [o.event for o in occasions] == ["began"]


def test_a_snapshot_that_is_late_changes_nothing() -> None:
    judging = Judging(FRANKFURT)
    judging.run(every_15_s([[], [station()]]))
    before, network = judging.state, judging.network
    judging.network = NetworkState(time=START)
    assert judging.look() == ()
    assert judging.state is before
    judging.network = network  # the same one again
    assert judging.look() == ()
    assert judging.state is before


def test_after_an_outage_of_an_hour_a_new_session_is_told_and_the_old_one_has_ended() -> None:
    judging = Judging(FRANKFURT)
    judging.run(every_15_s([[], [station()], [station()]]))
    judging.network = NetworkState()  # nothing of it is known any more
    later = [controller(100, "EDDF_TWR", logon=at(3000), frequency="119.900")]
    occasions = judging.run(snapshot(s, controllers=later) for s in (3600, 3615, 3630))
    assert [o.event for o in occasions] == ["ended", "began"]


def test_a_session_whose_id_is_another_one_after_a_start_from_nothing_is_not_told_twice() -> None:
    judging = Judging(FRANKFURT)
    judging.run(every_15_s([[], [station()], [station()]]))
    judging.network = NetworkState()
    # They have reconnected meanwhile: the first logon time is not known any more.
    again = [controller(100, "EDDF_TWR", logon=at(100), frequency="119.900")]
    assert judging.run(snapshot(s, controllers=again) for s in (120, 135, 150)) == []


# --- whatever happens ----------------------------------------------------------------------------

Step = tuple[str, int]
# What one snapshot shows of a controller, and seconds to the one before.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tuned", "tuned", "away", "no frequency", "reconnected"]),
        st.sampled_from([15, 15, 15, 15, 300, 1200]),
    ),
    min_size=1,
    max_size=40,
)


def trace(steps: list[Step], cid: int) -> list[tuple[float, list[Controller]]]:
    seconds, logon, shown = 0.0, START - timedelta(hours=1), list[tuple[float, list[Controller]]]()
    for what, later in steps:
        seconds += later
        if what == "reconnected":
            logon = at(seconds - 5)
        frequency = NO_FREQUENCY if what == "no frequency" else "119.900"
        there = [controller(cid, "EDDF_TWR", logon=logon, frequency=frequency)]
        shown.append((seconds, [] if what == "away" else there))
    return shown


def controlling(network: NetworkState) -> set[int]:
    return {
        session.session_id
        for session in network.sessions.values()
        if station_state(session.controller) == "controlling"
    }


@given(STEPS)
def test_each_session_that_two_snapshots_in_a_row_show_is_told_once_and_no_other(
    steps: list[Step],
) -> None:
    judging = Judging(FRANKFURT)
    shown, occasions = list[set[int]](), list[Occasion]()
    for seconds, controllers in trace(steps, 100):
        occasions += judging.take(snapshot(seconds, controllers=controllers))
        shown.append(controlling(judging.network))
    wanted = {s for one, two in pairwise(shown) for s in one & two} - shown[0]
    began = [int(o.session) for o in occasions if o.event == "began"]
    assert sorted(began) == sorted(wanted)
    ended = [o.occasion for o in occasions if o.event == "ended"]
    assert len(ended) == len(set(ended))
    assert set(ended) <= {o.occasion for o in occasions if o.event == "began"}


@given(STEPS, st.sets(st.integers(0, 40)))
def test_restarts_between_any_two_snapshots_give_the_same_occasions(
    steps: list[Step], restarts: set[int]
) -> None:
    snapshots = [snapshot(s, controllers=c) for s, c in trace(steps, 100)]
    undisturbed = Judging(FRANKFURT).run(snapshots)
    assert Judging(FRANKFURT, restarts=restarts.__contains__).run(snapshots) == undisturbed


# --- airports, FIRs, people, flights -------------------------------------------------------------


def test_a_station_of_an_airport_is_told() -> None:
    others = [station("EDDM_TWR", 5), station("EDGG_CTR", 6)]
    steps = [[*others, station("EDDF_N_APP", 7)]] * 2
    assert told(AirportWatch("eddf"), *steps) == ["EDDF_N_APP is online on 119.900."]


def test_a_station_of_a_fir_is_told_by_its_callsign_where_no_file_has_the_fir() -> None:
    steps = [[station("EDDF_TWR", 5), station("EDGG_KTG_CTR", 6), station("EDGG_GND", 7)]] * 2
    assert told(FirWatch("EDGG"), *steps) == ["EDGG_KTG_CTR is online on 119.900."]


def fir(area_id: str, west: float, south: float, east: float, north: float) -> Area:
    box = shapely.box(west, south, east, north)
    return Area(area_id, area_id, "fir", False, (), None, None, box)


FIRS = [fir("WEST", 0, 40, 6, 60), fir("EAST", 6, 40, 20, 60)]
AREAS = KnownAreas(
    Positions({"CTR": [ControlPosition(f"{a.area_id}_RDR", "x", (a.area_id,)) for a in FIRS]}),
    {area.area_id: area for area in FIRS},
    (),
    "test",
    {"EDDF": "EAST"},
    tuple(Volume(FIR, a.area_id, None, None, a.geometry, "", "") for a in FIRS),
)


def test_a_station_of_a_fir_is_told_by_the_files_that_have_it() -> None:
    steps = [[], *([[station("WEST_RDR_CTR", 5), station("EAST_RDR_CTR", 6)]] * 2)]
    occasions = Judging(FirWatch("EAST"), areas=AREAS).run(every_15_s(steps))
    assert texts(occasions) == ["EAST_RDR_CTR is online on 119.900."]


def test_a_flight_that_enters_a_fir_is_told_once() -> None:
    watch = FirWatch("WEST", (NewsKind.ENTRY,))
    there = [flying("DLH1", 1), flying("DLH2", 2, latitude=10.0)]
    occasions = Judging(watch, areas=AREAS).run(every_15_s(pilots=[[], *[there] * 5]))
    assert texts(occasions) == ["DLH1 is in WEST, EHAM to EDDM."]


def test_a_person_is_told_as_controller_and_as_pilot() -> None:
    judging = Judging(PersonWatch(100))
    there = [pilot(100, "DLH1"), pilot(101, "DLH2")]
    steps = every_15_s([[], *[[station()]] * 2], pilots=[[], *[there] * 2])
    assert texts(judging.run(steps)) == [
        "EDDF_TWR is online on 119.900.",
        "DLH1 is online.",
    ]


def test_a_flight_is_told_once_also_if_it_is_back_after_its_end_was_told() -> None:
    judging = Judging(FlightWatch("DLH1"))
    there = [flying()]
    away = every_15_s(pilots=[[], there, there, *([[]] * (WINDOW_STEPS + 4))])
    occasions = judging.run(away)
    assert [o.event for o in occasions] == ["began", "ended"]
    back = [15 * (len(away) + n) for n in range(3)]
    # A flight that was lost in the air is resumed for a day.
    assert judging.run(snapshot(s, pilots=there) for s in back) == []
    assert len(judging.network.flights["DLH1"].gaps) == 1


def test_who_has_landed_is_told_with_the_airport() -> None:
    watch = AirportWatch("EDDF", (NewsKind.LANDING,))
    runway = (50.0379, 8.5622)

    def approach(seconds: int) -> list[object]:
        feet = max(364, 4000 - 12 * seconds)
        nm = max(0.0, 12.0 - seconds * 140 / 3600)
        knots = 140 if feet > 364 else max(10, 140 - 2 * (seconds - 300))
        base = flying("DLH1", 1, arrival="EDDF")
        return [
            msgspec.structs.replace(
                base,
                latitude=runway[0],
                longitude=runway[1] - nm / 60 / 0.642,
                altitude=feet,
                groundspeed=knots,
            )
        ]

    judging = Judging(watch)
    judging.take(snapshot(0))
    occasions = judging.run(
        snapshot(15 * n, pilots=approach(15 * n))
        for n in range(1, 60)  # type: ignore[arg-type]
    )
    assert texts(occasions) == ["DLH1 has landed at EDDF."]


# --- ahead ---------------------------------------------------------------------------------------


def test_the_centre_ahead_is_told_with_the_minutes_to_its_area() -> None:
    judging = Judging(AtcAheadWatch("DLH1", 30), areas=AREAS)
    steps = [[station("EAST_RDR_CTR", 6)]] * 2
    (occasion,) = judging.run(every_15_s(steps, pilots=[[flying()]] * 2))
    # From 5 to 6 degrees east at 50 degrees north are 38 miles: five minutes at 450 kt.
    assert occasion.facts["minutes"] == pytest.approx(5, abs=1)
    assert occasion.text.startswith("EAST_RDR_CTR on 119.900 is ")
    assert occasion.text.endswith(" ahead of DLH1.")


def test_what_is_further_ahead_or_behind_is_not_told() -> None:
    north = [flying(latitude=50.0, arrival="LFPG")]  # the other way
    steps = [[station("EAST_RDR_CTR", 6)]] * 3
    watch = AtcAheadWatch("DLH1", 30)
    assert Judging(watch, areas=AREAS).run(every_15_s(steps, pilots=[north] * 3)) == []
    near = AtcAheadWatch("DLH1", 2)
    assert Judging(near, areas=AREAS).run(every_15_s(steps, pilots=[[flying()]] * 3)) == []


def test_a_tower_is_ahead_only_of_who_lands_there() -> None:
    steps = [[station("EDDF_TWR", 6), station("EDDM_TWR", 7)]] * 2
    judging = Judging(AtcAheadWatch("DLH1", 60), areas=AREAS)
    occasions = judging.run(every_15_s(steps, pilots=[[flying(arrival="EDDF")]] * 2))
    assert [o.subject for o in occasions] == ["EDDF_TWR"]


# --- counts --------------------------------------------------------------------------------------


def plans(count: int, seconds: float) -> list[object]:
    filed = msgspec.structs.replace(plan(), departure="EDDF", arrival="EDDM")
    return [
        msgspec.structs.replace(prefile(1000 + n, f"PRE{n}"), flight_plan=filed)
        for n in range(count)
    ]


def counting(
    watch: CountWatch | TrafficWithoutAtcWatch,
    counts: list[int],
    *,
    controllers: list[list[Controller]] | None = None,
    step_s: int = 15,
    judging: Judging | None = None,
) -> list[Occasion]:
    judging = judging or Judging(watch)
    out = list[Occasion]()
    for number, count in enumerate(counts):
        there = [] if controllers is None else controllers[number]
        seconds = step_s * number
        given = snapshot(seconds, prefiles=plans(count, seconds), controllers=there)  # type: ignore[arg-type]
        out += judging.take(given)
    return out


FIVE = CountWatch(Counted.PREFILED, 5, airport="EDDF", falls_to=3, cool_down_min=2)


def test_a_count_is_told_when_two_snapshots_show_it() -> None:
    occasions = counting(FIVE, [4, 5, 6, 6])
    assert texts(occasions) == ["6 plans are prefiled for EDDF."]
    assert occasions[0].facts["at_least"] == 5


def test_a_count_that_flaps_around_its_number_is_told_at_most_once() -> None:
    assert counting(FIVE, [4, 5, 4, 5, 4, 5]) == []
    assert len(counting(FIVE, [5, 5, 4, 5, 5, 4, 4, 5, 5])) == 1


def test_a_count_is_told_again_after_it_fell_and_the_cool_down_has_passed() -> None:
    occasions = counting(FIVE, [5, 5, 3, 3, 5, 5, 5, 5, 5, 5, 5])
    assert [(o.event, o.at) for o in occasions] == [
        ("began", at(15)),
        ("ended", at(45)),
        ("began", at(135)),
    ]
    assert occasions[0].occasion == occasions[1].occasion != occasions[2].occasion


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=50),
    st.sets(st.integers(0, 50)),
)
def test_a_count_is_told_by_its_rules_whatever_it_does_and_whenever_there_is_a_restart(
    counts: list[int], restarts: set[int]
) -> None:
    occasions = counting(FIVE, counts)
    restarted = Judging(FIVE, restarts=restarts.__contains__)
    assert counting(FIVE, counts, judging=restarted) == occasions
    assert [o.event for o in occasions] == ["began", "ended"] * (len(occasions) // 2) + (
        ["began"] * (len(occasions) % 2)
    )
    began = [o for o in occasions if o.event == "began"]
    for occasion in occasions:
        number = round((occasion.at - START).total_seconds() / 15)
        last_two = counts[number - 1 : number + 1]
        assert len(last_two) == 2
        if occasion.event == "began":
            assert min(last_two) >= 5
        else:
            assert max(last_two) <= 3
    for one, two in pairwise(began):
        assert two.at - one.at >= timedelta(minutes=2)
    assert len({o.id for o in occasions}) == len(occasions)


def test_traffic_without_atc_ends_when_somebody_controls() -> None:
    watch = TrafficWithoutAtcWatch(Counted.PREFILED, 3, airport="EDDF", cool_down_min=0)
    tower = [station()]
    occasions = counting(watch, [3, 3, 3, 3, 3], controllers=[[], [], tower, tower, tower])
    assert [(o.event, o.at) for o in occasions] == [("began", at(15)), ("ended", at(45))]
    assert occasions[0].text == "3 plans are prefiled for EDDF, and nobody controls."


def test_traffic_is_not_without_atc_while_the_centre_above_is_there_unless_that_is_wanted() -> None:
    centre = [[station("EAST_RDR_CTR", 6)]] * 3
    for top_down, number in ((True, 0), (False, 1)):
        watch = TrafficWithoutAtcWatch(
            Counted.PREFILED, 3, airport="EDDF", top_down=top_down, cool_down_min=0
        )
        judging = Judging(watch, areas=AREAS)
        found = counting(watch, [3, 3, 3], controllers=centre, judging=judging)
        assert len(found) == number


def test_a_state_without_a_past_is_an_empty_object() -> None:
    assert msgspec.json.decode(b"{}", type=SubscriptionState) == SubscriptionState()
