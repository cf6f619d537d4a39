"""What is shown: one review or several, the gate that was asked, and the words that all outputs share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from glue.review.model import Cost, EndpointChange, Finding, Grade, Review, Right, Rollback

MONTH = "a month of 730 hours"
_APPLY = ", then apply it"
TO_DO = {
    Grade.NONE: "nothing changes",
    Grade.LOW: f"look at what changes{_APPLY}",
    Grade.MEDIUM: f"read the findings{_APPLY}",
    Grade.HIGH: "have somebody who knows these resources agree first",
    Grade.FORBIDDEN: "do not apply it; change it, or have an exception reviewed",
}
_COUNTED = {
    "create": "create", "update": "update in place", "replace": "replace", "delete": "destroy", "forget": "forget",
    "import": "import", "move": "move", "read": "read",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Reviews that are shown as one. `gate` is the grade from which on they are refused; none: they never are."""

    reviews: tuple[Review, ...]
    gate: Grade | None = Grade.FORBIDDEN

    @property
    def grade(self) -> Grade:
        """The worst of all."""
        return max((review.grade for review in self.reviews), default=Grade.NONE)

    @property
    def refused(self) -> bool:
        """Whether the gate says no."""
        return self.gate is not None and self.grade >= self.gate

    @property
    def sure(self) -> bool:
        """Whether everything could be judged, from plans."""
        return all(review.sure for review in self.reviews)

    @property
    def planned(self) -> bool:
        """Whether every review rests on a plan, and not on data files alone."""
        return all(made_from_plan(review) for review in self.reviews)

    @property
    def cost(self) -> Cost:
        """The sum of all plans. What is unknown in one is unknown in the sum."""
        if len(self.reviews) == 1:
            return self.reviews[0].cost
        costs = [review.cost for review in self.reviews]
        return Cost(
            before=_sum(cost.before for cost in costs),
            after=_sum(cost.after for cost in costs),
            difference=_sum(cost.difference for cost in costs),
            unknown=tuple(name for cost in costs for name in cost.unknown),
            notes=tuple(dict.fromkeys(note for cost in costs for note in cost.notes)),
            basis="; ".join(dict.fromkeys(cost.basis for cost in costs if cost.basis)),
        )


def made_from_plan(review: Review) -> bool:
    """Tell whether a review rests on a plan: `--diff` has no Terraform and is never sure."""
    return review.sure or bool(review.terraform_version)


def in_order(report: Report) -> tuple[list[Review], list[str]]:
    """Return the reviews that say something, the worst first, and the names of the plans that change nothing.

    One review alone always says something.
    """
    if len(report.reviews) == 1:
        return list(report.reviews), []
    quiet = [one for one in report.reviews if one.grade is Grade.NONE and one.sure and not (one.notes or one.drift)]
    loud = [one for one in report.reviews if not any(one is other for other in quiet)]
    return sorted(loud, key=lambda review: -review.grade), [review.name for review in quiet]


def headline(report: Report) -> str:
    """Return what to do, in a sentence, without the grade."""
    if report.grade is Grade.NONE and not report.planned:
        return "nothing changes in the data; a plan would tell more"
    text = TO_DO[report.grade]
    if report.refused and report.gate is not None and report.grade is not Grade.FORBIDDEN:
        text = f"refused by the gate ({report.gate.word} and above); {text.removesuffix(_APPLY)}"
    if not report.planned:
        return f"{text} (less sure: made without a plan)"
    return text if report.sure else f"{text} (not everything could be judged)"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return how many resources each kind of change has: `2 to create, 1 to update in place`."""
    parts = [f"{counts[key]} to {words}" for key, words in _COUNTED.items() if counts.get(key)]
    return ", ".join(parts) or "no resource changes"


def money(amount: Decimal | None, *, sign: bool = False) -> str:
    """Return dollars with cents, `unknown` for null. Never zero for what is not known."""
    if amount is None:
        return "unknown"
    return f"{amount:+,.2f}" if sign else f"{amount:,.2f}"


def cost_text(cost: Cost) -> str | None:
    """Return what it costs in a month, None when nothing with a price changes."""
    if (cost.before, cost.after, cost.difference) == (None, None, None) and not (cost.unknown or cost.notes):
        return None
    if cost.before == cost.after == 0 and not (cost.unknown or cost.notes):
        return None
    unknown = f"; not known: {listed(cost.unknown)}" if cost.unknown else ""
    unknown += f"; {'; '.join(cost.notes)}" if cost.notes else ""
    unit = f"{cost.currency} {MONTH}"
    if cost.before is None and cost.after is None and cost.difference is None:
        return f"unknown{unknown}".replace("; not known: ", ": ", 1)
    if cost.difference == 0 and cost.before == cost.after:
        return f"{money(cost.after)} {unit}, as before{unknown}"
    difference = f" ({money(cost.difference, sign=True)})" if cost.difference is not None else ""
    return f"{money(cost.before)} -> {money(cost.after)} {unit}{difference}{unknown}"


def basis_of(cost: Cost) -> str:
    """Return of which day the prices are, in brackets; nothing when none was known."""
    known = cost.before is not None or cost.after is not None
    return f" ({cost.basis})" if known and cost.basis else ""


def move_text(endpoint: EndpointChange) -> str:
    """Return from which revision to which: `r7-52d0f3aa -> r8-1c9a4e7b`."""
    if endpoint.before == endpoint.after:
        return endpoint.after or "unknown"
    return f"{endpoint.before or 'nothing'} -> {endpoint.after or 'nothing'}"


def details_of(finding: Finding) -> list[str]:
    """Return the details that the message does not tell already."""
    return [text for text in finding.details if text not in finding.message]


def way_back(rollback: Rollback) -> str:
    """Return how a change is taken back."""
    return f"{'by one line' if rollback.one_line else 'not by one line'}: {rollback.text}"


def exception_text(finding: Finding) -> str | None:
    """Return whose exception lets a finding pass, and until when."""
    waiver = finding.exception
    if waiver is None:
        return None
    return f"accepted by {waiver.owner} until {waiver.expires.isoformat()}: {waiver.reason}"


def opening(right: Right) -> str:
    """Return how far a right opens the account, for the end of its line."""
    if right.public:
        return " (PUBLIC: anybody)"
    return " (another account)" if right.cross_account else ""


def listed(names: Iterable[str], *, most: int = 5) -> str:
    """Return names with commas, the first ones and how many more."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
