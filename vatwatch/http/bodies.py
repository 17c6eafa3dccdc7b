"""Sends what is made of the live state: with its validators, how long it is fresh, and compressed.

The rules are those of RFC 9110 (conditional requests, content negotiation) and RFC 9111 (caching).
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from math import ceil
from time import time

import falcon

from vatwatch.http.formats import tell_page
from vatwatch.http.header_sets import header_set, set_all
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.records import Body

# An answer is fresh until the next snapshot is expected. If that is late, or nobody knows when it
# comes, asking again soon is right; and no answer is fresh for longer than four snapshots.
LEAST_AGE_S, MOST_AGE_S = 1, 60
# As tags say it: the same content in another coding is another representation.
_CODINGS = ("", "-gzip", "-zstd")


def send_body(
    req: falcon.Request,
    resp: falcon.Response,
    body: Body,
    wanted: AnswerFormat = AnswerFormat.JSON,
    *,
    fresh_s: int = 0,
) -> None:
    """Answer with a body; with 304 if the client has it.

    Args:
        req: the request
        resp: its answer
        body: of the live state, or of something that seldom changes
        wanted: the format of the body
        fresh_s: how long it is fresh at least, whenever the next snapshot comes
    """
    if body.total is not None:
        tell_page(req, resp, body.total, body.next_cursor)
    coding = _coding(req.env.get("HTTP_ACCEPT_ENCODING", ""), zstd=bool(body.zstd))
    tag = body.etag if not coding else f'{body.etag[:-1]}-{coding}"'
    if _has_it(req, resp, body, body.etag, tag, fresh_s):
        return
    resp.content_type = wanted.content_type
    if coding:
        resp.set_header("Content-Encoding", coding)
        resp.data = body.zstd if coding == "zstd" else body.gzipped
    else:
        resp.data = body.plain


def send_part(
    req: falcon.Request,
    resp: falcon.Response,
    part: bytes,
    whole: Body,
    wanted: AnswerFormat,
) -> None:
    """Answer with a part of a body, which is as old as that; with 304 if the client has it."""
    tag = whole.etag
    if wanted is not AnswerFormat.JSON:
        tag = f'{tag[:-1]}-{wanted.value}"'
    if _has_it(req, resp, whole, tag, tag, 0):
        return
    resp.content_type = wanted.content_type
    resp.data = part


def _has_it(
    req: falcon.Request, resp: falcon.Response, body: Body, etag: str, sent_tag: str, fresh_s: int
) -> bool:
    """Set the headers that every answer has, 304 too. Returns whether the client has it."""
    now_s = time()
    age_s = min(max(ceil(body.due_s - now_s), fresh_s, LEAST_AGE_S), MOST_AGE_S)
    # By our clock a feed may come from the future, and nothing was ever modified then.
    modified_s = body.modified_s if body.modified_s <= now_s else 0
    set_all(resp, _validators(sent_tag, age_s, modified_s))
    if not _is_known(req, etag, body.modified_s):
        return False
    resp.status = falcon.HTTP_304
    return True


def _is_known(req: falcon.Request, etag: str, modified_s: int) -> bool:
    """RFC 9110, 13.1.2: a weak comparison with any of the tags, or `*`; without tags 13.1.3."""
    given = req.env.get("HTTP_IF_NONE_MATCH")
    if given:
        tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
        return "*" in tags or any(f'{etag[:-1]}{coding}"' in tags for coding in _CODINGS)
    since = req.env.get("HTTP_IF_MODIFIED_SINCE")
    return since is not None and modified_s > 0 and _is_since(since, modified_s)


def _is_since(text: str, modified_s: int) -> bool:
    try:
        return parsedate_to_datetime(text).timestamp() >= modified_s
    except (ValueError, OverflowError):
        return False  # what cannot be read is ignored


# All answers of one snapshot and second have the same, and each of its collections has three tags.
@lru_cache(maxsize=256)
def _validators(tag: str, age_s: int, modified_s: int) -> Mapping[str, str]:
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={age_s}",
        "Vary": "Accept, Accept-Encoding",
    }
    if modified_s > 0:
        headers["Last-Modified"] = formatdate(modified_s, usegmt=True)
    return header_set(headers)


def coding_of(req: falcon.Request, there: tuple[str, ...]) -> str:
    """Which of these codings the client likes best, the first one of equals; empty: none."""
    weights = _weights(req.env.get("HTTP_ACCEPT_ENCODING", ""))
    liked = {one: weights.get(one, weights.get("*", 0.0)) for one in there if one}
    best = max(liked, key=lambda coding: liked[coding], default="")
    return best if best and liked[best] > 0.0 else ""


def takes_gzip(req: falcon.Request) -> bool:
    """Whether the client likes gzip, of answers that come so or plain."""
    return bool(_coding(req.env.get("HTTP_ACCEPT_ENCODING", ""), zstd=False))


# There are few kinds of clients, and each sends the same header with every request.
@lru_cache(maxsize=64)
def _coding(offers: str, *, zstd: bool) -> str:
    """The coding that the client likes best, the smaller one of equals; empty: none (RFC 9110,
    12.5.3). `zstd`: whether that can be had; only who names it gets it."""
    weights = _weights(offers)
    liked = {"zstd": weights.get("zstd", 0.0) if zstd else 0.0}
    liked["gzip"] = weights.get("gzip", weights.get("*", 0.0))
    best = max(liked, key=lambda coding: liked[coding])
    # What is not coded is acceptable unless it is refused, and here no better than what is named.
    return best if liked[best] > 0.0 and liked[best] >= weights.get("identity", 0.0) else ""


def _weights(offers: str) -> dict[str, float]:
    found = {}
    for offer in offers.lower().split(","):
        coding, _, parameter = offer.partition(";")
        name, _, text = parameter.replace(" ", "").partition("=")
        try:
            weight = float(text) if name == "q" else 1.0
        except ValueError:
            weight = 0.0
        if coding.strip():
            found[coding.strip()] = weight
    return found
