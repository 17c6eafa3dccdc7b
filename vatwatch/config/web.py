"""Settings: where the service listens."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt

from vatwatch.config import addresses
from vatwatch.config.section import Section, setting


def _host(value: str) -> str:
    host = value.strip()
    if re.fullmatch(r"\[.*\]", host):
        host = host[1:-1]  # as it is written in an address
    try:
        addresses.host_name(host)
    except ValueError:
        raise ValueError(
            "must be an IP address of this machine or a host name, without scheme and port"
        ) from None
    return host


STREAM_CLIENTS = 2000
STREAM_CLIENTS_PER_ADDRESS = 100


class WebSettings(Section):
    """Where the service listens."""

    host: Annotated[str, AfterValidator(_host)] = setting(
        "VATWATCH_HOST", "127.0.0.1", "Address to listen on; 0.0.0.0 for every interface."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = setting(
        "PORT", 8001, "Port to listen on.", usual=(None, None)
    )
    client_timeout_s: Annotated[float, Field(ge=3)] = setting(
        "VATWATCH_CLIENT_TIMEOUT",
        30.0,
        "How long a client may take to send the body of a request, or to take an answer; then its "
        "connection is closed, so that slow ones do not use up all places.",
        unit="s",
    )
    workers: PositiveInt = setting(
        "VATWATCH_WORKERS",
        1,
        "Worker processes, at most SERVICE_MAX_WORKERS. One collects, and all of them answer. More "
        "than one need DATABASE_URL and REDIS_URL, which they share.",
    )
    stream_clients: int = setting(
        "VATWATCH_STREAM_CLIENTS",
        STREAM_CLIENTS,
        "How many clients may follow `/api/stream` at once in one worker, beside all other "
        "requests; 0: none. Each takes some 20 KiB and a file descriptor.",
        ge=0,
        le=100_000,
    )
    stream_clients_per_address: int = setting(
        "VATWATCH_STREAM_CLIENTS_PER_ADDRESS",
        STREAM_CLIENTS_PER_ADDRESS,
        "How many of them may come from one address (an IPv6 network of 64 bits counts as one), or "
        "with one key, which counts instead of the address.",
        ge=1,
        le=100_000,
    )
