"""One job as reports see it: from the table's item, from the history record, and what spot billing added later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from glue.core.audit import clean
from glue.core.training.keys import week
from glue.core.training.words import Status

BILLING = "training-billing/"
_LONGEST = 80


@dataclass(frozen=True)
class Attempt:
    """What SageMaker billed for one attempt, in seconds; its cost in US dollars, None where no price is known."""

    name: str
    spot: bool
    training_seconds: int
    billable_seconds: int
    cost_usd: float | None = None


@dataclass(frozen=True)
class Fact:
    """What is known of a job. Times are epoch ms. None is unknown, and never counts as zero."""

    job: str
    status: Status
    owner: str
    model: str
    kind: str
    purchase: str
    submitted_at: int
    attempts: int
    first_launched_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None
    cost_usd: float | None = None
    spot_attempts: int = 0
    billing: tuple[Attempt, ...] | None = None  # of every attempt that SageMaker knows, once it is settled

    @property
    def cost(self) -> float | None:
        """What all attempts cost, in US dollars: as the queue knew it, or as it was settled; None when one is not."""
        if self.cost_usd is not None or self.billing is None or len(self.billing) < self.attempts:
            return self.cost_usd
        known = [one.cost_usd for one in self.billing if one.cost_usd is not None]
        return math.fsum(known) if len(known) == len(self.billing) else None

    @property
    def week(self) -> str:
        """The ISO week of its submission."""
        return week(self.submitted_at)

    @property
    def waited_s(self) -> float | None:
        """Seconds from submission until its (last) attempt trained; None before, and where SageMaker did not say."""
        return self._since(self.started_at)

    @property
    def queued_s(self) -> float | None:
        """Seconds from submission until its first attempt was launched; None before."""
        return self._since(self.first_launched_at)

    def _since(self, at: int | None) -> float | None:
        return None if at is None else max(0.0, (at - self.submitted_at) / 1000)

    @property
    def retries(self) -> int:
        """Attempts after the first one."""
        return max(0, self.attempts - 1)

    @property
    def on_spot(self) -> bool:
        """Whether it had an attempt on spot instances."""
        return self.spot_attempts > 0 or self.purchase == "spot"


def fact_of(item: Mapping[str, object], billing: Mapping[str, object] | None = None) -> Fact:
    """Return the fact in an item, or in a history record. Raises ValueError when it is neither."""
    job, submitted = item.get("JobId"), _whole(item.get("submitted_at"))
    if not isinstance(job, str) or submitted is None:
        raise ValueError("it has no JobId, or no time of submission")
    return Fact(
        job=clean(job)[:_LONGEST],
        status=Status(str(item.get("JobStatus"))),
        owner=_text(item.get("owner")),
        model=_text(item.get("model")),
        kind=_text(item.get("kind")),
        purchase=_text(item.get("purchase")),
        submitted_at=submitted,
        attempts=_whole(item.get("attempt")) or 0,
        first_launched_at=_whole(item.get("first_launched_at")),
        started_at=_whole(item.get("started_at")),
        ended_at=_whole(item.get("ended_at")),
        reason=clean(str(item["reason"])) if item.get("reason") else None,
        cost_usd=_amount(item.get("cost_usd")),
        spot_attempts=_whole(item.get("spot_attempts")) or 0,
        billing=attempts_of(billing) or _billing_in(item),
    )


def _billing_in(item: Mapping[str, object]) -> tuple[Attempt, ...] | None:
    """Return what the queue itself learnt of the bill: the sums of all attempts."""
    trained, billed = _whole(item.get("training_seconds")), _whole(item.get("billable_seconds"))
    if trained is None or billed is None:
        return None
    return (Attempt("all", item.get("purchase") == "spot", trained, billed, _amount(item.get("cost_usd"))),)


def billing_key(job: str, submitted_at: int) -> str:
    """Return where a job's billing lies in the artifact store, once it is settled."""
    return f"{BILLING}{week(submitted_at)}/{job}.json"


def billing_document(job: str, attempts: tuple[Attempt, ...]) -> dict[str, object]:
    """Return the billing of a job as it is stored."""
    return {"schema": 1, "job": job, "attempts": [asdict(one) for one in attempts]}


def attempts_of(document: Mapping[str, object] | None) -> tuple[Attempt, ...] | None:
    """Return the attempts of a billing document, None without one, or when it is none."""
    entries = document.get("attempts") if document is not None else None
    if not isinstance(entries, list):
        return None
    found = []
    for entry in entries:
        fields = entry if isinstance(entry, Mapping) else {}
        trained, billed = _whole(fields.get("training_seconds")), _whole(fields.get("billable_seconds"))
        if trained is None or billed is None or trained < 0 or billed < 0:
            return None
        name, spot = _text(fields.get("name")), fields.get("spot") is True
        found.append(Attempt(name, spot, trained, billed, _amount(fields.get("cost_usd"))))
    return tuple(found)


def _text(value: object) -> str:
    text = clean(value)[:_LONGEST] if isinstance(value, str) else ""
    return text.replace("\n", " ") or "(unknown)"


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value)


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)
