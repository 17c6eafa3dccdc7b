"""Asks a simulator over a real socket, and sees what a library would hide."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

import gevent
import msgspec

WAIT_S = 30.0
DATA, TRANSCEIVERS, STATUS = "/v3/vatsim-data.json", "/v3/transceivers-data.json", "/status.json"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own; raises what http.client raises."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, path: str) -> tuple[bytes, OSError | None]:
        """All bytes of an answer until the connection ends, and how it ended if not in order."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as connection:
            host = f"Host: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
            connection.sendall(f"GET {path} HTTP/1.1\r\n{host}".encode())
            try:
                while part := connection.recv(65_536):
                    received += part
            except OSError as error:
                return received, error
        return received, None

    def control(self) -> Any:
        return self.ask("/control").json()

    def fault(self, **fault: Any) -> Any:
        answer = self.ask("/control", "POST", msgspec.json.encode(fault))
        assert answer.status == 201, answer.body
        return answer.json()

    def until(self, seen: Callable[[Any], bool]) -> list[Any]:
        """States of the control, until one is as wanted; that one is the last."""
        states: list[Any] = []
        with gevent.Timeout(WAIT_S, TimeoutError("not seen in time")):
            while not states or not seen(states[-1]):
                states.append(self.control())
                gevent.sleep(0.005)
        return states


def head_and_body(raw: bytes) -> tuple[bytes, bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body
