"""Ids of requests are made many at once, and each is given to one request."""

from __future__ import annotations

import os
import re

from vatwatch.logs.context import IDS_AT_ONCE, new_request_id


def test_no_id_is_given_twice() -> None:
    ids = [new_request_id() for _ in range(3 * IDS_AT_ONCE)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_a_forked_process_has_ids_of_its_own() -> None:
    new_request_id()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, new_request_id().encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    given = os.read(readable, 100).decode()
    os.close(readable)
    os.close(writable)
    assert len(given) == 32
    assert given not in {new_request_id() for _ in range(2 * IDS_AT_ONCE)}
