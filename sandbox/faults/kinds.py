"""The kinds of faults, what each may say about itself, and who makes it happen.

A fault of a kind on requests happens at the front door. The others are asked for by the engines behind it
(`faults.asks`), with the facts that each kind names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REQUEST_FACTS = ("account", "service", "operation", "resource", "principal")
EffectValue = float | int | str | bool


@dataclass(frozen=True)
class Setting:
    """One member of a fault's effect: its default, what it means (with the unit), and what it may be."""

    default: EffectValue
    about: str
    choices: tuple[EffectValue, ...] = ()
    least: float = 0.0
    most: float = 1e9


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    about: str
    facts: tuple[str, ...] = REQUEST_FACTS  # what a fault of this kind can be told to match
    effect: Mapping[str, Setting] = field(default_factory=dict)
    on_requests: bool = False
    operations: tuple[str, ...] = ()  # for the other kinds: during which operations they can happen


_MESSAGE = Setting("", "the message; empty: the one that AWS gives")
_HOLD = Setting(2.0, "seconds (of the wall clock) until the connection is closed", most=3600)
_WHEN = Setting("before", "before the work or after it: the answer alone gets lost", ("before", "after"))
_ENDPOINT = ("account", "resource", "variant", "instance_type", "operation")
_ENDPOINT_OPERATIONS = ("CreateEndpoint", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities")
_JOB = ("account", "resource", "instance_type", "purchase")
_EVENT = ("account", "source", "type", "resource")

KINDS: Mapping[str, Kind] = {
    "throttle": Kind("the service's own throttling error", effect={"message": _MESSAGE}, on_requests=True),
    "error": Kind(
        "an internal error of the service",
        effect={"status": Setting(500, "HTTP status", (500, 503)), "message": _MESSAGE},
        on_requests=True,
    ),
    "timeout": Kind(
        "the connection is held, then closed without an answer",
        effect={"hold_s": _HOLD, "when": _WHEN},
        on_requests=True,
    ),
    "slow": Kind(
        "the answer comes later",
        effect={"ms": Setting(1000, "milliseconds (of the wall clock) added", most=3_600_000)},
        on_requests=True,
    ),
    "cut": Kind("the connection breaks in the middle of the answer", on_requests=True),
    "corrupt": Kind("one bit of the answer's body is wrong", on_requests=True),
    "skew": Kind(
        "the service's clock differs: requests signed too far from it are refused, answers carry its date",
        facts=("service", "operation", "resource"),
        effect={"seconds": Setting(1200, "how far the service's clock is ahead of ours", least=-1e7, most=1e7)},
        on_requests=True,
    ),
    "deny": Kind("the caller is refused", effect={"message": _MESSAGE}, on_requests=True),
    "quota": Kind("a quota of the account is used up", effect={"message": _MESSAGE}, on_requests=True),
    "kill-function": Kind(
        "the function that makes the request is killed, before or after the work (principal: '*/<function>')",
        effect={"when": _WHEN},
        on_requests=True,
    ),
    "lost-update": Kind("another writer came first", effect={"message": _MESSAGE}, on_requests=True),
    "capacity": Kind(
        "no instances of that type are to be had: an endpoint's creation or update fails",
        facts=_ENDPOINT,
        effect={"message": _MESSAGE},
        operations=_ENDPOINT_OPERATIONS,
    ),
    "never-ready": Kind(
        "new instances never answer their health check", facts=_ENDPOINT, operations=_ENDPOINT_OPERATIONS
    ),
    "fail-bake": Kind(
        "a rollback alarm goes off while new instances bake; traffic=100 (per cent on them): at the last step",
        facts=(*_ENDPOINT, "traffic"),
        operations=_ENDPOINT_OPERATIONS,
    ),
    "ringing-alarm": Kind(
        "an alarm (resource: its name) is in ALARM at each evaluation, until the fault is taken back",
        facts=("account", "resource"),
    ),
    "training-capacity-error": Kind(
        "a training job fails with a CapacityError once it was accepted (purchase: spot or on-demand)",
        facts=_JOB,
        effect={"message": _MESSAGE},
    ),
    "training-internal-error": Kind(
        "a training job meets an InternalServerError of SageMaker's own; its RetryStrategy starts it again",
        facts=_JOB,
        effect={"message": _MESSAGE},
    ),
    "spot-interruption": Kind(
        "the spot instances of a training job are reclaimed while it trains (counted when it begins to)",
        facts=_JOB,
        effect={"after_s": Setting(1.0, "seconds (of the wall clock) of training until then")},
    ),
    "no-spot-capacity": Kind(
        "no spot instances are to be had: a spot job waits (counted at each look, every 30 AWS seconds)",
        facts=_JOB,
    ),
    "instance-quota": Kind(
        "the account may run so many instances of a type at once: further jobs are refused (ResourceLimitExceeded)",
        facts=("account", "instance_type", "usage"),
        effect={"instances": Setting(1, "how many", most=1e6)},
    ),
    "events.duplicate": Kind(
        "an event is delivered more than once",
        facts=_EVENT,
        effect={"copies": Setting(1, "how many more", most=20)},
    ),
    "events.reorder": Kind("an event is delivered after the one that follows it", _EVENT),
    "events.delay": Kind(
        "an event is delivered late",
        facts=_EVENT,
        effect={"seconds": Setting(60.0, "AWS seconds")},
    ),
    "events.lose": Kind("an event is never delivered", facts=_EVENT),
    "iam.consistency": Kind(
        "a change of roles and policies takes effect later",
        facts=("account", "resource"),
        effect={"seconds": Setting(10.0, "AWS seconds")},
    ),
}
