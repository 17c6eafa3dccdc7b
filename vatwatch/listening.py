"""Addresses to listen on: names, IPv4, IPv6 with and without brackets and scope."""

from __future__ import annotations

import errno
import socket
from time import monotonic, sleep

from vatwatch.errors import ConfigurationError

# A killed process keeps its port until the kernel has cleaned up; so do its open connections, for a
# shorter time.
DYING_S = 2.0
POLL_S = 0.05
BACKLOG = 2048
# The errors of bind, in words for the operator.
CAUSES = {
    errno.EADDRINUSE: "another process listens there",
    errno.EADDRNOTAVAIL: "this machine does not have this address",
    errno.EACCES: "ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE",
    errno.EAFNOSUPPORT: "this machine has no IPv6",
    errno.EINVAL: "a link-local address needs its interface, such as fe80::1%eth0",
}


def bare(host: str) -> str:
    """The host without the brackets that an IPv6 address has in URLs."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def authority(host: str, port: int) -> str:
    """`host:port` for a URL that works on this machine."""
    host = bare(host)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"


def shown_place(host: str, port: int) -> str:
    """`host:port` for people, as it was given."""
    return f"[{bare(host)}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int, *, what_else: str) -> socket.socket:
    """Open a listening socket. If the port's owner is dying, wait for a moment.

    `what_else`: what to do if the port is taken.

    Raises:
        ConfigurationError: with the cause, and what to do
    """
    shown = shown_place(host, port)
    family, address = _resolve(bare(host), port, shown)
    deadline = monotonic() + DYING_S
    while True:
        try:
            return _listening(family, address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and monotonic() < deadline:
                sleep(POLL_S)
                continue
            cause = CAUSES.get(error.errno or 0, error.strerror)
            advice = f". {what_else}" if error.errno == errno.EADDRINUSE else ""
            raise ConfigurationError(f"cannot listen on {shown}: {cause}{advice}") from error


def bind_error(host: str, port: int) -> OSError | None:
    """What the system would say if we listened there now; None if it is free. Nothing listens.

    Raises:
        ConfigurationError: there is no such host
    """
    family, address = _resolve(bare(host), port, shown_place(host, port))
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _resolve(host: str, port: int, shown: str) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(f"cannot listen on {shown}: there is no such host") from error
    # A name may have both; clients with only IPv4 would not reach ::1.
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _listening(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
