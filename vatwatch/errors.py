"""Every error that vatwatch raises.

VatwatchError
├── ConfigurationError          a setting is missing or wrong: fix it and start again
│   └── HomeTaken               another process has VATWATCH_HOME (`.by_node`)
├── FeedError                   what the network sent cannot be used
│   ├── FeedEmpty               200 and no body: the data server is just restarting
│   ├── FeedNotJson             HTML or anything else that is not JSON
│   ├── FeedTruncated           JSON that ends too early
│   ├── FeedMalformed           JSON, but not the feed's shape
│   │   └── FeedTimeInvalid     its update_timestamp is not a time, or not one of the network's
│   ├── FeedClockDoubted        its update_timestamp is not the next one of the clock we follow
│   └── RecordsUnreadable       single records of a feed, which is used without them
├── FetchError                  the network did not answer as it should
│   ├── FetchTimeout            no answer, or a drip too slow, within the poll's budget
│   ├── FetchStatus             an HTTP status other than success (`.status`)
│   ├── FetchTooLarge           a body over the limit
│   ├── FetchRedirected         a loop, too many redirects, or one to where nobody can be asked
│   ├── FetchUndecodable        a body in an encoding that cannot be read
│   └── FetchUnreachable        no connection, a name that does not resolve, no HTTP
├── JournalError                the journal cannot do what was asked
│   ├── JournalFull             the bound is reached by snapshots that wait for the database
│   ├── JournalCorrupt          an entry fails its checksum, or cannot be read
│   └── JournalInUse            another process holds the directory
├── SnapshotQuarantined         a snapshot made its readers fail too often, and is quarantined
├── StorageError                the database cannot do what was asked
│   ├── DatabaseUnavailable     weather: PostgreSQL is away, stops, lacks resources, is too slow
│   │   ├── DatabaseConflict    another transaction was in the way: the same again may succeed
│   │   ├── SchemaRefused       another version of vatwatch has changed the database
│   │   ├── LockRefused         the way to the database lets nobody keep the collector's lock
│   │   └── NotCollector        another process collects by now
│   ├── DatabaseBroken          a bug: the schema or the program is wrong, not a snapshot
│   ├── EmbeddedPostgresError   the embedded cluster cannot be started
│   ├── BackupFailed            there is no backup
│   └── OutOfSequence           a batch was derived from another past than the database's
├── RedisUnavailable            weather: Redis is away, is full, or does not let us in
├── NodeUnreachable             another node of the cluster does not answer
├── WebhookError                a notification was not taken
│   ├── WebhookRefused          and will not be: the address or the body is wrong
│   ├── WebhookBusy             it asks us to send less often (`.retry_after_s`)
│   └── WebhookUnavailable      no answer, or not now (`.retry_after_s`)
├── SubscriptionRefused         a subscription cannot be had (`.field`, `.must`)
│   └── FirsUnknown             nobody can say yet which FIRs there are
├── EventRefused                an event does not fit its type's schema (`.reason`)
├── SupervisionError            the actor runtime cannot do what was asked
│   ├── ActorUnavailable        the actor is stopped, or did not come back in time
│   │   ├── ActorSuspended      it failed too often: its breaker is open (`.retry_in_s`)
│   │   └── ActorOnStandby      it is off on purpose, until it is wanted
│   ├── AskTimeout              no reply in time
│   ├── MailboxFull             the mailbox refuses, or did not drain in time
│   │   └── TooManyQuestions    more is asked from outside than is answered (`.retry_after_s`)
│   ├── StartFailed             a child could not be started
│   └── InjectedFault           somebody ordered this failure
└── BreakerOpen                 a breaker says: do not try now (`.retry_in_s`)
"""

from __future__ import annotations

import pykka


class VatwatchError(Exception):
    """The base of all errors that vatwatch raises."""


class ConfigurationError(VatwatchError):
    """A setting is missing or wrong; the text names all of them and what to do."""


class HomeTaken(ConfigurationError):
    """Another process has VATWATCH_HOME.

    `by_node`: it is one of several nodes, and others may have homes in it.
    """

    def __init__(self, text: str, *, by_node: bool) -> None:
        super().__init__(text)
        self.by_node = by_node


class FeedError(VatwatchError):
    """A body of the network is unusable."""


class FeedEmpty(FeedError):
    """The body is empty or white space."""


class FeedNotJson(FeedError):
    """The body is not JSON at all, e.g. an HTML page."""


class FeedTruncated(FeedError):
    """The body is JSON that ends too early."""


class FeedMalformed(FeedError):
    """The body is JSON, but not of the feed's shape."""


class FeedTimeInvalid(FeedMalformed):
    """Its `update_timestamp` is not a time, or outside the years of the network."""


class FeedClockDoubted(FeedError):
    """Its `update_timestamp` is too far ahead, or older than what is known: it is held."""


class RecordsUnreadable(FeedError):
    """Some records of a feed are unusable. The rest of the feed is used, so this is only
    reported."""


class FetchError(VatwatchError):
    """The network did not answer as it should."""


class FetchTimeout(FetchError):
    """No answer, or one that drips too slowly, within the poll's budget."""


class FetchStatus(FetchError):
    """An HTTP status other than success."""

    def __init__(self, status: int, url: str) -> None:
        super().__init__(f"HTTP {status} from {url}")
        self.status = status


class FetchTooLarge(FetchError):
    """The body is over the limit."""


class FetchRedirected(FetchError):
    """A redirect loop, too many redirects, or one that cannot be followed."""


class FetchUndecodable(FetchError):
    """The body is in an encoding that was not asked for, or is damaged in it."""


class FetchUnreachable(FetchError):
    """No connection, an address or a name that leads nowhere, or an answer that is not HTTP."""


class JournalError(VatwatchError):
    """The journal cannot do what was asked."""


class JournalFull(JournalError):
    """The bound is reached by snapshots that wait for the database."""


class JournalCorrupt(JournalError):
    """An entry fails its checksum or cannot be read whole."""


class JournalInUse(JournalError):
    """Another process holds the journal's directory."""


class SnapshotQuarantined(VatwatchError):
    """A snapshot made its readers fail too often; the text says which, why, and where it is now."""


class StorageError(VatwatchError):
    """The database cannot do what was asked."""


class DatabaseUnavailable(StorageError):
    """Weather: PostgreSQL cannot be reached, stops, lacks resources, or did not answer in time.

    The text is a sentence for operators, without a final stop and without secrets. The same work
    can be done later, unchanged.
    """


class DatabaseConflict(DatabaseUnavailable):
    """Another transaction was in the way (a deadlock, a lock); the same again may succeed."""


class DatabaseBroken(StorageError):
    """A bug: PostgreSQL cannot do what every snapshot asks of it (`.sqlstate`).

    A table or column is missing, a right was taken away, the cluster's files are damaged. No
    snapshot is to blame, so none is quarantined: the work waits until the fault is fixed.
    """

    def __init__(self, text: str, sqlstate: str) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


class SchemaRefused(DatabaseUnavailable):
    """The schema is newer than this version, or a change of it was edited: nothing can be written.

    Waiting does not help: the service ends with this text.
    """


class LockRefused(DatabaseUnavailable):
    """A lock that is taken on this way would be nobody's; the text says what to do."""


class NotCollector(DatabaseUnavailable):
    """Another process collects by now, so nothing of this one is written; no snapshot is to
    blame."""


class EmbeddedPostgresError(StorageError):
    """The embedded cluster cannot be started; the text says what to do."""


class BackupFailed(StorageError):
    """No backup was made. An existing file has not been touched."""


class OutOfSequence(StorageError):
    """A batch was derived from another state than the one in the database."""


class RedisUnavailable(VatwatchError):
    """Weather: Redis cannot be reached, takes nothing now, or does not let us in.

    The text is a sentence for operators, without a final stop and without secrets.
    """


class Superseded(VatwatchError):
    """What would be written to Redis is of a node whose time is over: another one has written."""

    def __init__(self, number: int) -> None:
        """`number`: under which that one writes; a higher one."""
        super().__init__(f"another node writes to Redis, under the number {number}")
        self.number = number


class NodeUnreachable(VatwatchError):
    """Another node of the cluster is not there, or gives no answer in time."""

    def __init__(self, text: str, *, taken: bool = False) -> None:
        """`taken`: it may have got the request, and may have done what that orders."""
        super().__init__(text)
        self.taken = taken


class WebhookError(VatwatchError):
    """A webhook did not accept a notification. Its address is not in the text, since it is a
    secret."""


class WebhookRefused(WebhookError):
    """The webhook will never accept it: the address or the body is wrong."""


class WebhookUnavailable(WebhookError):
    """The webhook did not answer in time, or says: not now."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class WebhookBusy(WebhookError):
    """The webhook asks us to send less often (429). It works, so its breaker does not count it."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class SubscriptionRefused(VatwatchError):
    """A subscription cannot be had: `field` of its watch is wrong, and `must` says what it must be.

    An empty field: it is not about one, and `must` is a whole sentence.
    """

    def __init__(self, field: str, must: str, did_you_mean: str | None = None) -> None:
        super().__init__(f"{field} {must}".strip())
        self.field = field
        self.must = must
        self.did_you_mean = did_you_mean


class FirsUnknown(SubscriptionRefused):
    """A subscription names a FIR, and which ones there are is not known yet."""


class EventRefused(VatwatchError):
    """An event does not fit its type's schema; the reason names the field."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class SupervisionError(VatwatchError):
    """The actor runtime cannot do what was asked."""


class ActorUnavailable(SupervisionError, pykka.ActorDeadError):
    """The actor is stopped, or was not back from its restart in time."""


class ActorSuspended(ActorUnavailable):
    """The actor failed too often; it is not tried before its breaker allows it."""

    def __init__(self, path: str, retry_in_s: float) -> None:
        name = path.rpartition("/")[2]
        super().__init__(
            f"{name} is suspended, as it failed too often; next try in {retry_in_s:.0f} s"
        )
        self.retry_in_s = retry_in_s


class ActorOnStandby(ActorUnavailable):
    """The actor is not wanted now, or is below a supervisor that is not."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is on standby: it is started when it is wanted")


class AskTimeout(SupervisionError, pykka.Timeout):
    """The actor did not reply in time."""


class MailboxFull(SupervisionError):
    """The mailbox refuses more, or did not drain in time."""


class TooManyQuestions(MailboxFull):
    """More questions from outside are waiting than the actor can answer in time."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class StartFailed(SupervisionError):
    """A child could not be started."""


class InjectedFault(SupervisionError):
    """Fault injection ordered this failure."""


class BreakerOpen(VatwatchError):
    """A breaker is open: the call was not tried."""

    def __init__(self, name: str, retry_in_s: float) -> None:
        super().__init__(f"{name}: breaker open, next try in {retry_in_s:.0f} s")
        self.name = name
        self.retry_in_s = retry_in_s
