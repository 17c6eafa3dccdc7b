"""Events that name invented people in every way in which a payload can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from tests.events.test_payloads import TYPES, example
from vatwatch.events.event import Event, EventFilter
from vatwatch.events.payloads import decode

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
# What SQL's LIKE has a meaning for, letters whose capitals are another text or depend on the place,
# and texts that no index would take whole.
CALLSIGNS = (
    "DLH1",
    "dlh1",
    "DLH12",
    "D_H1",
    "D%H1",
    "D\\H1",
    "",
    "é1",
    "É1",
    "ß",
    "SS",
    "\u0131",
    "I",
)
LONG = ("X" * 64, "X" * 65, "".join(chr(0x4E00 + n % 5000) for n in range(3000)))
PATTERNS = ("*", "D*", "dl?1", "?LH1*", "*1", "D_*", "D%*", "D\\*", "?", "??", "é*", "X*", "**1?")
CIDS = (1, 2, 1_234_567, 0, -1, 2**31 - 1, 10**30, 10**3000)
WANTED = (1, 2, 1_234_567, 2**31 - 1)

callsigns = st.sampled_from(CALLSIGNS + LONG)
facts = st.fixed_dictionaries(
    {},
    optional={
        "callsign": callsigns,
        "flight": st.one_of(callsigns, st.sampled_from((1, 1.5, 1e16, None))),
        "cid": st.sampled_from((1, 2, 1.0, "1", "01", "x" * 9000, None, 1e16, "१")),
    },
)
NAMES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("callsign", "station", "subject"), callsigns),
    **dict.fromkeys(("cid", "station_cid"), st.sampled_from(CIDS)),
    "facts": facts,
}


EXAMPLES = {kind: example(kind) for kind in TYPES}


@st.composite
def named_events(draw: st.DrawFn) -> list[Event]:
    """Some events, of which many have the same time."""
    events = []
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(TYPES))
        fields = dict(EXAMPLES[kind])
        fields |= {name: draw(given) for name, given in NAMES.items() if name in fields}
        time = NOON + timedelta(seconds=draw(st.integers(0, 2)))
        payload = decode(kind, msgspec.json.encode(fields))
        events.append(Event(UUID(int=number), kind, time, "test", "", payload))
    return events


filters = st.builds(
    EventFilter,
    types=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(TYPES), min_size=1)),
    since=st.sampled_from((None, NOON + timedelta(seconds=1))),
    callsign=st.sampled_from(("", *CALLSIGNS, *PATTERNS, *LONG)),
    cid=st.sampled_from((None, *WANTED)),
)
