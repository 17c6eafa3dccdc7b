"""The hostile texts: a feed that is sound, and in which all that people type is an attack."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vatsim_simulator.hostile import TEXTS, made_hostile
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.feed.decode import decode_feed, decode_radios

START = datetime(2024, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(("share", "least", "most"), [(1.0, 1.0, 1.0), (0.5, 0.3, 0.7)])
def test_the_records_are_sound_and_so_many_have_such_texts(
    share: float, least: float, most: float
) -> None:
    world = World(1, 200, START)
    radios = world.radios()
    feed, changed = made_hostile(world.feed(), radios, share)
    made = publish(0, feed, changed)
    found = decode_feed(made.data.raw)
    assert found.quarantined == ()
    pilots = found.feed.pilots
    hostile = [one for one in pilots if one.name in TEXTS]
    assert least <= len(hostile) / len(pilots) <= most
    assert any(one.callsign.startswith("<B>") for one in pilots)
    # Whoever has another callsign has it in both feeds.
    tuned = {one.callsign for one in decode_radios(made.transceivers.raw).radios}
    had = {one.callsign for one in radios}
    before = sum(one.callsign in had for one in world.feed().pilots)
    assert sum(one.callsign in tuned for one in pilots) == before > 100
    said = [line for one in found.feed.atis for line in one.text_atis or ()]
    assert any(line in TEXTS for line in said)


def test_the_same_ones_in_each_update() -> None:
    world = World(1, 50, START)
    first, _ = made_hostile(world.feed(), world.radios(), 0.5)
    world.advance()
    second, _ = made_hostile(world.feed(), world.radios(), 0.5)
    names = {one.cid: one.name for one in first.pilots}
    assert all(names.get(one.cid, one.name) == one.name for one in second.pilots)
