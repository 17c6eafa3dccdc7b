"""How good an API key is. Pure: nothing here shows a key."""

from __future__ import annotations

import re

# A client may ask 12,000 times a minute by default (VATWATCH_READ_RATE): all keys of four small
# letters are tried in 38 minutes, all of five in 16 hours.
LEAST_KEY_CHARS = 5
# As long as 16 characters take, whatever they are, nobody tries them all.
GOOD_KEY_CHARS = 16
# Fewer different ones are a pattern: `abababababababab`.
_LEAST_DIFFERENT = 5
# In examples they stand where a key is to be.
_PLACEHOLDERS = frozenset(
    {"changeme", "changethis", "replaceme", "yourkey", "yourkeyhere", "yourapikey", "example"}
    | {"yourapikeyhere", "yoursecret", "apikeyhere", "placeholder", "todo", "none", "null", "xxxxx"}
)
# What is tried first, alone or one after the other, with numbers.
_WORDS = (
    "administrator|admin|password|passwort|passwd|pass|secret|token|default|vatwatch|vatsim|"
    "letmein|welcome|qwertyuiop|qwerty|asdfgh|test|demo|user|root|the|api|key|my"
)
_ROWS = tuple(
    row + row[::-1] for row in ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop")
)


def is_worthless_key(key: str) -> bool:
    """Whether it cannot be meant: too short, one character again and again, or a placeholder."""
    return len(key) < LEAST_KEY_CHARS or len(set(key)) == 1 or _letters(key) in _PLACEHOLDERS


def is_guessable_key(key: str) -> bool:
    """Whether somebody who tries likely keys finds it: short, a pattern, or well-known words."""
    low = key.lower()
    rest = re.sub(rf"({_WORDS}|[\W_\d])", "", low)
    return (
        len(key) < GOOD_KEY_CHARS
        or len(set(low)) < _LEAST_DIFFERENT
        or any(low in row for row in _ROWS)
        or (not rest and len(re.sub(r"\D", "", low)) < GOOD_KEY_CHARS // 2)
    )


def _letters(key: str) -> str:
    """Its letters alone, small: `<Your-API-key>` is `yourapikey`."""
    return re.sub(r"[\W_\d]", "", key.lower())
