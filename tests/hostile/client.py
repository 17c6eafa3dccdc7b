"""A hostile client: sends an attack on a socket, and judges what comes back."""

from __future__ import annotations

import json
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import gevent

from tests.hostile.attacks import KEY, Attack

# Longer than the service lets a client hang; then it is the service that hangs.
PATIENCE_S = 60.0
# A client that wants to reset its connection does not wait for more for longer.
LEAVES_AFTER_S = 1.0
SHOWN_FAULTS = 20
PROBLEM = b"application/problem+json"
# What no answer may tell.
SECRETS = (b"Traceback", b"site-packages", KEY.encode())


@dataclass(slots=True)
class Seen:
    """What came of attacks."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By kind and status; 0: none. Of several on one connection each counts."""
    overloads: int = 0
    """503 with Retry-After: more was asked than is answered."""
    faults: list[str] = field(default_factory=list)
    """What must not be."""

    def blame(self, attack: Attack, what: str, answer: bytes = b"") -> None:
        """Add a fault; all are counted, the first ones are told whole."""
        sent = b"".join(attack.pieces)[:300]
        told = f"{what}: {attack.kind} {sent!r} {answer[:600]!r}"
        self.faults.append(told if len(self.faults) < SHOWN_FAULTS else what)


def strike(port: int, attack: Attack, seen: Seen) -> None:
    """Do what the attack says, and judge the answers."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)) as client:
            heard = _talk(client, attack)
    except TimeoutError:
        seen.blame(attack, "neither answered nor ended")
        return
    except OSError as error:
        # It may close while we send: what we sent was too much.
        heard = b""
        if attack.is_honest:
            seen.blame(attack, f"refused with {type(error).__name__}")
    answers = 0
    if attack.resets_after is None:
        for status, head, body in _answers(heard):
            answers += 1
            seen.answers[attack.kind, status] += 1
            _judge(attack, status, head, body, seen)
    if not answers:
        seen.answers[attack.kind, 0] += 1
        if attack.is_honest:
            seen.blame(attack, "no answer")


def _talk(client: socket.socket, attack: Attack) -> bytes:
    heard = b""
    try:
        for number, piece in enumerate(attack.pieces):
            if number:
                gevent.sleep(attack.pause_s)
            client.sendall(piece)
        if attack.half_closes:
            client.shutdown(socket.SHUT_WR)
        if attack.resets_after is not None:
            client.settimeout(LEAVES_AFTER_S)
        while attack.resets_after is None or len(heard) < attack.resets_after:
            piece = client.recv(65536)
            if not piece:
                break
            heard += piece
    except (BrokenPipeError, ConnectionResetError):
        pass  # what came before still counts
    except TimeoutError:
        if attack.resets_after is None:
            raise
    if attack.resets_after is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return heard


def _answers(heard: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The status, head and body of each answer, as far as they came."""
    while heard.startswith(b"HTTP/1."):
        head, _, rest = heard.partition(b"\r\n\r\n")
        length = _length(head, rest)
        if b" 100 " not in head[:20]:
            yield int(head.split(b" ", 2)[1]), head, rest[:length]
        heard = rest[length:]


def _length(head: bytes, rest: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
            # Of an answer to HEAD, and of 304, the body is left out.
            return 0 if rest.startswith(b"HTTP/1.") else min(length, len(rest))
    return 0 if rest.startswith(b"HTTP/1.") else len(rest)


def _judge(attack: Attack, status: int, head: bytes, body: bytes, seen: Seen) -> None:
    if status == 503 and b"\r\nretry-after:" in head.lower() and not attack.is_honest:
        seen.overloads += 1
    elif status >= 500 or (attack.is_honest and status != 200):
        seen.blame(attack, f"answered with {status}", head + body)
    if any(secret in head + body for secret in SECRETS):
        seen.blame(attack, "told what it should not", head + body)
    if status >= 400 and body:
        try:
            said = json.loads(body)["status"] if PROBLEM in head else None
        except (ValueError, KeyError, TypeError):
            said = None
        if said != status:
            seen.blame(attack, f"{status} without a problem document", head + body)
    elif status >= 400 and PROBLEM not in head:
        seen.blame(attack, f"{status} that is no problem document", head)
