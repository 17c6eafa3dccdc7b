"""The actor runtime: actors, child specs, supervisors, breakers. It knows nothing about VATSIM."""

from __future__ import annotations

from vatwatch.supervision.actor import Actor
from vatwatch.supervision.address import Address
from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.breaker import Breaker, BreakerPolicy, BreakerState
from vatwatch.supervision.circuit_breaker import (
    BreakerInfo,
    CircuitBreaker,
    CircuitBreakers,
    Transition,
)
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.failures import describe_error
from vatwatch.supervision.faults import Fault, FaultKind, Faults
from vatwatch.supervision.hub_watch import Blocked, HubWatch, Lateness
from vatwatch.supervision.introspection import (
    FailureInfo,
    LatencyCounts,
    LatencyInfo,
    MailboxInfo,
    NodeInfo,
)
from vatwatch.supervision.message import Ask, BestEffort, Latest, Tell, correlation_of
from vatwatch.supervision.notices import (
    AskFailed,
    BreakerChanged,
    ChildFailed,
    ChildOnStandby,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    CrashHookFailed,
    DeadLettered,
    Escalated,
    FailureHandled,
    HandOverDiscarded,
    Notice,
)
from vatwatch.supervision.observers import Observers
from vatwatch.supervision.offload import NativePool, give_way
from vatwatch.supervision.recovery import (
    ContinueWithout,
    Fallback,
    Recovery,
    Remedy,
    Retry,
    WithBreaker,
)
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.restart_intensity import RestartWindow
from vatwatch.supervision.spec import (
    ChildSpec,
    SupervisorSpec,
    supervisor,
    worker,
)
from vatwatch.supervision.timer import Timer
from vatwatch.supervision.tree import Tree
from vatwatch.supervision.vocabulary import (
    BreakerKind,
    DeadLetterReason,
    ExitReason,
    MailboxOnFailure,
    MailboxPolicy,
    OnFailedMessage,
    RemedyName,
    Restart,
    State,
    Strategy,
)

__all__ = [
    "Actor",
    "Address",
    "Ask",
    "AskFailed",
    "Backoff",
    "BestEffort",
    "Blocked",
    "Breaker",
    "BreakerChanged",
    "BreakerInfo",
    "BreakerKind",
    "BreakerPolicy",
    "BreakerState",
    "ChildFailed",
    "ChildOnStandby",
    "ChildRestarting",
    "ChildSpec",
    "ChildStarted",
    "ChildStopped",
    "CircuitBreaker",
    "CircuitBreakers",
    "ContinueWithout",
    "CrashHookFailed",
    "DeadLetterReason",
    "DeadLettered",
    "Directory",
    "Escalated",
    "ExitReason",
    "FailureHandled",
    "FailureInfo",
    "Fallback",
    "Fault",
    "FaultKind",
    "Faults",
    "HandOverDiscarded",
    "HubWatch",
    "LatencyCounts",
    "LatencyInfo",
    "Lateness",
    "Latest",
    "MailboxInfo",
    "MailboxOnFailure",
    "MailboxPolicy",
    "NativePool",
    "NodeInfo",
    "Notice",
    "Observers",
    "OnFailedMessage",
    "Recovery",
    "Remedy",
    "RemedyName",
    "Reply",
    "Restart",
    "RestartWindow",
    "Retry",
    "State",
    "Strategy",
    "SupervisorSpec",
    "Tell",
    "Timer",
    "Transition",
    "Tree",
    "WithBreaker",
    "correlation_of",
    "describe_error",
    "give_way",
    "supervisor",
    "worker",
]
