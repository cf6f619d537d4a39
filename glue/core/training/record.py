"""A job as the table holds it."""

from __future__ import annotations

from dataclasses import dataclass

from glue.core.training.words import Kind, Pool, Purchase, Status

Value = str | int | float
Item = dict[str, Value]
SHARDS = 4


@dataclass(frozen=True)
class Record:
    """One item. Optional attributes are None when absent. Times are epoch milliseconds."""

    job: str
    status: Status
    arguments: str  # JobArgs: the canonical JSON of the document
    digest: str
    kind: Kind
    model: str
    owner: str
    submitted_by: str
    priority: int
    submitted_at: int
    due_at: int
    instance_type: str  # New: the type that the next attempt asks for; else that of the attempt
    instance_count: int
    purchase: Purchase
    fallbacks: str = ""  # instance types after the own one, separated by commas
    attempt: int = 0  # claims so far
    spot_attempts: int = 0
    transient: int = 0
    algorithm: int = 0
    give_up_at: int | None = None
    remote_name: str | None = None
    launched_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None
    cost_usd: float | None = None
    training_seconds: int | None = None
    stop_requested_at: int | None = None
    stop_requested_by: str | None = None
    best: str | None = None  # JSON of the best result of a tuning
    waits_for: str | None = None
    expires_at: int | None = None  # epoch seconds: DynamoDB's TTL

    @property
    def pool(self) -> Pool:
        """The pool that its instances come from."""
        return Pool(self.instance_type, self.purchase)
