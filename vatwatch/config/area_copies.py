"""Which files of areas have a last good copy in the home. `storage/area_copies.py` writes them."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

# The directory in the home, and what it has in it: a list, and the contents by their digests.
AREAS = "areas"
LIST_NAME = "copies.json"
SUFFIX = ".gz"


class _Copy(Struct):
    setting: str
    place: str
    digest: str


class _List(Struct):
    copies: tuple[_Copy, ...]


def place_digest(given: str) -> str:
    """Stands for a path or an address where a password in it must not be."""
    return blake2b(given.encode(errors="surrogateescape"), digest_size=8).hexdigest()


def has_copy(home: Path, setting: str, given: str) -> bool:
    """Whether there is a last good copy of what a setting names. What cannot be read is none."""
    directory, wanted = home / AREAS, (setting, place_digest(given))
    try:
        copies = msgspec.json.decode((directory / LIST_NAME).read_bytes(), type=_List).copies
        return any(
            (one.setting, one.place) == wanted and (directory / f"{one.digest}{SUFFIX}").is_file()
            for one in copies
        )
    except (OSError, ValueError):  # ValueError: the list is broken, or a name is none
        return False
