"""What lasts: versions of an ATIS, prefiles, radios on a frequency."""

from __future__ import annotations

from msgspec.structs import replace

from tests.traffic.build import START, at, atis, controller, pilot, prefile, radio, snapshot, text
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

NEW_TIMES = {"last_updated": text(at(14)), "logon_time": text(at(13))}


def changes(*snapshots: Snapshot) -> Changes:
    """What the last of the snapshots changes."""
    state = NetworkState()
    for one in snapshots[:-1]:
        state = apply(state, diff(state, one, Rules()))
    return diff(state, snapshots[-1], Rules())


# --- ATIS ----------------------------------------------------------------------------------------


def test_a_version_lasts_while_only_its_times_change() -> None:
    first, again = atis(), replace(atis(), **NEW_TIMES)
    found = changes(snapshot(0, atis=[first]), snapshot(15, atis=[again]))
    assert (found.atis.opened, found.atis.closed) == ([], [])
    assert found.atis.present[0].first_seen == at(0)
    assert found.atis.present[0].atis == again


def test_another_letter_is_another_version_and_ends_the_one_before() -> None:
    before = changes(snapshot(0, atis=[atis(code="A")]))
    found = changes(snapshot(0, atis=[atis(code="A")]), snapshot(15, atis=[atis(code="B")]))
    assert [version.atis.atis_code for version in found.atis.opened] == ["B"]
    assert found.atis.closed == [before.atis.opened[0].atis_id]


def test_a_version_that_comes_back_is_a_new_interval() -> None:
    one = snapshot(0, atis=[atis()])
    found = changes(one, snapshot(15), snapshot(30, atis=[atis()]))
    assert found.atis.opened[0].atis_id != changes(one).atis.opened[0].atis_id
    assert found.atis.closed == []


# --- prefiles ------------------------------------------------------------------------------------


def test_a_prefile_lasts_until_it_is_amended_or_gone() -> None:
    one = snapshot(0, prefiles=[prefile(route="A")])
    first = changes(one).prefiles.opened[0].plan_id
    same = changes(one, snapshot(15, prefiles=[prefile(route="A")]))
    assert (same.prefiles.opened, same.prefiles.closed) == ([], [])
    amended = changes(one, snapshot(15, prefiles=[prefile(route="B")]))
    assert [plan.plan.route for plan in amended.prefiles.opened] == ["B"]
    assert amended.prefiles.closed == [first]
    assert changes(one, snapshot(15)).prefiles.closed == [first]


def test_one_person_may_have_two_prefiles_that_were_filed_at_different_times() -> None:
    two = [prefile(filed_at=START), prefile(filed_at=at(1))]
    found = changes(snapshot(0, prefiles=two))
    assert len({plan.plan_id for plan in found.prefiles.opened}) == 2
    less = changes(snapshot(0, prefiles=two), snapshot(15, prefiles=two[:1]))
    assert less.prefiles.closed == [found.prefiles.opened[1].plan_id]


# --- radios --------------------------------------------------------------------------------------


def test_a_radio_that_is_tuned_elsewhere_ends_and_begins() -> None:
    one = snapshot(0, pilots=[pilot()], radios={"ABC1": (radio(0), radio(1))})
    found = changes(
        one, snapshot(15, pilots=[pilot()], radios={"ABC1": (radio(0, 121_500_000), radio(1))})
    )
    opened = {s.radio.radio_id: s.state_id for s in changes(one).radios.opened}
    assert [s.radio.frequency_hz for s in found.radios.opened] == [121_500_000]
    assert found.radios.closed == [opened[0]]


def test_all_of_a_pilots_radios_move_with_him_when_he_tunes_one_of_them() -> None:
    one = snapshot(0, pilots=[pilot()], radios={"ABC1": (radio(0), radio(1))})
    later = (radio(0, 121_500_000, latitude=2.0), radio(1, latitude=2.0))
    found = changes(one, snapshot(15, pilots=[pilot()], radios={"ABC1": later}))
    assert [state.radio.latitude for state in found.radios.present["ABC1"]] == [2.0, 2.0]


def test_a_radio_ends_with_its_client() -> None:
    one = snapshot(0, pilots=[pilot()], radios={"ABC1": (radio(),)})
    for radios in ({}, {"ABC1": ()}):
        found = changes(one, snapshot(15, radios=radios))
        assert found.radios.closed == [changes(one).radios.opened[0].state_id]
        assert found.radios.present == {}


def test_a_radio_that_is_sent_twice_is_one() -> None:
    found = changes(snapshot(0, pilots=[pilot()], radios={"ABC1": (radio(), radio())}))
    assert len(found.radios.opened) == len(found.radios.present["ABC1"]) == 1


def test_a_radio_belongs_to_the_flight_or_the_session_or_to_nobody() -> None:
    found = changes(
        snapshot(
            0,
            pilots=[pilot()],
            controllers=[controller()],
            radios={"ABC1": (radio(),), "EXXX_TWR": (radio(),), "WHO": (radio(),)},
        )
    )
    whose = {s.callsign: (s.flight_id, s.session_id) for s in found.radios.opened}
    assert whose == {
        "ABC1": (found.flights.online[0].flight_id, None),
        "EXXX_TWR": (None, found.sessions.online[0].session_id),
        "WHO": (None, None),
    }


def test_an_aerial_that_trembles_has_not_moved_and_one_that_is_elsewhere_has() -> None:
    one = snapshot(0, controllers=[controller()], radios={"EXXX_TWR": (radio(latitude=1.0),)})
    for latitude, moved in ((1.0001, False), (1.01, True)):
        found = changes(
            one,
            snapshot(
                15, controllers=[controller()], radios={"EXXX_TWR": (radio(latitude=latitude),)}
            ),
        )
        assert bool(found.radios.opened) == moved
        (state,) = found.radios.present["EXXX_TWR"]
        assert state.radio.latitude == latitude
        assert state.kept.latitude == (latitude if moved else 1.0)
