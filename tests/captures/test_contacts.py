"""Contacts on real radios: what people really tune, with the aerials that stations really have."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.traffic.build import controller, pilot, snapshot
from tests.traffic.naive_contacts import naive_contacts
from vatwatch.feed.decode import decode_radios
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Radio, Rules
from vatwatch.traffic.radio_contacts import contacts


def test_real_radios_are_paired_as_by_looking_at_every_pair(captures: Path) -> None:
    files = sorted(captures.glob("transceivers-data-*.json.gz"))
    if not files:
        pytest.fail(f"no transceivers-data-*.json.gz in {captures}")
    found = 0
    for file in files:
        state = network(gzip.decompress(file.read_bytes()))
        rules = ContactRules()
        told = contacts(state, rules)
        assert told == naive_contacts(state, rules), file.name
        found += len(told)
    assert found


def network(raw: bytes) -> NetworkState:
    """Who has radios is online: a station by the end of the callsign, else a pilot."""
    radios = {
        client.callsign: tuple(
            Radio(t.id, t.frequency, t.latDeg, t.lonDeg, t.heightMslM, t.heightAglM)
            for t in client.transceivers
        )
        for client in decode_radios(raw).radios
    }
    shown = snapshot(
        0,
        pilots=[pilot(cid, name) for cid, name in enumerate(radios, 1) if "_" not in name],
        controllers=[
            replace(controller(cid, name), facility=None)
            for cid, name in enumerate(radios, 1)
            if "_" in name
        ],
        radios=radios,
    )
    return apply(NetworkState(), diff(NetworkState(), shown, Rules()))
