"""Endpoints that a plan touches through their autoscaling alone, because they lie in another state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from glue.review import endpoints_line, endpoints_scaling
from glue.review.endpoints_around import Around
from glue.review.endpoints_resolve import together
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_scaling import Bounds
from glue.review.endpoints_shape import Served
from glue.review.endpoints_story import Story, more_than_tags
from glue.review.model import Cost, EndpointChange, Finding, Rollback, Settings, Traffic
from glue.review.plan import Plan
from glue.review.resource import Resource

_ELSEWHERE = Served(name=None, unresolved=("the endpoint is not in this plan",))


@dataclass
class Apart:
    """What a plan does to the autoscaling of one endpoint that it does not hold."""

    name: str
    resource: Resource
    around: Around
    settings: Settings

    @cached_property
    def bounds(self) -> tuple[dict[str, Bounds], dict[str, Bounds]]:
        """How it is scaled before and after."""
        return self.around.scaling(self.name, self.resource)

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """What the rules say."""
        before, after = self.bounds
        live = self.settings.live_counts.get(self.name, {})
        found = [
            *endpoints_scaling.detached(before, after, _ELSEWHERE),
            *endpoints_scaling.lower(before, after, live),
            *self.around.reattached(self.name, self.resource),
        ]
        return tuple(found) or (Said("endpoint-changed", "its autoscaling changes"),)

    @cached_property
    def change(self) -> EndpointChange:
        """Its entry in the review."""
        found = EndpointChange(
            endpoint=safe(self.name),
            resource=self.resource.address,
            action="none",
            before=None,
            after=None,
            changes=tuple(endpoints_scaling.changes(*self.bounds)),
            traffic=Traffic("in_place", "no traffic moves", 0, 0),
            rollback=Rollback(one_line=True, text="take the change back and apply"),
            scales_in=tuple(said.message for said in self.said if said.where == "scales_in"),
            interrupts=tuple(said.message for said in self.said if said.where == "interrupts"),
            cost=Cost(unknown=("what it serves is not in this plan",)),
        )
        return replace(found, text=endpoints_line.line(found, returning=False))

    def findings(self) -> Iterator[Finding]:
        """Yield the findings."""
        for said in self.said:
            yield self.settings.rules.finding(
                said.rule,
                resource=said.resource or self.resource.address,
                message=f"{safe(self.name)}: {said.message}",
                endpoint=safe(self.name),
            )

    def addresses(self) -> Iterator[str]:
        """Yield the addresses whose change this tells."""
        for resource in self.around.resources(self.name, self.resource):
            if more_than_tags(resource):
                yield resource.address


def scaled_elsewhere(plan: Plan, around: Around, stories: Iterable[Story], settings: Settings) -> Iterator[Apart]:
    """Yield the endpoints whose autoscaling changes and that are not in the plan, one for each place."""
    held: dict[str, list[Resource]] = {}
    for story in stories:
        held.setdefault(story.name, []).append(story.endpoint)
    for name in around.names:
        seen: list[Resource] = [*held.get(name, ())]
        for resource in around.changing(name):
            if more_than_tags(resource) and not any(together(plan, resource, other) for other in seen):
                seen.append(resource)
                yield Apart(name, resource, around, settings)
