"""Values that make the service useless or open are refused, or taken with a warning."""

from __future__ import annotations

import string
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.config.keys import GOOD_KEY_CHARS, is_guessable_key, is_worthless_key
from vatwatch.config.settings import Reading, fields, read
from vatwatch.config.showing import is_secret, unit_of, usual_of

NOWHERE = Path("/nowhere")
HOME = {"VATWATCH_HOME": "/tmp"}
NUMBERS = {
    name: field
    for _, name, (_, field) in fields()
    if unit_of(field)
    or (isinstance(field.default, int | float) and not isinstance(field.default, bool))
    or usual_of(field) != (None, None)
}
TIMES = [name for name, field in NUMBERS.items() if unit_of(field) in ("s", "ms")]
# Any port is as good as another; the machine says how much of its disk is too much.
WITHOUT_BOUND = {"PORT", "VATWATCH_DISK_SOFT_MB", "VATWATCH_DISK_HARD_MB"}


def reading(**env: str) -> Reading:
    return read(env={**HOME, **env}, directory=NOWHERE, for_service=True)


def told(found: Reading, name: str) -> list[str]:
    """What is said of a setting, whether it is refused or not."""
    return [line for line in (*found.faults, *found.warnings) if line.startswith(name)]


def test_the_defaults_are_taken_without_a_word() -> None:
    found = reading()
    assert found.settings is not None
    assert found.warnings == ()


@given(name=st.sampled_from(sorted(TIMES)), size=st.floats(1e-300, 1e-5))
def test_no_time_is_as_short_as_that(name: str, size: float) -> None:
    """A hold time may be none at all, and what is kept may be kept for no time."""
    found = reading(**{name: repr(size)})
    if "_HOLD" in name or "_CLEAR" in name:
        assert found.faults == ()
    else:
        assert found.settings is None
        assert len(found.faults) == 1
        assert found.faults[0].startswith(f"{name}=")


@given(name=st.sampled_from(sorted(set(NUMBERS) - WITHOUT_BOUND)), data=st.data())
def test_a_number_far_from_its_default_is_never_taken_silently(
    name: str, data: st.DataObject
) -> None:
    least, most = usual_of(NUMBERS[name])
    is_whole = isinstance(NUMBERS[name].default, int) or unit_of(NUMBERS[name]) == ""
    ways = []
    if least is not None and (not is_whole or least > 1):
        ways.append(least / data.draw(st.floats(1.01, 1e6)))
    if most is not None:
        ways.append(1 + most * data.draw(st.floats(1.01, 1e6)))
    for value in ways:
        text = str(int(value)) if is_whole else repr(value)
        found = reading(**{name: text})
        assert told(found, name), f"{name}={text} is taken silently"


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - WITHOUT_BOUND))
def test_every_number_has_a_bound_beyond_which_something_is_said(name: str) -> None:
    assert usual_of(NUMBERS[name]) != (None, None)


@given(name=st.sampled_from(sorted(NUMBERS)), factor=st.floats(0.1, 10))
def test_a_number_near_its_default_is_taken_silently(name: str, factor: float) -> None:
    default = NUMBERS[name].default
    if default is None or name in ("PORT", "VATSIM_POLL_INTERVAL", "VATWATCH_ALERT_FEED_AGE"):
        return  # they have no default, or hang together with others
    value = default * factor
    if isinstance(default, int):
        value = max(1, int(value))
    found = reading(**{name: repr(value), "VATSIM_API_URL": "http://127.0.0.1:1/"})
    assert [line for line in told(found, name) if "hardly ever" in line] == [] or (
        # A shorter one is meant by nobody, though it is near the default.
        value < (usual_of(NUMBERS[name])[0] or 0)
    )


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a", "ab", "1234", "aaaaaaaaaaaaaaaaaaaa", "changeme", "CHANGE-ME",
                                 "<your-api-key>", "your_key_here"])  # fmt: skip
def test_an_invalid_key_is_refused_without_being_shown(key: str) -> None:
    found = reading(VATWATCH_API_KEYS=f"a-good-key-of-many-letters,{key}")
    (fault,) = found.faults
    assert "number 2 is too easy to guess" in fault
    assert len(key) < 5 or key not in fault.replace("such as changeme", "")


@pytest.mark.parametrize(
    "key",
    [
        "chaos",
        "password",
        "Passw0rd2026",
        "vatwatch-api-key",
        "0123456789012345",
        "abcdefghijklmnopq",
        "passwordpassword",
        "abababababababab",
        "admin-admin-admin-1",
    ],
)
def test_a_key_that_can_be_guessed_is_taken_with_a_warning(key: str) -> None:
    found = reading(VATWATCH_API_KEYS=f"a-good-key-of-many-letters,{key}")
    assert found.faults == ()
    (warning,) = found.warnings
    assert "number 2 can be guessed" in warning
    assert f" {key}" not in warning


@given(st.binary(min_size=16, max_size=32))
def test_a_key_made_by_openssl_is_accepted_silently(random: bytes) -> None:
    key = random.hex()
    if len(set(key)) >= 5 and set(key) & set(string.ascii_letters):
        assert not is_guessable_key(key)


@given(
    st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=GOOD_KEY_CHARS - 1)
)
def test_a_short_key_is_never_taken_silently(key: str) -> None:
    assert is_worthless_key(key) or is_guessable_key(key)


# --- who is let in --------------------------------------------------------------------------------


@given(bits=st.integers(0, 32), address=st.ip_addresses(v=4))
def test_proxies_in_half_of_the_internet_are_taken_with_a_warning(
    bits: int, address: object
) -> None:
    network = str(ip_network(f"{address}/{bits}", strict=False))
    found = reading(VATWATCH_TRUSTED_PROXIES=network)
    assert found.faults == ()
    assert bool(told(found, "VATWATCH_TRUSTED_PROXIES")) is (bits < 8)


@pytest.mark.parametrize(
    ("given_networks", "is_told"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("10.0.0.0/8,::/1", True),
        ("0.0.0.0/1,128.0.0.0/1", True),
        ("10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.1,::1,fd00::/8", False),
    ],
)
def test_trusting_every_address_as_a_proxy_causes_a_warning(
    given_networks: str, is_told: bool
) -> None:
    assert bool(reading(VATWATCH_TRUSTED_PROXIES=given_networks).warnings) is is_told


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"VATWATCH_FAULTS": "on"}, "VATWATCH_FAULTS"),
        ({"VATWATCH_READ_RATE": "1/day"}, "VATWATCH_READ_RATE"),
        ({"VATWATCH_ALERT_FEED_AGE": "10"}, "VATWATCH_ALERT_FEED_AGE"),
        ({"REDIS_URL": "redis://h", "CACHE_TTL_ATC_DATA": "5"}, "CACHE_TTL_ATC_DATA"),
        ({"REDIS_URL": "redis://h", "CACHE_TTL_FLIGHT_DATA": "14"}, "CACHE_TTL_FLIGHT_DATA"),
        ({"VATWATCH_MEMORY_HARD_MB": "900000000"}, "VATWATCH_MEMORY_HARD_MB"),
        ({"VATWATCH_DISK_SOFT_MB": "900000000"}, "VATWATCH_DISK_SOFT_MB"),
        ({"VATWATCH_FILTER_MIN_RATING": "99"}, "VATWATCH_FILTER_MIN_RATING"),
        ({"DATABASE_LOCK_URL": "postgresql://me@db/v"}, "DATABASE_LOCK_URL"),
    ],
)
def test_a_dangerous_or_useless_setting_is_accepted_with_one_warning(
    environment: dict[str, str], named: str
) -> None:
    found = reading(**environment)
    assert found.faults == ()
    (warning,) = found.warnings
    assert warning.startswith(named)


def test_no_warning_shows_a_secret() -> None:
    secrets = {name for _, name, (_, field) in fields() if is_secret(field)}
    assert "VATWATCH_API_KEYS" in secrets
    found = reading(VATWATCH_API_KEYS="hunter22")
    assert found.warnings
    assert "hunter22" not in " ".join(found.warnings)
