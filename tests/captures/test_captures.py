"""What only real captures can show; `make test CAPTURES=dir` collects it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec

from tests.vatsim_simulator.test_world import IN_CAPTURES, KEYS, SHARES
from vatwatch.feed.decode import decode_feed, decode_radios


def test_captures_are_whole_and_nothing_of_them_is_quarantined(captures: Path) -> None:
    files = sorted(captures.glob("vatsim-data-*.json.gz"))
    assert files
    for file in files:
        raw = gzip.decompress(file.read_bytes())
        decoded = decode_feed(raw)
        assert decoded.quarantined == (), file.name
        assert len(decoded.feed.pilots) == len(json.loads(raw)["pilots"])
    for file in captures.glob("transceivers-data-*.json.gz"):
        assert decode_radios(gzip.decompress(file.read_bytes())).quarantined == ()


def test_the_simulators_shares_and_keys_are_measured_on_such_captures(captures: Path) -> None:
    for file in sorted(captures.glob("vatsim-data-*.json.gz")):
        raw = gzip.decompress(file.read_bytes())
        feed = decode_feed(raw).feed
        for name, (least, most) in IN_CAPTURES.items():
            assert 0.5 * least <= SHARES[name](feed) <= 1.5 * most, (file.name, name)
        sent = msgspec.json.decode(raw)
        assert sent.keys() <= KEYS.keys()
