"""Settings: subscriptions of users, and how they are told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from vatwatch.config import access
from vatwatch.config.section import Section, TextList, setting


class SubscriptionSettings(Section):
    """Who may want to be told of what, and how long it is remembered."""

    limit: PositiveInt = setting(
        "VATWATCH_SUBSCRIPTION_LIMIT",
        100,
        "How many subscriptions one key may have. Each is judged at each snapshot.",
        reload=True,
        le=10_000,
    )
    hosts: TextList = setting(
        "VATWATCH_SUBSCRIPTION_HOSTS",
        ("*",),
        "Hosts that users may have messages sent to, with * and ? in their names, separated by "
        "commas. What is not public needs VATWATCH_SUBSCRIPTION_NETWORKS in any case.",
        reload=True,
    )
    networks: Annotated[TextList, AfterValidator(access.networks)] = setting(
        "VATWATCH_SUBSCRIPTION_NETWORKS",
        (),
        "Addresses or networks that are not public, such as 10.1.0.0/16, and that users may have "
        "messages sent to all the same. Whoever has a key can then reach what is in them.",
        reload=True,
    )
    timeout_s: PositiveFloat = setting(
        "VATWATCH_SUBSCRIPTION_TIMEOUT",
        10.0,
        "How long the server of a user may take to answer.",
        unit="s",
        reload=True,
    )
    deliver_within_s: PositiveFloat = setting(
        "VATWATCH_SUBSCRIPTION_DELIVER_WITHIN",
        3600.0,
        "How long one message is tried again while its target does not take it.",
        unit="s",
        reload=True,
    )
    retention_hours: float = setting(
        "VATWATCH_SUBSCRIPTION_RETENTION_HOURS",
        720.0,
        "How long the table keeps messages that are done. Two days at least: as long as there is a "
        "row, its occasion is not told again, and a flight may go on after a day.",
        unit="h",
        reload=True,
        ge=48,
    )
