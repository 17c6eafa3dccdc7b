"""A day in which the deriving process is killed again and again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from vatwatch.cli import main

QUICK = ["verify", "--pilots", "40", "--hours", "0.7", "--seed", "6", "--json"]


@pytest.mark.servers
def test_a_day_with_kills_in_between_gives_the_same_table() -> None:
    straight = json.loads(CliRunner().invoke(main, QUICK).stdout)
    killed = json.loads(CliRunner().invoke(main, [*QUICK, "--restarts", "12"]).stdout)
    assert (straight.pop("restarts"), killed.pop("restarts")) == (0, 12)
    assert killed == straight
    kinds = {each["kind"]: each["true"] for each in straight["kinds"]}
    assert kinds["reconnects of flights"] > 3
    assert kinds["take_off"] > 5
