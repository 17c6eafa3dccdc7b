"""Bodies with one oddity each, as other readers of these feeds have met them.

Each function changes the text of a valid body: many results are not valid JSON. If a feed lacks the
part in question (such as a pilot's name in the radios' feed), it is unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Deeper than any parser's stack should be asked to go.
DEPTH = 5_000

Spoil = Callable[[bytes], bytes]


def _first(pattern: bytes, replacement: bytes) -> Spoil:
    """Replace the first match."""
    compiled = re.compile(pattern)
    return lambda raw: compiled.sub(lambda match: match.expand(replacement), raw, count=1)


_NUMBER = rb"-?\d+(?:\.\d+)?"
_NAME = rb'"name":"'

ODD_BODIES: dict[str, Spoil] = {
    "bom": lambda raw: b"\xef\xbb\xbf" + raw,
    "nan": _first(rb'"(latitude|latDeg)":' + _NUMBER, rb'"\1":NaN'),
    "bad_escape": _first(_NAME, rb'"name":"\\\\q'),
    "control_character": _first(_NAME, b'"name":"\x01'),
    "latin1_byte": _first(_NAME, b'"name":"\xe9'),
    "trailing_comma": _first(rb"\}\]", rb"},]"),
    "duplicate_key": _first(rb'"(cid|id)":', rb'"\1":0,"\1":'),
    "null": _first(rb'"(altitude|heightMslM)":' + _NUMBER, rb'"\1":null'),
    "fraction": _first(rb'"(altitude|frequency)":(\d+)(?=[,}])', rb'"\1":\2.5'),
    "text_for_number": _first(rb'"(groundspeed|frequency)":(\d+)(?=[,}])', rb'"\1":"\2"'),
    "number_for_text": _first(rb'"(server|callsign)":"[^"]*"', rb'"\1":17'),
    "deep": _first(rb'"(name|callsign)":"[^"]*"', rb'"\1":' + b"[" * DEPTH + b"]" * DEPTH),
    "null_count": _first(rb'"connected_clients":\d+', b'"connected_clients":null'),
    "null_section": _first(rb'"prefiles":\[', b'"prefiles":null,"prefile":['),
}
