"""Ports for servers that the tests start."""

from __future__ import annotations

import os
import socket
from random import SystemRandom

# Below those that the kernel gives to connections (Linux: from 32768 on; RFC 6335: from 49152 on).
# A server that starts seconds after its port was chosen, or anew on the same one, would now and
# then find it taken by somebody's connection.
_PORTS = range(10_000, 32_000)
# Each of the processes that share the tests (pytest-xdist: gw0, gw1, ...) has ports of its own.
_PROCESSES = 16
_given: set[int] = set()


def free_port() -> int:
    """A port without a listener, which no other test of this run is given."""
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
    while True:
        port = SystemRandom().choice(_PORTS[mine::_PROCESSES])
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
