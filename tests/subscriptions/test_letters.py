"""Messages as targets get them: signed, by the user's template, in Discord's form."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.traffic.build import START, at
from vatwatch.subscriptions.letters import (
    NAMES,
    discord_body,
    discord_url,
    fault_of_webhook,
    filled,
    key_of,
    webhook_body,
    webhook_headers,
)
from vatwatch.subscriptions.occasions import Occasion
from vatwatch.subscriptions.records import (
    DiscordTarget,
    StreamTarget,
    UserSubscription,
    WebhookTarget,
)
from vatwatch.subscriptions.watches import PositionWatch

SECRET = f"whsec_{b64encode(b'x' * 32).decode()}"
HOOK = WebhookTarget("https://example.org/x", SECRET)
OCCASION = Occasion(
    UUID(int=1),
    UUID(int=2),
    "began",
    "atc",
    "EDDF_TWR",
    "77",
    at(15),
    "EDDF_TWR is online on 119.900.",
    {"cid": 100, "frequency": "119.900", "latitude": None},
)
SUBSCRIPTION = UserSubscription(
    UUID(int=3), "vw_1", 'Frank"furt', PositionWatch("EDDF_*"), StreamTarget(),
    True, False, None, START, START,
)  # fmt: skip


def test_the_signature_is_that_of_standard_webhooks() -> None:
    body = webhook_body(SUBSCRIPTION, HOOK, OCCASION)
    headers = webhook_headers(HOOK, OCCASION, body, START)
    version, _, given_signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert b64decode(given_signature) == hmac.digest(b"x" * 32, signed, "sha256")
    assert headers["webhook-id"] == str(OCCASION.id)
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))


def test_a_secret_may_be_any_text() -> None:
    assert key_of("a secret of ours") == b"a secret of ours"
    assert key_of("whsec_not base64") == b"whsec_not base64"


def test_the_body_without_a_template_has_all_that_is_known() -> None:
    body = json.loads(webhook_body(SUBSCRIPTION, HOOK, OCCASION))
    assert body["subscription"] == {"id": str(UUID(int=3)), "name": 'Frank"furt'}
    assert body["facts"] == {"cid": 100, "frequency": "119.900", "latitude": None}
    assert (body["event"], body["text"]) == ("began", "EDDF_TWR is online on 119.900.")


def test_a_template_is_filled_so_that_json_stays_json() -> None:
    template = '{"content": "{{subscription}}: {{ text }}", "cid": {{cid}}, "x": "{{latitude}}"}'
    body = json.loads(webhook_body(SUBSCRIPTION, replace(HOOK, template=template), OCCASION))
    assert body == {
        "content": 'Frank"furt: EDDF_TWR is online on 119.900.',
        "cid": 100,
        "x": "",
    }


@given(st.text(), st.sampled_from(NAMES))
def test_whatever_a_value_is_it_stays_within_its_text(value: str, name: str) -> None:
    text = filled(f'{{"a": "{{{{{name}}}}}"}}', {name: value.encode(errors="replace").decode()})
    assert json.loads(text) == {"a": value.encode(errors="replace").decode()}


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (replace(HOOK, template="{{txet}}"), "template"),
        (replace(HOOK, headers={"Host": "evil.net"}), "headers"),
        (replace(HOOK, headers={"webhook-Id": "1"}), "headers"),
        (replace(HOOK, headers={f"X-{n}": "1" for n in range(21)}), "headers"),
    ],
)
def test_what_would_break_a_webhook_is_refused(target: WebhookTarget, field: str) -> None:
    found = fault_of_webhook(target)
    assert found is not None
    assert found[0] == field
    good = replace(HOOK, headers={"Authorization": "Bearer x"}, template="{{text}}")
    assert fault_of_webhook(good) is None


def discord(occasion: Occasion, mention: str = "", began: Occasion | None = None) -> Any:
    target = DiscordTarget("https://discord.com/api/webhooks/1/x", mention)
    return json.loads(discord_body(SUBSCRIPTION, target, occasion, began))


def test_discord_is_told_in_an_embed_and_nobody_is_mentioned_by_accident() -> None:
    body = discord(replace(OCCASION, text="@everyone"))
    assert body["allowed_mentions"] == {"parse": []}
    assert body["embeds"][0]["description"] == "@everyone"
    assert {f["name"]: f["value"] for f in body["embeds"][0]["fields"]} == {
        "frequency": "119.900",
        "cid": "100",
    }
    role = discord(OCCASION, "<@&123>")
    assert (role["content"], role["allowed_mentions"]["roles"]) == ("<@&123>", ["123"])


def test_an_edit_says_the_end_and_keeps_the_facts() -> None:
    ended = replace(OCCASION, event="ended", text="EDDF_TWR is no longer online.", facts={})
    body = discord(ended, "<@123>", OCCASION)
    assert body["embeds"][0]["description"] == "EDDF_TWR is no longer online."
    assert body["embeds"][0]["fields"] == discord(OCCASION)["embeds"][0]["fields"]
    assert "content" not in body


def test_the_addresses_of_discord_keep_their_query() -> None:
    url = "https://discord.com/api/webhooks/1/x?thread_id=5"
    assert discord_url(url) == f"{url}&wait=true"
    assert discord_url(url, "99") == "https://discord.com/api/webhooks/1/x/messages/99?thread_id=5"
