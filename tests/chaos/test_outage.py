"""PostgreSQL away for ten minutes of traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.house import Scale
from tests.chaos.outage import UPDATE_S, outage

MINUTES = 10
UPDATES = MINUTES * 60 / UPDATE_S


@pytest.mark.timeout(600)
def test_the_live_api_goes_on_and_all_is_written_in_order_on_its_return(tmp_path: Path) -> None:
    # A busy machine must keep up with the updates, or the journal is never empty again.
    seen = outage(tmp_path, minutes=MINUTES, scale=Scale(pilots=80, seed=3, speed=10))
    assert seen.broken == []
    # Every update of those minutes, but for the polls that saw none or two of them.
    assert seen.waiting > 30
    # Looks are rarer on a busy machine: there is always another update between two of them.
    assert seen.served > max(1, min(seen.looks, UPDATES) / 2)
    assert seen.in_order
    waiting = [pending for status, _, pending in seen.said if status == "unhealthy"]
    assert waiting == sorted(waiting)
    assert waiting[-1] > 30
    assert seen.said[-1][0] == "healthy"
    assert seen.verdict is not None
    assert seen.verdict.lost == seen.verdict.doubled == 0
    assert seen.holds
