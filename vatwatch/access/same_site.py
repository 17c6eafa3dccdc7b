"""Whether a request with a cookie comes from our own page, and not from another site's (CSRF).

Every browser since 2023 says so in `Sec-Fetch-Site`, over https and on this machine (Fetch
Metadata, W3C); over plain http it sends `Origin` with each request that is no GET or HEAD (Fetch
standard, 3.1). What sends neither is no browser, and has no cookie that it was not given.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_OWN = {"http": 80, "https": 443}


def is_from_elsewhere(fetch_site: str | None, origin: str | None, host: str) -> bool:
    """Whether another site's page has made the request.

    Args:
        fetch_site: the header `Sec-Fetch-Site`; None if there is none
        origin: the header `Origin`, likewise
        host: host and port by which the client reached us, as in the header `Host`
    """
    if fetch_site is not None and fetch_site not in ("same-origin", "none"):
        return True
    if origin is None:
        return False
    return not _is_ours(origin, host)


def _is_ours(origin: str, host: str) -> bool:
    """A proxy may have taken TLS away, so that the scheme is not compared."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        their_port, our_port = theirs.port, ours.port
    except ValueError:
        return False
    if theirs.scheme not in _OWN or not theirs.hostname:
        return False
    own = _OWN[theirs.scheme]
    return theirs.hostname == ours.hostname and (their_port or own) == (our_port or own)
