"""What a protection belongs to: looked up once for a plan, however many protections it holds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.strength import table
from glue.review.values import text_of

_NAMES = ("id", "bucket", "name", "arn")


class Around:
    """Knows what goes, what stays protected, and which buckets are new."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def goes(self, whose: str, protection: Resource) -> bool:
        """Tell whether the thing itself is destroyed, by the same provider; stateful.py has a finding for it."""
        return (protection.provider, whose) in self._gone

    def protecting(self, kind: str, whose: str) -> Iterable[Resource]:
        """Return the resources of a type that protect a thing after the apply."""
        return self._kept.get((kind, whose), ())

    def new_bucket(self, change: Resource) -> bool:
        """Tell whether the bucket that a resource is about is created by this plan, so that nothing lies in it yet."""
        if change.is_unknown("bucket"):
            return change.module in self._modules_of_new_buckets
        return text_of(change.after, "bucket") in self._new_buckets

    @cached_property
    def _gone(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (change.provider, name)
            for change in self.plan.changes
            if change.destroyed and change.mode == "managed" and change.type not in table().removed
            for name in (text_of(change.before, attribute) for attribute in _NAMES)
            if name
        )

    @cached_property
    def _kept(self) -> dict[tuple[str, str], list[Resource]]:
        found: dict[tuple[str, str], list[Resource]] = {}
        for kind, removed in table().removed.items():
            for change in self.plan.of_type(kind):
                whose = text_of(change.after, removed.of)
                if whose and change.what not in ("delete", "forget"):
                    found.setdefault((kind, whose), []).append(change)
        return found

    @cached_property
    def _created(self) -> tuple[Resource, ...]:
        return tuple(change for change in self.plan.of_type("aws_s3_bucket") if change.what == "create")

    @cached_property
    def _new_buckets(self) -> frozenset[str | None]:
        names = (text_of(change.after, attribute) for change in self._created for attribute in ("bucket", "id"))
        return frozenset(name for name in names if name)

    @cached_property
    def _modules_of_new_buckets(self) -> frozenset[str]:
        return frozenset(change.module for change in self._created)
