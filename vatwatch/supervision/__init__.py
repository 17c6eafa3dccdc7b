"""What keeps actors alive: their runtime, child specs, supervisors, breakers. Knows no VATSIM."""

from __future__ import annotations

from vatwatch.supervision.actor import Actor
from vatwatch.supervision.address import Address
from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.breaker import Breaker, BreakerPolicy, BreakerState
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.failures import described
from vatwatch.supervision.faults import Fault, FaultKind, Faults
from vatwatch.supervision.guard import BreakerInfo, Guard, Guards, Transition
from vatwatch.supervision.hub_watch import Blocked, HubWatch, Lateness
from vatwatch.supervision.intensity import RestartWindow
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
    Degrade,
    Fallback,
    Guarded,
    Recovery,
    Remedy,
    Retry,
)
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.spec import (
    ChildSpec,
    SupervisorSpec,
    supervisor,
    worker,
)
from vatwatch.supervision.timer import Timer
from vatwatch.supervision.tree import Tree
from vatwatch.supervision.vocabulary import (
    Backlog,
    DeadLetterReason,
    ExitReason,
    GuardKind,
    InHand,
    MailboxPolicy,
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
    "Backlog",
    "Backoff",
    "BestEffort",
    "Blocked",
    "Breaker",
    "BreakerChanged",
    "BreakerInfo",
    "BreakerPolicy",
    "BreakerState",
    "ChildFailed",
    "ChildRestarting",
    "ChildSpec",
    "ChildStarted",
    "ChildStopped",
    "CrashHookFailed",
    "DeadLetterReason",
    "DeadLettered",
    "Degrade",
    "Directory",
    "Escalated",
    "ExitReason",
    "FailureHandled",
    "FailureInfo",
    "Fallback",
    "Fault",
    "FaultKind",
    "Faults",
    "Guard",
    "GuardKind",
    "Guarded",
    "Guards",
    "HandOverDiscarded",
    "HubWatch",
    "InHand",
    "LatencyCounts",
    "LatencyInfo",
    "Lateness",
    "Latest",
    "MailboxInfo",
    "MailboxPolicy",
    "NativePool",
    "NodeInfo",
    "Notice",
    "Observers",
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
    "correlation_of",
    "described",
    "give_way",
    "supervisor",
    "worker",
]
