"""API keys: what is kept of one, when it may be used, and what it may be used for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from msgspec.structs import asdict, replace

from vatwatch.access.api_keys import (
    MOST_NAME_CHARS,
    fault_of_name,
    find_by_words,
    hash_of,
    looks_like_a_key,
    make_key,
)
from vatwatch.access.caller import caller_of, caller_of_settings
from vatwatch.access.scopes import ABOUT, Scope, allows

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_nothing_of_a_key_is_kept_that_leads_back_to_it() -> None:
    new = make_key("bot", {Scope.READ}, NOON)
    assert new.record.hash == sha256(new.text.encode()).hexdigest() == hash_of(new.text)
    assert new.text.startswith(f"{new.record.prefix}_")
    secret = new.text.removeprefix(f"{new.record.prefix}_")
    assert len(secret) == 43  # 256 bits, six in a character
    assert not any(secret in str(value) for value in asdict(new.record).values())


def test_each_key_is_another_and_looks_like_one() -> None:
    made = [make_key("bot", {Scope.READ}, NOON) for _ in range(100)]
    assert len({new.text for new in made} | {str(new.record.id) for new in made}) == 200
    assert all(looks_like_a_key(new.text) for new in made)


@pytest.mark.parametrize(
    "change",
    [str.upper, lambda text: text[:-1], lambda text: text + "A", lambda text: f" {text}",
     lambda text: f"{text}\n", lambda _: "", lambda _: "vw_", lambda text: text.replace("_", "é")],
)  # fmt: skip
def test_another_form_is_no_key(change: object) -> None:
    assert callable(change)
    assert not looks_like_a_key(change(make_key("bot", {Scope.READ}, NOON).text))


def test_a_key_is_usable_until_it_expires_or_is_revoked() -> None:
    key = make_key("bot", {Scope.READ}, NOON, NOON + HOUR).record
    assert key.is_usable(NOON)
    assert key.is_usable(NOON + HOUR - timedelta.resolution)
    assert not key.is_usable(NOON + HOUR)
    assert not key.revoked(NOON).is_usable(NOON)
    assert replace(key, expires_at=None).is_usable(NOON + timedelta(days=36_500))
    # When it was revoked first is what counts.
    assert key.revoked(NOON).revoked(NOON + HOUR).revoked_at == NOON


@pytest.mark.parametrize("needed", Scope)
@pytest.mark.parametrize("held", Scope)
def test_a_scope_is_enough_for_itself_and_admin_for_all(held: Scope, needed: Scope) -> None:
    assert allows({held}, needed) == (held is needed or held is Scope.ADMIN)
    assert not allows((), needed)


def test_scopes_are_told_in_their_order_each_once_and_what_each_is_for() -> None:
    key = make_key("bot", [Scope.EVENTS, Scope.READ, Scope.EVENTS], NOON).record
    assert key.scopes == (Scope.READ, Scope.EVENTS)
    assert set(ABOUT) == set(Scope)


def test_a_caller_is_named_without_the_key() -> None:
    new = make_key("bot", {Scope.READ}, NOON)
    caller = caller_of(new.record)
    assert (caller.who, caller.name, caller.key_id) == (new.record.prefix, "bot", new.record.id)
    assert caller.scopes == {Scope.READ}
    assert caller_of_settings("3f2a9c11").scopes == set(Scope)


def test_a_person_names_a_key_by_id_prefix_or_name_or_as_a_whole() -> None:
    made = [make_key(name, {Scope.READ}, NOON) for name in ("a", "b", "b")]
    keys = [new.record for new in made]
    assert find_by_words(keys, made[2].text) == [keys[2]]
    assert find_by_words(keys, str(keys[0].id)) == [keys[0]]
    assert find_by_words(keys, keys[1].prefix) == [keys[1]]
    assert find_by_words(keys, "a") == [keys[0]]
    assert find_by_words(keys, "b") == keys[1:]
    assert find_by_words(keys, "c") == []


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "\x1b[31m", "a" * (MOST_NAME_CHARS + 1), "\ud800"]
)
def test_a_name_that_nobody_can_read_is_refused(name: str) -> None:
    assert "printable" in fault_of_name(name)
    assert fault_of_name("Roster bot, ZÜRICH ✈") == ""
