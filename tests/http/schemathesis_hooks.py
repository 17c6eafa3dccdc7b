"""What no JSON Schema says of good requests to the API: schemathesis learns it here.

Only requests that are meant to be good are changed; those that are meant to be bad go out as made.
"""

from __future__ import annotations

from typing import Any

import requests
import schemathesis
from requests.adapters import HTTPAdapter

# Names that something must have, pages that must have been, and shapes whose parts go together.
VALID = {"icao": "EGLL", "bbox": "-10,40,10,60", "near": "50.1,8.6,100"}
LEAVE_OUT = ("cursor", "fir", "sector", "source", "receiver", "service", "node")
RANGES = (
    "altitude", "groundspeed", "vertical_speed_fpm", "heading", "distance_flown_nm",
    "great_circle_nm", "online_s", "facility", "rating",
)  # fmt: skip
LATER = {"from": "to", "since": "until"}
# What the first block of a stream may take: a snapshot of forty pilots is smaller.
FIRST_BYTES = 65_536


class EndingStreams(HTTPAdapter):
    """An answer that does not end is its first block: schemathesis would wait for the rest."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As it is, but for a stream."""
        answer = super().send(*args, **kwargs)
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            answer._content = next(answer.iter_content(FIRST_BYTES), b"")
            answer.close()
        return answer


# All sessions make their adapters by this name.
requests.sessions.HTTPAdapter = EndingStreams  # type: ignore[misc]


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Make a good request good in what its schema cannot say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not case.query:
        return
    query = {name: value for name, value in case.query.items() if name not in LEAVE_OUT}
    query |= {name: VALID[name] for name in query.keys() & VALID.keys()}
    query |= dict.fromkeys(query.keys() & set(RANGES), "1..2")
    for first, last in LATER.items():
        if first in query:
            query.pop(last, None)
    if "sort" in query:  # a name may come once, with a minus or without one
        names = query["sort"].split(",") if isinstance(query["sort"], str) else query["sort"]
        query["sort"] = names[0]
    if case.path == "/api/events/dead-letters":
        query.pop("type", None)  # of messages, too, and of what was kept
    if "icao" not in query:
        query.pop("flights", None)
    case.query = query
