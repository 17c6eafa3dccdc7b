"""Asks a running service over its HTTP API, as `vatwatch top` and `vatwatch status` do."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import gevent
import requests

from vatwatch.errors import FetchStatus, FetchTimeout, FetchUnreachable
from vatwatch.redaction import shown_address

TIMEOUT_S = 5.0


class ServiceClient:
    """Asks a service. Raises FetchError, which says what to do."""

    def __init__(self, url: str, key: str | None, *, timeout_s: float = TIMEOUT_S) -> None:
        """`url` may lack its scheme; `key` is an API key; `timeout_s` bounds each whole answer."""
        self._url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # A proxy of the environment is for the outside, and does not reach this machine.
        self._session.trust_env = not _is_here(self._url)
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    @property
    def shown_url(self) -> str:
        """The address of the service, without a password."""
        return shown_address(self._url)

    def get(self, path: str) -> Any:
        """The JSON document that `GET path` answers."""
        return self._ask("GET", path)

    def post(self, path: str) -> Any:
        """The JSON document that `POST path` answers; an empty one if there is none."""
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> Any:
        late = FetchTimeout(f"{self.shown_url} gave no whole answer within {self._timeout_s:g} s")
        try:
            # The library's own timeout is for each read: a byte a second would never end.
            with gevent.Timeout(self._timeout_s, late):
                answer = self._session.request(method, self._url + path, timeout=self._timeout_s)
                body = answer.json() if answer.content else {}
        except requests.exceptions.JSONDecodeError:
            if not answer.ok:  # of a proxy, perhaps
                raise FetchStatus(answer.status_code, self.shown_url + path) from None
            raise FetchUnreachable(f"{self.shown_url} answers, but it is not vatwatch") from None
        except requests.Timeout:
            raise late from None
        # A ValueError: an address that cannot exist, which requests does not always wrap.
        except (requests.RequestException, ValueError) as error:
            raise FetchUnreachable(
                f"no service answers at {self.shown_url}: is it running? (--url says where)"
            ) from error
        if not answer.ok:
            detail = body.get("detail") if isinstance(body, dict) else None
            refusal = FetchStatus(answer.status_code, self.shown_url + path)
            raise refusal if detail is None else RequestRefused(answer.status_code, str(detail))
        return body


class RequestRefused(FetchStatus):
    """A status other than success, with the service's own words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, "")
        self.args = (f"refused ({status}): {detail}",)


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False
