"""What all endpoints share: the tree, settings, rates, access rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socket import gethostname
from typing import Any, ClassVar, TypeVar

import falcon
import msgspec

from vatwatch.cluster.node import ClusterNode, ClusterRole, this_process
from vatwatch.config.access import AccessSettings
from vatwatch.config.settings import Settings
from vatwatch.config.web import STREAM_CLIENTS, STREAM_CLIENTS_PER_ADDRESS
from vatwatch.errors import TooManyQuestions
from vatwatch.http.access import Scopes, WriteAuthorization
from vatwatch.http.connection import asker_is_gone
from vatwatch.http.params import Declared
from vatwatch.http.rates import RateLimit
from vatwatch.live.live_table import LiveTable
from vatwatch.logs.context import current_request_id
from vatwatch.messages import GetLive, GetReports, NodesView, Reports
from vatwatch.monitoring.health import Health
from vatwatch.supervision import Ask, Recovery, Remedy, Tree, give_way

R = TypeVar("R")

# A person is waiting. This is longer than a healthy service ever takes.
ASK_TIMEOUT_S = 5.0
# What errors of the endpoints have as their service.
HTTP = "http"


@dataclass(slots=True)
class AppContext:
    """The service of this process, for the endpoints. `use` applies changed settings."""

    tree: Tree
    started_at: datetime
    authorization: WriteAuthorization
    faults_allowed: bool = False
    read_rate: RateLimit | None = None
    """How often one client may ask; None: no limit."""
    key_rate: RateLimit | None = None
    """How often one key may ask; None: no limit."""
    public_reads: bool = True
    """Whether reading needs no key."""
    keeps_errors: bool = True
    """Whether the error manager is on (ERROR_MANAGER_ENABLED)."""
    cors_origins: tuple[str, ...] | None = ("*",)
    """Origins whose pages may read in a browser; `*` alone: all; None: only our own."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For is trusted."""
    redis_url: str = ""
    """Where tries to log in are counted; empty: in this process."""
    stream_clients: int = STREAM_CLIENTS
    """How many clients may follow the stream at once."""
    stream_clients_per_address: int = STREAM_CLIENTS_PER_ADDRESS
    """How many of them one address, or one key, may have."""
    node: str = field(default_factory=gethostname)
    """The name of this node among others."""
    ask_timeout_s: float = ASK_TIMEOUT_S
    on_change: list[Callable[[AccessSettings], None]] = field(default_factory=list)
    """Called when the settings change, to update what was made from the old ones."""
    on_stop: list[Callable[[], None]] = field(default_factory=list)
    """Called when the service is told to stop, to end what would not end by itself."""

    @property
    def uptime_s(self) -> float:
        """Seconds since the start of the service, to a tenth."""
        return round((datetime.now(UTC) - self.started_at).total_seconds(), 1)

    def stop(self) -> None:
        """The service has been told to stop."""
        for end in self.on_stop:
            end()

    def use(self, settings: Settings) -> None:
        """Use these settings from now on: keys, rates, origins, proxies, and whether faults are
        allowed."""
        access = settings.access
        self.faults_allowed = access.faults
        self.authorization.change(access)
        for change in self.on_change:
            change(access)

    def ask(self, name: str, message: Ask[R], *, timeout_s: float | None = None) -> R:
        """Ask an actor. Its errors become problem documents (`problems`).

        Raises:
            TooManyQuestions: the actor's public lane is full; the client gets 503 at once
        """
        try:
            return self.tree.directory.address(name).ask(
                message,
                timeout_s=self.ask_timeout_s if timeout_s is None else timeout_s,
                public=True,
                asker_is_gone=asker_is_gone(),
            )
        except TooManyQuestions:
            # A client that asks in a loop must not block the hub for the actors that answer.
            give_way()
            raise

    def live(self) -> LiveTable | None:
        """The live state; None while nothing is known. It is read as the cache shares it; a cache
        that shares none, such as one that starts, is asked.

        Raises:
            SupervisionError: the cache does not run, or does not answer
        """
        table = self.tree.directory.address("cache").shared(LiveTable)
        return self.ask("cache", GetLive()) if table is None else table

    def nodes(self) -> NodesView:
        """This node, and the others if there are any. Never waits."""
        shared = self.tree.directory.address("nodes").shared(NodesView)
        return NodesView(self.own_node()) if shared is None else shared

    def own_node(self) -> ClusterNode:
        """This process, as the only node there is: it collects."""
        return this_process(
            self.node,
            role=ClusterRole.COLLECTOR,
            started_at=self.started_at,
            now=datetime.now(UTC),
            health=Health.HEALTHY,
        )

    def reports(self) -> Reports:
        """The reports of all services. Raises SupervisionError if the health monitor does not
        answer."""
        return self.ask("health_monitor", GetReports())

    def recovery(self, operation: str, *remedies: Remedy) -> Recovery:
        """Declare what is done about failures of an operation.

        The error manager is told of them, with the request's id as correlation id.
        """
        return Recovery(HTTP, operation, remedies, self.tree.observers.notify, current_request_id)


def send_json(resp: falcon.Response, body: object) -> None:
    """Set the answer to `body`, as JSON."""
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(body)


class BaseResource:
    """The base of all endpoints: HEAD answers as GET, without a body (RFC 9110, 9.3.2).

    `parameters` declares the parameters of each method; others are refused with 400. `scopes`
    declares the scope of a key that each method needs.
    """

    parameters: ClassVar[Declared] = {}
    scopes: ClassVar[Scopes] = {}
    takes_any_parameter: ClassVar[bool] = False
    """Whether its parameters are not for the service: a page reads its own by a script."""
    on_get: Callable[..., None]
    on_head: ClassVar[Callable[..., None] | None]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give it HEAD if it has GET and no own one; otherwise Falcon answers HEAD with 405."""
        super().__init_subclass__(**kwargs)
        if "on_head" not in vars(cls):
            cls.on_head = _head if hasattr(cls, "on_get") else None


def _head(
    resource: BaseResource, req: falcon.Request, resp: falcon.Response, **params: Any
) -> None:
    """The headers of what GET would answer; Falcon leaves out the body."""
    resource.on_get(req, resp, **params)
