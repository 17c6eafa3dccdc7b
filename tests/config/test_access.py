"""Settings of access: rates, proxies, origins, keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from vatwatch.config.settings import load
from vatwatch.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "rate"),
    [(None, "12000/minute"), ("5/second", "5/second"), ("off", None), ("OFF", None), ("0", None)],
)
def test_reads_have_a_rate_or_none(tmp_path: Path, given: str | None, rate: str | None) -> None:
    env = {} if given is None else {"VATWATCH_READ_RATE": given}
    assert load(env=env, directory=tmp_path).access.read_rate == rate


def test_proxies_are_addresses_or_networks(tmp_path: Path) -> None:
    env = {"VATWATCH_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
    assert load(env=env, directory=tmp_path).access.trusted_proxies == ("10.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VATWATCH_READ_RATE", "often"),
        ("VATWATCH_READ_RATE", "-1/minute"),
        ("VATWATCH_READ_RATE", "0/minute"),
        ("VATWATCH_READ_RATE", "9999999999/second"),
        ("VATWATCH_READ_RATE", "5/99999999999999 year"),
        ("VATWATCH_READ_RATE", "5/second;9/minute"),
        ("VATWATCH_WRITE_RATE", "0/second"),
        ("VATWATCH_TRUSTED_PROXIES", "my-proxy"),
        ("VATWATCH_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_value_that_is_neither_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(env={name: value}, directory=tmp_path)
