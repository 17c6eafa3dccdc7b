"""The second line of defence: a known secret does not get through, however it is written."""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.access.api_keys import make_key
from vatwatch.access.scopes import Scope
from vatwatch.redaction import MASK, RedactingStream, Redactor, hide, redact, shown_address

FIRST, SECOND = "Qx7Jmark", "vZ9Kpart"
HOSTILE = st.text(st.sampled_from(list("%@/:#?&= \"'\\\n\t[],;+!ä€😀0aF")), max_size=6)

WRITTEN: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "in a sentence": lambda secret: f'invalid token: "{secret}", sorry',
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded path": quote,
    "form-encoded": quote_plus,
    "repr": repr,
    "repr of an error": lambda secret: repr(ValueError(f"no: {secret}")),
    "bytes": lambda secret: repr(secret.encode()),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda secret: json.dumps({"message": secret}, ensure_ascii=False),
    "Basic authentication": lambda secret: base64.b64encode(f"me:{secret}".encode()).decode(),
    "base64 of the whole": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
}


@given(
    how=st.sampled_from(sorted(WRITTEN)),
    before=HOSTILE,
    between=HOSTILE,
    after=HOSTILE,
)
def test_no_known_secret_gets_through_however_it_is_written(
    how: str, before: str, between: str, after: str
) -> None:
    secret = f"{before}{FIRST}{between}{SECOND}{after}"
    written = WRITTEN[how](secret)
    redacted = Redactor([secret]).redact(f"text before {written} and after")
    assert FIRST not in redacted
    assert SECOND not in redacted
    for text in (secret, f"me:{secret}"):
        assert base64.b64encode(text.encode()).decode() not in redacted
    assert redacted.startswith("text before ")
    assert redacted.endswith(" and after")


@given(cut=st.sampled_from("@/:%#?&"), before=HOSTILE, after=HOSTILE)
def test_no_piece_gets_through_that_a_parser_cuts_at_a_special_character(
    cut: str, before: str, after: str
) -> None:
    redactor = Redactor([f"{before}{FIRST}{cut}{SECOND}{after}"])
    assert FIRST not in redactor.redact(f'could not translate host name "{before}{FIRST}" to')
    assert SECOND not in redactor.redact(f'invalid integer value "{SECOND}{after}@127.0.0.1:5432"')


def test_a_password_that_is_an_ordinary_word_leaves_the_text_readable() -> None:
    text = "vatwatch/data/store: the database is not to be reached (postgres)"
    assert Redactor(["vatwatch", "postgres", "store", "abc", ""]).redact(text) == text
    assert Redactor(["base7"]).redact("base77 abase7") == "base77 abase7"


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    for url, shown in {
        "https://me:x@mirror.org:8443/v3/data.json?token=y#z": (
            "https://mirror.org:8443/v3/data.json?***"
        ),
        "https://mirror.org/v3/data.json": "https://mirror.org/v3/data.json",
        "http://me:x@[::1]:8002/v3": "http://[::1]:8002/v3",
        "https://12/x@mirror.org/v3": "https://12/***",
        "https://me:x@[mirror": MASK,
        "me:x@mirror": MASK,
    }.items():
        assert shown_address(url) == shown


@pytest.fixture
def known_secret() -> str:
    secret = "pq%8T@hide/me:9"
    hide([secret])
    return secret


def test_nothing_that_is_logged_has_a_secret_in_it(known_secret: str) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(RedactingStream(written))
    log = logging.Logger("of this test")
    log.addHandler(handler)
    failure = RuntimeError("no")
    failure.__cause__ = ValueError(known_secret)
    log.error("failed with %s", known_secret, exc_info=failure)
    log.warning("%r", {"password": known_secret})
    traceback.print_exception(ValueError(known_secret), file=RedactingStream(written))
    assert "failed with ***" in written.getvalue()
    assert "hide" not in written.getvalue()
    assert redact(f"x {known_secret} y") == "x *** y"


def test_an_api_key_is_shown_by_its_start_alone_though_no_setting_has_it() -> None:
    new = make_key("bot", {Scope.READ}, datetime(2026, 11, 27, tzinfo=UTC))
    for text in (new.text, f"GET /api/{new.text}/x?y=({new.text})", f"'{new.text}'\n"):
        assert redact(text) == text.replace(new.text, f"{new.record.prefix}_{MASK}")
    assert redact(new.record.prefix) == new.record.prefix
