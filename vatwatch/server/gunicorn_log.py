"""Brings gunicorn's own lines into our log, and writes the access log."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import MutableMapping
from typing import Any

from falcon import http_status_to_code
from gunicorn.glogging import Logger

from vatwatch.http.access_log import AccessEntry, safe_target
from vatwatch.http.bounds import plain_address
from vatwatch.http.environ import CLIENT
from vatwatch.http.request_ids import ENVIRON
from vatwatch.http.stream import SENT_BYTES
from vatwatch.logs.context import NOTHING, current_request_id, work_on
from vatwatch.logs.files import files
from vatwatch.logs.writer import writer

# Seconds between two lines about invalid requests.
TOLD_EVERY_S = 60.0


class GunicornLog(Logger):
    """Replaces gunicorn's logger, without its handlers."""

    def setup(self, cfg: Any) -> None:
        """Leave the writing to the root's handlers."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.unread = ""
        """Set while an invalid request is logged: what is wrong with it, and its client."""
        self._told_at = -math.inf
        self._untold = 0

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log invalid requests at most once a minute, since a client can send any number of
        them."""
        if time.monotonic() - self._told_at < TOLD_EVERY_S:
            self._untold += 1
            return
        if self.unread:
            # gunicorn's text contains the client's bytes, which may include a key.
            msg, args = "Not a valid request: %s", (self.unread,)
        more = f" (and {self._untold} before it)" if self._untold else ""
        self._told_at, self._untold = time.monotonic(), 0
        super().warning(f"{msg}{more}", *args, **kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a failure outside the app; its `args` may contain the target of a request."""
        shown = [safe_target(arg) if isinstance(arg, str) else arg for arg in args]
        super().exception(msg, *shown, **kwargs)

    def access(
        self, resp: Any, _req: Any, environ: MutableMapping[str, Any], request_time: Any
    ) -> None:
        """Called by gunicorn for each request that was answered, or whose client has gone."""
        if files.access is not None:
            write_down(
                AccessEntry(
                    time=time.time(),
                    client=environ.get(CLIENT) or plain_address(environ["REMOTE_ADDR"]),
                    method=environ["REQUEST_METHOD"],
                    target=environ.get("RAW_URI", ""),
                    # Of an answer that gunicorn makes itself it has the text alone.
                    status=http_status_to_code(resp.status),
                    sent_bytes=resp.sent + environ.get(SENT_BYTES, 0),
                    duration_s=request_time.total_seconds(),
                    user_agent=environ.get("HTTP_USER_AGENT", ""),
                    request_id=environ.get(ENVIRON) or current_request_id(),
                )
            )
        # Lines until the next request of this connection belong to no request.
        work_on(NOTHING)


def write_down(entry: AccessEntry) -> None:
    """Have the thread of the log files make and write the line of a request."""
    if files.access is not None:
        writer.put(files.access, entry.json if files.is_json else entry.line)
