from __future__ import annotations

import pytest

from tests.same import assert_same


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (b"x" * 500_000 + b"1", b"x" * 500_000 + b"2", "at character 500002 one has"),
        ([1, 2], [1, 2, 3], "at character 5 one has '[1, 2]'"),
        ("", "a", "at character 0 one has '', and the other 'a'"),
    ],
)
def test_it_says_where_two_things_differ(one: object, other: object, said: str) -> None:
    assert_same(one, one)
    with pytest.raises(AssertionError, match=r"^/api/flights: ") as failed:
        assert_same(one, other, "/api/flights")
    assert said in str(failed.value)
    assert len(str(failed.value)) < 500
