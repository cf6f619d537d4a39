"""What a review says, as data. Commands and outputs only read it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glue.review.rules import Rules


class Grade(enum.IntEnum):
    """How dangerous something is; a higher one wins."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    FORBIDDEN = 4

    @property
    def word(self) -> str:
        """Return the grade as outputs and files write it: `high`."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Grade:
        """Return the grade of a word. Raises ValueError naming the known ones."""
        try:
            return cls[word.upper()]
        except KeyError as error:
            raise ValueError(f"{word!r} is no grade; one of {', '.join(grade.word for grade in cls)}") from error


@dataclass(frozen=True)
class Waiver:
    """A reviewed exception: this rule on these resources is accepted until that day, and who answers for it."""

    rule: str
    resource: str
    owner: str
    reason: str
    expires: date


@dataclass(frozen=True)
class Finding:
    """One thing that a reader should know. `resource` is an address, or empty for the whole plan."""

    rule: str
    grade: Grade
    resource: str
    message: str
    remedy: str
    details: tuple[str, ...] = ()
    endpoint: str | None = None
    exception: Waiver | None = None


@dataclass(frozen=True)
class FieldChange:
    """One thing that changes inside an endpoint; `what` is a word such as `artifact`, `image`, `weight`."""

    what: str
    variant: str | None
    before: str | None
    after: str | None
    text: str


@dataclass(frozen=True)
class Traffic:
    """How requests move to the new fleet, and for how many minutes.

    `steps` are minutes from the start and the percentage on the new fleet from then on.
    """

    kind: str
    text: str
    minutes_least: float | None = None
    minutes_most: float | None = None
    steps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class VariantShape:
    """One variant as a picture shows it. `share` is its part of the traffic, 0 to 1; a shadow has none."""

    name: str
    release: str | None
    capacity: str
    share: float | None = None
    shadow: bool = False


@dataclass(frozen=True)
class Rollback:
    """Whether moving one line takes the change back."""

    one_line: bool
    text: str


@dataclass(frozen=True)
class Cost:
    """Dollars a month of 730 hours. Null is unknown, never zero; `unknown` names what has no price.

    `basis` says of which day the prices are, `notes` what is billed by use and between what autoscaling may move it.
    """

    before: Decimal | None = None
    after: Decimal | None = None
    difference: Decimal | None = None
    currency: str = "USD"
    unknown: tuple[str, ...] = ()
    basis: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EndpointChange:
    """What a plan does to one endpoint, directly or through its config, models, autoscaling and alarms."""

    endpoint: str
    resource: str
    action: str
    before: str | None
    after: str | None
    releases_before: tuple[str, ...] = ()
    releases_after: tuple[str, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    variants_before: tuple[VariantShape, ...] = ()
    variants_after: tuple[VariantShape, ...] = ()
    traffic: Traffic = Traffic("none", "no traffic moves")
    rollback: Rollback = Rollback(one_line=False, text="unknown")
    scales_in: tuple[str, ...] = ()
    interrupts: tuple[str, ...] = ()
    cost: Cost = Cost()
    text: str = ""


@dataclass(frozen=True)
class Right:
    """Something that somebody can newly do, or no longer; `source` is the address that carries the policy."""

    who: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...]
    source: str
    public: bool
    cross_account: bool
    text: str


@dataclass(frozen=True)
class Unjudged:
    """A policy that cannot be judged, and why."""

    resource: str
    why: str


@dataclass(frozen=True)
class AccessChange:
    """Who can newly do what on what, and who no longer can."""

    gained: tuple[Right, ...] = ()
    lost: tuple[Right, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()


@dataclass(frozen=True)
class Part:
    """What one inspector found. `claimed` are the addresses whose change it has told in words."""

    findings: tuple[Finding, ...] = ()
    endpoints: tuple[EndpointChange, ...] = ()
    access: AccessChange | None = None
    cost: Cost | None = None
    folded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    claimed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changed:
    """One changed resource: what happens to it, and the names of its attributes that differ."""

    address: str
    type: str
    what: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    """The whole answer. Findings are sorted: worst first, then by rule and resource."""

    name: str
    digest: str
    grade: Grade
    findings: tuple[Finding, ...] = ()
    endpoints: tuple[EndpointChange, ...] = ()
    access: AccessChange = AccessChange()
    cost: Cost = Cost()
    counts: Mapping[str, int] = field(default_factory=dict)
    folded: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    sure: bool = True
    notes: tuple[str, ...] = ()
    changes: tuple[Changed, ...] = ()
    terraform_version: str = ""


@dataclass(frozen=True)
class Settings:
    """What a review needs beside the plan: the day, the rules, the exceptions, and what only AWS knows."""

    today: date
    rules: Rules
    waivers: tuple[Waiver, ...] = ()
    prices: object = None
    live_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    region: str | None = None
