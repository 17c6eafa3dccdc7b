"""What an answer sets itself stays, however its name is written; all else is added once."""

from __future__ import annotations

import pytest

from vatwatch.server.security_headers import HEADERS, secured


@pytest.mark.parametrize("name", [name for name, _ in HEADERS])
@pytest.mark.parametrize("write", [str, str.lower, str.upper])
def test_a_header_of_the_answers_own_stays(name: str, write: type[str]) -> None:
    head = f"HTTP/1.1 200 OK\r\n{write(name)}: its own\r\nX-Other: {name}\r\n\r\n".encode()
    lines = secured(head).decode().split("\r\n")
    assert lines[1] == f"{write(name)}: its own"
    names = [line.partition(":")[0].lower() for line in lines[1:] if line]
    assert sorted(names) == sorted(["x-other", *(one.lower() for one, _ in HEADERS)])
