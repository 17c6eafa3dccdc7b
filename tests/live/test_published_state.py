"""A live state that was encoded for another node is the same there, and is served the same."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from zstandard import ZstdCompressor

from tests.actors.test_snapshot import updates
from tests.traffic.build import at, atis, controller, pilot, plan, prefile, radio, snapshot
from vatwatch.feed.records import Feed
from vatwatch.live.encoding import encode_live
from vatwatch.live.published_state import (
    PIECE,
    PublishedState,
    decode_state,
    encode_state,
    form_number,
    without_people,
)
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.marks import Marks
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot


def assert_is_the_same_elsewhere(state: NetworkState, feed: Feed | None) -> None:
    marks = Marks(
        frozenset(flight.flight_id for flight in [*state.flights.values()][::7]),
        frozenset(session.session_id for session in [*state.sessions.values()][::7]),
        frozenset([*state.atis][::7]),
    )
    published = PublishedState(
        state, without_people(feed), recovered=True, marks=marks, fetched=False
    )
    there = decode_state(encode_state(published))
    assert there == published
    # In the same order, which the equality of dicts does not ask for.
    for name in state.__struct_fields__:
        if isinstance(getattr(state, name), dict):
            assert [*getattr(there.state, name)] == [*getattr(state, name)], name
    assert encode_live(there.state, there.feed, marks=there.marks) == encode_live(
        state, feed, marks=marks
    )


def test_real_traffic_is_the_same_elsewhere(captures: Path) -> None:
    files = sorted(captures.glob("vatsim-data-*.json.gz"))
    assert files
    state = NetworkState()
    for file in files:
        radios = file.with_name(file.name.replace("vatsim-data", "transceivers-data"))
        decoded = decode_snapshot(
            gzip.decompress(file.read_bytes()),
            gzip.decompress(radios.read_bytes()) if radios.exists() else None,
            Options(),
        )
        state = compare(state, decoded, Rules()).state
        assert_is_the_same_elsewhere(state, decoded.snapshot.feed)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_simulated_traffic_is_the_same_elsewhere(seed: int) -> None:
    state = NetworkState()
    for publication in updates(12, pilots=250, seed=seed):
        decoded = decode_snapshot(publication.data.raw, publication.transceivers.raw, Options())
        state = compare(state, decoded, Rules()).state
        assert_is_the_same_elsewhere(state, decoded.snapshot.feed)
    assert state.contacts
    assert state.disconnected_flights
    assert len(state.flights) > PIECE, "in several pieces"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1e308, 5e-324])
callsigns = st.text("ABC123_É", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    pilots=st.lists(st.tuples(callsigns, texts, numbers), max_size=5, unique_by=lambda one: one[0]),
    words=st.lists(texts, max_size=3),
    present=st.lists(st.sampled_from(["pilots", "controllers", "atis", "prefiles"]), unique=True),
    seconds=st.integers(15, 4000),
)
def test_any_traffic_is_the_same_elsewhere(
    pilots: list[tuple[str, str, float]], words: list[str], present: list[str], seconds: int
) -> None:
    flights = [
        replace(
            pilot(number, callsign, flight_plan=plan(route=text) if number % 2 else None),
            name=text,
            qnh_i_hg=value,
        )
        for number, (callsign, text, value) in enumerate(pilots, 1)
    ]
    first = snapshot(
        0,
        pilots=flights,
        controllers=[replace(controller(), text_atis=words)],
        atis=[replace(atis(), text_atis=words)],
        prefiles=[prefile()],
        radios={one.callsign: (radio(), radio(1, 122_800_010)) for one in flights},
    )
    state = apply(NetworkState(), diff(NetworkState(), first, Rules()))
    assert_is_the_same_elsewhere(state, first.feed)
    # Some have left: those are remembered under keys of several parts.
    gone = {"pilots", "controllers", "atis", "prefiles"} - {*present}
    feed = replace(first.feed, **{name: [] for name in gone})
    later = replace(first, time=at(seconds), feed=feed)
    state = apply(state, diff(state, later, Rules()))
    assert_is_the_same_elsewhere(state, None)


def test_an_empty_state_is_the_same_elsewhere() -> None:
    assert_is_the_same_elsewhere(NetworkState(), None)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"no state",
        ZstdCompressor().compress(b"no state"),
        ZstdCompressor().compress(msgspec.msgpack.encode(({}, []))),
        ZstdCompressor().compress(bytes(2**28 + 1)),
    ],
    ids=["nothing", "text", "packed text", "no fields", "a bomb"],
)
def test_what_is_no_state_is_refused(rubbish: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
        decode_state(rubbish)


def test_the_number_of_the_form_is_the_same_in_every_process() -> None:
    program = "from vatwatch.live.published_state import form_number; print(form_number())"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {str(form_number())}
