"""Hostile requests, made by chance of a seed: what is sent, and how the client behaves.

For another kind: a function that takes a Random and gives an Attack, in `ATTACKS`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

KEY = "a-key-that-nobody-guesses"
CLOSE = b"Host: vatwatch\r\nConnection: close\r\n"
KEYED = CLOSE + b"Authorization: Bearer " + KEY.encode() + b"\r\n"

LISTS = (
    "/api/flights", "/api/controllers", "/api/atis", "/api/prefiles", "/api/transceivers",
    "/api/airports", "/api/firs", "/api/approaches", "/api/sectors",
    "/api/frequency-matches", "/api/events",
    "/api/events/dead-letters", "/api/errors",
)  # fmt: skip
READS = (
    *LISTS, "/", "/docs", "/openapi.json", "/metrics", "/healthz", "/readyz", "/api/network",
    "/api/status", "/api/services", "/api/services/health", "/api/events/schemas",
    "/api/supervision/tree", "/api/config", "/api/alerts", "/api/session",
)  # fmt: skip
NAMED = (
    "/api/flights/", "/api/controllers/", "/api/airports/", "/api/firs/", "/api/sectors/",
    "/api/events/dead-letters/", "/api/history/flights/", "/api/history/sessions/", "/docs/",
    "/api/supervision/", "/api/services/", "/api/keys/", "/",
)  # fmt: skip
WRITES = (
    "/api/events", "/api/keys", "/api/subscriptions", "/api/session", "/api/supervision/faults",
)  # fmt: skip
PARAMETERS = (
    "callsign", "cid", "departure", "wake", "phase", "state", "squawk", "fir", "sector", "tuned",
    "bbox", "near", "altitude", "limit", "cursor", "sort", "fields", "format", "icao", "block",
    "flights", "kind", "since", "until", "from", "to", "type", "frequency", "channels", "_",
)  # fmt: skip
ODD: tuple[bytes, ...] = (
    b"%00", b"%", b"%zz", b"%c0%af", b"%ff%fe", b"%ed%a0%80", b"%f0%9f%9b%a9", b"\xc3\xa9",
    b"\xff", b"%25%32%35", b"..%2f..%2fetc%2fpasswd", b"../../../../etc/passwd", b"%2e%2e/",
    b"//", b";a=b", b"%0d%0aSet-Cookie:%20a=b", b"'%20OR%201=1--", b"%3Cscript%3E", b"*" * 40,
    b"?" * 60, b"%u0041", b"+" * 30, b"-1", b"1e999", b"NaN", b"9" * 400, b"A" * 2000, b"%2F" * 50,
    b"\\", b"{}", b"[]", b"%E2%80%AE", b"%7f", b"1..", b"..", b"null", b"&", b"=", b"#", b"%23",
)  # fmt: skip
BOMBS = tuple(
    (coding, compress(b"0" * size))
    for coding, compress in ((b"gzip", gzip.compress), (b"deflate", zlib.compress))
    for size in (1000, 10_000_000)
)


@dataclass(frozen=True, slots=True)
class Attack:
    """What a client does on one connection."""

    kind: str
    pieces: tuple[bytes, ...]
    """What it sends, one after another."""
    pause_s: float = 0.0
    """Between two pieces."""
    half_closes: bool = False
    """It says that nothing more comes, and then reads."""
    resets_after: int | None = None
    """It resets the connection when it has read so many bytes; None: it reads to the end."""
    is_honest: bool = False
    """There is nothing wrong with it: the answer must be 200."""


def attack(random: Random) -> Attack:
    """One of any kind."""
    kind = random.choice(tuple(ATTACKS))
    return ATTACKS[kind](kind, random)


def request(
    method: bytes, path: bytes, *headers: bytes, body: bytes = b"", head: bytes = CLOSE
) -> bytes:
    """A request with its length; a body goes with it."""
    lines = b"".join(header + b"\r\n" for header in headers)
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" " + path + b" HTTP/1.1\r\n" + head + lines + length + b"\r\n" + body


def odd(random: Random, most: int = 3) -> bytes:
    """Some odd pieces after another, or bytes by chance."""
    if random.random() < 0.2:
        return random.randbytes(random.randint(1, 30)).replace(b" ", b"").replace(b"\n", b"")
    return b"".join(random.choices(ODD, k=random.randint(1, most)))


def path_of(random: Random, of: Sequence[str] = READS) -> bytes:
    """One of these paths."""
    return random.choice(of).encode()


def malformed_head(kind: str, random: Random) -> Attack:
    """What is no request, or nearly one."""
    path = path_of(random)
    return Attack(
        kind,
        (
            random.choice(
                (
                    random.randbytes(random.randint(1, 400)) + b"\r\n\r\n",
                    b"\r\n" * random.randint(1, 40) + b"\r\n\r\n",
                    b"GET " + path + b"\r\n\r\n",
                    b"GET " + path + b" HTTP/9.9\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\r\nHost x\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + b"A\x00: b\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + b"A: b\x00c\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + b"A : b\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + b" folded: b\r\n\r\n",
                    b"GET " + path + b" HTTP/1.1\n" + CLOSE.replace(b"\r", b"") + b"\n",
                    b"GET  " + path + b"  HTTP/1.1\r\n" + CLOSE + b"\r\n",
                    b"GET\t" + path + b"\tHTTP/1.1\r\n" + CLOSE + b"\r\n",
                    b"GET http://[::1 HTTP/1.1\r\n" + CLOSE + b"\r\n",
                    b"GET * HTTP/1.1\r\n" + CLOSE + b"\r\n",
                    b"GET " + path + b" HTTP/1.1 extra\r\n" + CLOSE + b"\r\n",
                    b"GET " + path + b" HTTPS/1.1\r\n" + CLOSE + b"\r\n",
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(200),
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                )
            ),
        ),
        half_closes=True,
    )


def odd_path(kind: str, random: Random) -> Attack:
    """Names that are encoded wrongly, or mean to lead elsewhere."""
    tail = random.choice((b"", b"", b"/track", b"/contacts", b"/occupancy", b"/health"))
    path = path_of(random, NAMED) + odd(random) + tail
    return Attack(kind, (request(random.choice((b"GET", b"HEAD")), path),))


def odd_query(kind: str, random: Random) -> Attack:
    """Values of parameters, and parameters, that nobody means."""
    given = b"&".join(
        random.choice(PARAMETERS).encode() + b"=" + odd(random) for _ in range(random.randint(1, 4))
    )
    path = path_of(random, (*LISTS, "/api/stream")) + b"?" + given
    return Attack(kind, (request(b"HEAD" if b"stream" in path else b"GET", path),))


def malformed_body(kind: str, random: Random) -> Attack:
    """Bodies that are no JSON, or JSON that nobody means, with a key that may write."""
    body = random.choice(
        (
            b"{", b"[" * random.randint(1, 60_000), b"nonsense", b"\xff\xfe{}", b"\xef\xbb\xbf{}",
            b'{"type": NaN}', b'{"type": 1e999}', b'{"a": 1, "a": 2}', b"null", b"[]", b"0", b'""',
            b'{"type": "\xed\xa0\x80"}', b'{"name": "\xff", "scopes": ["read"]}', b'{"\xff": 1}',
            b'{"type": "\\u0000"}', b'{"type": "\\ud800"}',
            b'{"name": "' + b"x" * 5000 + b'"}', b'{"scopes": ["root"]}', b'{"kind": {"a": []}}',
            b'{"watch": {"kind": "fir", "fir": 7}, "target": []}', b'{"password": []}', b" " * 999,
            b'{"payload": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
            random.randbytes(random.randint(1, 2000)),
        )
    )  # fmt: skip
    return Attack(kind, (request(b"POST", path_of(random, WRITES), head=KEYED, body=body),))


def compressed_body(kind: str, random: Random) -> Attack:
    """A little that would become much."""
    much = b"0" * random.choice((1000, 10_000_000))
    coding, body = random.choice(
        ((b"gzip", gzip.compress(much)), (b"deflate", zlib.compress(much)))
    )
    said = random.choice((coding, b"gzip, gzip", b"br", b"identity", b"\xff"))
    path = path_of(random, WRITES)
    return Attack(
        kind, (request(b"POST", path, b"Content-Encoding: " + said, head=KEYED, body=body),)
    )


def wrong_chunks(kind: str, random: Random) -> Attack:
    """Chunks with sizes that are not theirs."""
    chunks = random.choice(
        (
            b"ZZ\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}",
            b"FFFFFFFFFFFFFFFF\r\n{}",
            b"2\r\n{}0\r\n\r\n", b"2;" + b"a" * 9000 + b"\r\n{}\r\n0\r\n\r\n",
            b"0x2\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 5\r\n\r\n", b"2\n{}\n0\n\n", b"",
            b"1\r\n{\r\n1\r\n}\r\n" + b"1\r\n \r\n" * 300 + b"0\r\n\r\n", b"2_0\r\n{}\r\n0\r\n\r\n",
            b"1000\r\n" + b"[" * 0x1000 + b"\r\n0\r\n\r\n", b"+2\r\n{}\r\n0\r\n\r\n",
        )
    )  # fmt: skip
    path = path_of(random, WRITES)
    return Attack(
        kind,
        (request(b"POST", path, b"Transfer-Encoding: chunked", head=KEYED) + chunks,),
        half_closes=random.random() < 0.7,
    )


def smuggling(kind: str, random: Random) -> Attack:
    """Two lengths for one body, so that a proxy and the service would see different requests."""
    hidden = request(b"DELETE", b"/api/supervision/faults", head=KEYED)
    lines = random.choice(
        (
            b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            b"Content-Length: 4\r\nContent-Length: 5\r\n",
            b"Content-Length: +4\r\n",
            b"Content-Length: 4, 4\r\n",
            b"Content-Length : 4\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            b"Transfer-Encoding: \x0bchunked\r\n",
            b"Transfer-Encoding:\tchunked, gzip\r\n",
            b"X: y\nTransfer-Encoding: chunked\r\n",
            b"Content_Length: 4\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        )
    )
    start = b"POST /api/events HTTP/1.1\r\n" + KEYED + lines + b"\r\n"
    return Attack(kind, (start + b"0\r\n\r\n" + hidden,), half_closes=True)


def huge(kind: str, random: Random) -> Attack:
    """Lines, heads and bodies far larger than any that is needed."""
    size = random.choice((5_000, 20_000, 200_000))
    path = path_of(random)
    return Attack(
        kind,
        (
            random.choice(
                (
                    request(b"GET", b"/" + b"a" * size),
                    request(b"GET", b"/api/flights?callsign=" + b"A" * size),
                    request(b"GET", path, b"A: " + b"a" * size),
                    request(b"GET", path, *[b"A%d: b" % number for number in range(size // 20)]),
                    request(b"GET", path, b"Cookie: " + b"a=b; " * (size // 5)),
                    request(b"POST", b"/api/events", head=KEYED, body=b" " * (size * 5)),
                    request(b"POST", b"/api/events", b"Content-Length: 99999999999", head=KEYED),
                    request(b"G" * size, path),
                )
            ),
        ),
    )


def wrong_key(kind: str, random: Random) -> Attack:
    """Keys that are none."""
    given = random.choice(
        (
            b"Bearer " + random.randbytes(16).hex().encode(), b"Bearer", b"Bearer ", b"Basic YTpi",
            b"bearer vw_00000000_" + b"A" * 43, b"Bearer " + b"x" * 5000, b"Bearer \xff\xfe",
            b"Bearer " + KEY.encode() + b"x", b"Digest a=b", b"\x00", b"Bearer a b c",
            b"Bearer " + KEY.upper().encode(), b"Bearer vw_" + odd(random).replace(b"\r", b""),
        )
    )  # fmt: skip
    method = random.choice((b"POST", b"DELETE", b"GET"))
    path = random.choice((b"/api/events", b"/api/keys", b"/api/subscriptions", b"/api/flights"))
    body = b"{}" if method == b"POST" else b""
    return Attack(kind, (request(method, path, b"Authorization: " + given, body=body),))


def forged(kind: str, random: Random) -> Attack:
    """Origins, hosts and addresses that are somebody else's."""
    lines = random.choices(
        (
            b"Origin: https://evil.example", b"Origin: null", b"Origin: \xff", b"Referer: x",
            b"X-Forwarded-For: 127.0.0.1, ::1, nonsense", b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: evil.example", b"Sec-Fetch-Site: cross-site",
            b"Cookie: vatwatch_session=" + random.randbytes(20).hex().encode(),
            b"Access-Control-Request-Method: DELETE", b"Upgrade: websocket", b"X-Request-ID: \xff<",
            b"X-HTTP-Method-Override: DELETE", b"Forwarded: for=\"[::1\"",
            b"Via: " + odd(random, 1),
            b"X-Original-URL: /api/keys", b"Expect: 100-continue", b"Expect: the unexpected",
        ),
        k=random.randint(1, 5),
    )  # fmt: skip
    host = random.choice(
        (b"evil.example", b"127.0.0.1:99999", b"a b", b"\xff", b"[::1", b"", b"x" * 300, b"a,b")
    )
    head = b"Host: " + host + b"\r\nConnection: close\r\n"
    method = random.choice((b"GET", b"OPTIONS", b"POST", b"DELETE"))
    path = random.choice((b"/api/session", path_of(random)))
    return Attack(kind, (request(method, path, *lines, head=head),))


def wrong_method(kind: str, random: Random) -> Attack:
    """Methods that an address does not have, or nobody."""
    method = random.choice(
        (b"BREW", b"TRACE", b"CONNECT", b"PUT", b"PATCH", b"DELETE", b"get", b"POST", b"PROPFIND",
         b"G" * 100, b"G\xff", b"GE,T", b"OPTIONS", b"QUERY", b"LINK")
    )  # fmt: skip
    return Attack(kind, (request(method, path_of(random)),))


def wrong_content_type(kind: str, random: Random) -> Attack:
    """Bodies that say they are something else."""
    said = random.choice(
        (b"text/xml", b"multipart/form-data; boundary=" + b"-" * 300,
         b"application/json; charset=ebcdic",
         b"application/x-www-form-urlencoded", b"\xff/\xfe", b"application/", b"*/*", b"a" * 3000,
         b"multipart/form-data", b"application/msgpack")
    )  # fmt: skip
    body = random.choice((b"a=b&c=d", b"<a/>", b"{}", b"--\r\n\r\n", random.randbytes(100)))
    path = path_of(random, WRITES)
    return Attack(kind, (request(b"POST", path, b"Content-Type: " + said, head=KEYED, body=body),))


def odd_negotiation(kind: str, random: Random) -> Attack:
    """What a client takes, has, and wants, said so that nobody can read it."""
    lines = random.choices(
        (
            b"Accept: " + odd(random, 1), b"Accept: */*;q=2", b"Accept: ;;;", b"Accept: a/b/c",
            b"Accept: application/geo+json;q=0", b"Accept-Encoding: zstd;q=x, gzip;q=-1",
            b"Accept-Encoding: " + b"gzip," * 500, b"If-None-Match: " + b'"a",' * 1000,
            b"If-None-Match: \xff", b"If-Modified-Since: Fri, 99 Foo 99999 99:99:99 GMT",
            b"If-Modified-Since: 0", b"Range: bytes=9-1,5-", b"If-Match: *",
            b"Accept-Language: \xff",
            b"Last-Event-ID: " + odd(random, 1),
            b"If-Modified-Since: Thu, 01 Jan 0000 00:00:00 GMT",
        ),
        k=random.randint(1, 4),
    )  # fmt: skip
    clean = [line.replace(b"\r", b"").replace(b"\n", b"") for line in lines]
    return Attack(kind, (request(b"GET", path_of(random), *clean),))


def half_closed(kind: str, random: Random) -> Attack:
    """A client that says at once that nothing more comes, whole or in the middle."""
    whole = request(b"GET", path_of(random))
    sent = whole if random.random() < 0.5 else whole[: random.randint(1, len(whole) - 1)]
    return Attack(kind, (sent,), half_closes=True)


def reset(kind: str, random: Random) -> Attack:
    """A client that resets its connection, before or in the middle of the answer."""
    whole = request(b"GET", path_of(random))
    sent = whole if random.random() < 0.7 else whole[: random.randint(0, len(whole) - 1)]
    return Attack(kind, (sent,), resets_after=random.choice((0, 1, 1000)))


def reset_body(kind: str, random: Random) -> Attack:
    """A client that begins a body, and resets its connection."""
    whole = request(b"POST", b"/api/events", head=KEYED, body=b" " * 30_000)
    return Attack(kind, (whole[: random.randint(100, len(whole) - 1)],), resets_after=0)


def slow(kind: str, random: Random) -> Attack:
    """A client that sends in small pieces, or stops in the middle."""
    whole = random.choice(
        (
            request(b"GET", path_of(random)),
            request(b"POST", b"/api/events", head=KEYED, body=b'{"type": "X"}'),
        )
    )
    if random.random() < 0.1:
        whole = whole[: random.randint(1, len(whole) - 1)]  # and waits for ever
    size = len(whole) // random.randint(2, 6) + 1
    pieces = tuple(whole[at : at + size] for at in range(0, len(whole), size))
    return Attack(kind, pieces, random.uniform(0.01, 0.2))


def streaming(kind: str, random: Random) -> Attack:
    """A client of the stream that goes in the middle, or was never where it says."""
    query = random.choice((b"", b"?channels=positions", b"?channels=events&callsign=*", b"?bbox=1"))
    line = b"Last-Event-ID: " + random.choice((b"\xff", b"/", b"9" * 50, b"2026-01-01T00:00:00Z/1"))
    coding = random.choice((b"gzip", b"identity", b"br"))
    sent = request(b"GET", b"/api/stream" + query, line, b"Accept-Encoding: " + coding)
    return Attack(kind, (sent,), resets_after=random.choice((0, 200, 20_000)))


def pipelined(kind: str, random: Random) -> Attack:
    """Several requests at once, with something else behind them."""
    keep = b"Host: vatwatch\r\n"
    some = b"".join(
        request(b"GET", path_of(random), head=keep) for _ in range(random.randint(1, 6))
    )
    last = random.choice((request(b"GET", b"/healthz"), b"\x00\x01\x02\r\n\r\n"))
    return Attack(kind, (some + last,))


def honest(kind: str, random: Random) -> Attack:
    """A client that means no harm: it must have its answer."""
    path = random.choice((b"/api/flights", b"/api/network", b"/healthz", b"/api/controllers"))
    return Attack(kind, (request(b"GET", path),), is_honest=True)


ATTACKS: dict[str, Callable[[str, Random], Attack]] = {
    one.__name__.replace("_", " "): one
    for one in (
        malformed_head, odd_path, odd_query, malformed_body, compressed_body, wrong_chunks,
        smuggling, huge, wrong_key, forged, wrong_method, wrong_content_type, odd_negotiation,
        half_closed, reset, reset_body, slow, streaming, pipelined, honest,
    )
}  # fmt: skip
