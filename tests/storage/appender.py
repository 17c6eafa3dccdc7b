"""Run as a child process: appends to a journal for as long as it lives, and reports each entry.

Usage: appender.py DIRECTORY [FILE_LIMIT_BYTES]
"""

from __future__ import annotations

import hashlib
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vatwatch.errors import JournalFull
from vatwatch.storage.journal import Journal

START = datetime(2024, 1, 1, tzinfo=UTC)


def content(number: int) -> bytes:
    """What is appended as this number: a few kB that do not compress away."""
    return b"".join(hashlib.sha256(f"{number}-{n}".encode()).digest() for n in range(150))


def append(journal: Journal, number: int) -> int:
    time = START + timedelta(seconds=15 * number)
    return journal.append(
        update_timestamp=time,
        fetched_at=time,
        data=content(number),
        transceivers=None if number % 3 else b"[]",
        source=str(number),
    ).id


def main() -> None:
    journal = Journal(Path(sys.argv[1]), max_bytes=2**30)
    journal.open()
    if len(sys.argv) > 2:
        limit = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    last = journal.last()
    number = 1 if last is None else last.id + 1
    while True:
        try:
            entry_id = append(journal, number)
        except JournalFull:
            print("full", journal.stats().pending, flush=True)
            return
        print(entry_id, number, flush=True)
        if number % 4 == 0:
            journal.commit(entry_id)
        number += 1


if __name__ == "__main__":
    main()
