"""Security headers: what every answer tells the browser, whoever made it.

They are put into the head of the answer where it is sent: so refusals of gunicorn have them, too,
and they cost no look-up per header. What an endpoint has set itself stays, such as the policy of a
page. `Strict-Transport-Security` is for the proxy that has TLS: over plain http at home it would
lock out.
"""

from __future__ import annotations

import re

HEADERS = (
    # An answer is what it says it is; a browser must not guess a script out of it.
    ("X-Content-Type-Options", "nosniff"),
    # An answer opened as a page loads nothing and runs nothing, and no page shows it in a frame.
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Frame-Options", "DENY"),
    # A link away does not tell where it was: an address may have a person's name in it.
    ("Referrer-Policy", "no-referrer"),
    # A page that opens ours gets no hold of its window.
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # Others' pages may read answers by CORS alone, and not as a picture or a script.
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_LINES = {name.lower().encode(): f"{name}: {value}\r\n".encode() for name, value in HEADERS}
_ALL = b"".join(_LINES.values())
# Of a head in small letters: a pattern that takes both looks at every byte, which takes longer.
_GIVEN = re.compile(rb"\r\n(%b):" % b"|".join(_LINES))


def secured(head: bytes) -> bytes:
    """The head of an answer, which ends with an empty line, with these headers."""
    if not head.endswith(b"\r\n\r\n"):
        return head
    given = _GIVEN.findall(head.lower())
    lines = _ALL
    if given:
        lines = b"".join(line for name, line in _LINES.items() if name not in given)
    return b"%b%b\r\n" % (head[:-2], lines)
