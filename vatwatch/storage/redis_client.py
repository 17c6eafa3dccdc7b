"""Makes every client of Redis: of one server, or of the master that sentinels name.

Nothing is retried, and each wait has the client's timeout. A client of sentinels asks them whenever
it connects, all of them within one such timeout. A connection to a master that has become a replica
counts as lost. So does each one to a master that was replaced, which may not know that for ten
seconds: every two seconds one client of this process asks a sentinel, and what it hears all of them
know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeAlias, cast

from redis import ConnectionPool, Redis, exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from vatwatch.config import sentinels
from vatwatch.config.sentinels import SentinelAddress

# Seconds until a sentinel is asked again, and if one gave no answer.
ASK_S = 2.0
ASK_ANOTHER_S = 10.0

# What INFO says of a server's replication, by name.
Replication: TypeAlias = dict[str, str]
Noted: TypeAlias = Callable[[Replication], None]


@dataclass(slots=True)
class KnownMaster:
    """Where the master of a service is, as any client of this process was told last."""

    epoch: int = 0
    """Rises with each fail-over."""
    address: tuple[str, int] | None = None
    ask_at: float = 0.0
    """When a sentinel is asked again, although nothing is wrong (`time.monotonic`)."""


_masters: defaultdict[str, KnownMaster] = defaultdict(KnownMaster)


class NoMaster(exceptions.ConnectionError):
    """The sentinels name no master that can be used. Its text goes on after `Redis`, and quotes
    nothing of the address."""


def redis_client(url: str, timeout_s: float, noted: Noted | None = None) -> Redis:
    """A client with connections of its own, which `close` gives back.

    Args:
        url: a valid REDIS_URL
        timeout_s: of each wait for the server, if the address does not say another
        noted: called at each new connection with what the server says of its replication; with
            nothing if it may not be asked
    """
    return Redis.from_pool(redis_pool(url, timeout_s, noted))


def redis_pool(url: str, timeout_s: float, noted: Noted | None = None) -> ConnectionPool:
    """The same, as connections alone."""
    options = _options(timeout_s)
    address = sentinels.read(url)
    if address is not None:
        return MasterPool(address, timeout_s, noted)
    if noted is not None:
        options["redis_connect_func"] = lambda connection: noted(_greet(connection))
    return ConnectionPool.from_url(url, **options)


def server_of(pool: ConnectionPool) -> str:
    """Where its server is, as host and port, or the path of its socket; empty while sentinels have
    not named one."""
    if isinstance(pool, MasterPool):
        address = pool.master_address
        return "" if address is None else _at(*address)
    where = pool.connection_kwargs
    # For what the address does not say, redis-py shows only its own defaults.
    return str(where.get("path") or _at(where.get("host", "localhost"), where.get("port", 6379)))


def sentinels_of(address: SentinelAddress, timeout_s: float) -> Sentinels:
    """Those that the address names. All are asked within one such timeout."""
    options = {**_options(timeout_s), **_options_in(address)}
    theirs = {
        name: value
        for name, value in options.items()
        if name.startswith(("socket_", "ssl")) or name in ("retry", "protocol")
    }
    for name in ("username", "password"):
        theirs[name] = options.get(f"sentinel_{name}")
    for name in ("socket_timeout", "socket_connect_timeout"):
        theirs[name] = options[name] / len(address.sentinels)
    return Sentinels(address, theirs)


class Sentinels(Sentinel):
    """Those of one service, the one that answered last first."""

    def __init__(self, address: SentinelAddress, options: dict[str, Any]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            [(host, int(port)) for host, port in address.sentinels],
            sentinel_kwargs=options,
        )
        self._service = address.service
        self.known = _masters[f"{address.hosts}/{address.service}"]

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Where the master is. Raises NoMaster.

        One that has not heard of the latest fail-over is believed if there is no other one: all may
        have been made anew, and count from the beginning.
        """
        why = "cannot be found: none of its sentinels answers"
        older: KnownMaster | None = None
        for sentinel in [*self.sentinels]:
            try:
                state = cast("dict[str, Any]", sentinel.sentinel_master(service_name))
            except (exceptions.AuthenticationError, exceptions.NoPermissionError):
                why = (
                    "cannot be found: its sentinels do not let vatwatch in. Set "
                    "sentinel_password, and sentinel_username for a named user, in REDIS_URL"
                )
            except (exceptions.ConnectionError, exceptions.TimeoutError):
                pass
            except exceptions.ResponseError:
                why = f"cannot be found: its sentinels know no service {service_name}"
            else:
                named = _named(state)
                if not self.is_usable(state):
                    why = "has no master at this time, say its sentinels"
                elif named.epoch >= self.known.epoch:
                    self._prefer(sentinel)
                    return self._learn(named)
                elif older is None or named.epoch > older.epoch:
                    older = named
            finally:
                # It is asked again when a connection is lost, and then this one would be, too.
                sentinel.connection_pool.disconnect(inuse_connections=False)
        if older is None:
            raise NoMaster(why)
        return self._learn(older)

    def look(self) -> None:
        """Ask one of them from time to time whether the master was replaced. Whether it answers
        does not matter, and says nothing of Redis."""
        now = monotonic()
        if now < self.known.ask_at:
            return
        self.known.ask_at = now + ASK_ANOTHER_S  # and nobody else does meanwhile
        sentinel = self.sentinels[0]
        try:
            state = cast("dict[str, Any]", sentinel.sentinel_master(self._service))
        except exceptions.RedisError:
            if sentinel is self.sentinels[0]:
                self.doubt()
            return
        finally:
            sentinel.connection_pool.disconnect(inuse_connections=False)
        named = _named(state)
        if self.is_usable(state) and named.epoch >= self.known.epoch:
            self._learn(named)
        else:
            self.known.ask_at = now + ASK_S

    def is_usable(self, master: dict[str, Any]) -> bool:
        """Whether a sentinel that says this of a master has no doubts about it."""
        return bool(self.check_master_state(master, ""))  # type: ignore[no-untyped-call]

    def doubt(self) -> None:
        """The one that answered last is not up to date: ask the others first."""
        self.sentinels.append(self.sentinels.pop(0))

    def _learn(self, named: KnownMaster) -> tuple[str, int]:
        assert named.address is not None
        self.known.epoch, self.known.address = named.epoch, named.address
        self.known.ask_at = monotonic() + ASK_S
        return named.address

    def _prefer(self, sentinel: Redis) -> None:
        self.sentinels.remove(sentinel)
        self.sentinels.insert(0, sentinel)


class MasterPool(SentinelConnectionPool):
    """Connections to the master that sentinels name."""

    def __init__(self, address: SentinelAddress, timeout_s: float, noted: Noted | None) -> None:
        options = {**_options(timeout_s), **_options_in(address)}
        for name in sentinels.PARAMETERS:
            options.pop(name, None)
        self._noted = noted
        self._sentinels = sentinels_of(address, timeout_s)
        super().__init__(  # type: ignore[no-untyped-call]
            address.service, self._sentinels, redis_connect_func=self._connected, **options
        )

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """One to the latest master that is known."""
        if self.master_address is not None:  # else it asks by itself
            self._sentinels.look()
            if self._sentinels.known.address != self.master_address:
                self.disconnect(inuse_connections=False)
        return super().get_connection(*args, **options)

    def _connected(self, connection: Connection) -> None:
        replication = _greet(connection)
        if replication.get("role", "master") != "master":
            self._sentinels.doubt()
            raise NoMaster("has a master that its sentinels do not know yet")
        if self._noted is not None:
            self._noted(replication)


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # With redis-py's defaults, one call to a server that is away takes four seconds of retries.
        "retry": Retry(NoBackoff(), 0),
    }


def _options_in(address: SentinelAddress) -> dict[str, Any]:
    """What the address itself says, which comes first, as redis-py reads it."""
    options: dict[str, Any] = parse_url(address.of_a_server)  # type: ignore[no-untyped-call]
    del options["host"]
    options["ssl"] = options.pop("connection_class", None) is not None
    return options


def _named(state: dict[str, Any]) -> KnownMaster:
    return KnownMaster(int(state.get("config-epoch", 0)), (str(state["ip"]), int(state["port"])))


def _greet(connection: Connection) -> Replication:
    """Log in, and ask the server what it is."""
    connection.on_connect()  # type: ignore[no-untyped-call]
    connection.send_command("INFO", "replication")  # type: ignore[no-untyped-call]
    try:
        answer = connection.read_response()
    except exceptions.ResponseError:  # it may not be asked
        return {}
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value for name, _, value in pairs if value}


def _at(host: object, port: object) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
