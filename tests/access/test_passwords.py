"""The operator's password: its hash tells nothing, and only the right one fits."""

from __future__ import annotations

import pytest

from vatwatch.access.passwords import hash_password, read_hash

GOOD = "correct horse ✈ battery"


def test_only_the_right_password_fits_its_hash() -> None:
    text = hash_password(GOOD).text
    assert read_hash(text).fits(GOOD)
    for wrong in ("", GOOD[:-1], GOOD.upper(), f"{GOOD} ", "\ud800"):
        assert not read_hash(text).fits(wrong)


def test_a_hash_has_a_salt_of_its_own_and_nothing_that_a_shell_replaces() -> None:
    one, other = hash_password(GOOD).text, hash_password(GOOD).text
    assert one != other
    assert GOOD not in one
    assert not set(one) & set("$`\\\"' #,;")


SALT, HASH = "A" * 22, "B" * 43


@pytest.mark.parametrize(
    "text",
    [
        "", "secret", "scrypt", f"scrypt:16384:8:5:{SALT}", f"argon2:16384:8:5:{SALT}:{HASH}",
        f"scrypt:16384:8:5:{SALT}:{HASH}B", f"scrypt:16384:8:5:{SALT}:{HASH[:-1]}",
        f"scrypt:16384:8:5:$$:{HASH}", f"scrypt:16383:8:5:{SALT}:{HASH}",
        f"scrypt:0:8:5:{SALT}:{HASH}", f"scrypt:1:8:5:{SALT}:{HASH}",
        f"scrypt:16384:0:5:{SALT}:{HASH}", f"scrypt:16384:8:0:{SALT}:{HASH}",
        f"scrypt:1048576:64:1:{SALT}:{HASH}", f"scrypt:16384:8:999:{SALT}:{HASH}",
        f"scrypt:-2:8:5:{SALT}:{HASH}", f" scrypt:16384:8:5:{SALT}:{HASH}",
    ],
)  # fmt: skip
def test_what_is_no_hash_or_would_take_too_long_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|scrypt|256 MiB") as refused:
        read_hash(text)
    assert HASH not in str(refused.value)
