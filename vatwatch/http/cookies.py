"""The operator's cookie: how it is set and read, and what a request with it must show.

A browser sends it along whoever's page asks, so a request that changes something is refused if
another site's page has made it (`require_own_page`), or if a form could have (`require_json`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import falcon

from vatwatch.access.same_site import is_from_elsewhere
from vatwatch.http.environ import FORWARDED

# Over https the name itself makes the browser insist that this host alone set it (RFC 6265bis,
# 4.1.3).
NAME, SECURE_NAME = "vatwatch_session", "__Host-vatwatch_session"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def token_of(req: falcon.Request) -> str | None:
    """What the cookie holds; None if there is none."""
    given = req.env.get("HTTP_COOKIE")
    if given is None or NAME not in given:
        return None
    values = req.get_cookie_values(SECURE_NAME if is_secure(req) else NAME)
    return values[0] if values else None


def set_token(req: falcon.Request, resp: falcon.Response, token: str, expires_at: datetime) -> None:
    """Have the browser keep the token, where no script and no other site gets at it."""
    secure = is_secure(req)
    resp.set_cookie(
        SECURE_NAME if secure else NAME,
        token,
        expires=expires_at,
        path="/",
        secure=secure,
        http_only=True,
        same_site="Strict",
    )


def forget_token(req: falcon.Request, resp: falcon.Response) -> None:
    """Have the browser forget it."""
    set_token(req, resp, "", LONG_AGO)


def is_secure(req: falcon.Request) -> bool:
    """Whether the browser came by https: to a trusted proxy, which says so."""
    if not req.env.get(FORWARDED):
        return False
    told = req.env.get("HTTP_X_FORWARDED_PROTO", "")
    return bool(told.rpartition(",")[2].strip().lower() == "https")


def require_own_page(req: falcon.Request) -> None:
    """Refuse what another site's page has made the browser send. Raises falcon.HTTPForbidden."""
    host = req.env.get("HTTP_HOST", "")
    if req.env.get(FORWARDED):
        host = req.env.get("HTTP_X_FORWARDED_HOST", host).rpartition(",")[2].strip()
    if is_from_elsewhere(req.env.get("HTTP_SEC_FETCH_SITE"), req.env.get("HTTP_ORIGIN"), host):
        raise falcon.HTTPForbidden(
            description="Another site's page has made this request; only our own may."
        )


def require_json(req: falcon.Request) -> None:
    """Refuse a body that is not said to be JSON. Raises falcon.HTTPUnsupportedMediaType."""
    has_body = bool(req.content_length) or "HTTP_TRANSFER_ENCODING" in req.env
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if has_body and media_type != falcon.MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(
            description="With a cookie the body must be JSON: Content-Type: application/json."
        )
