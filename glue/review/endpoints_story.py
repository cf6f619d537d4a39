"""One endpoint of a plan: what happens to it, put together from all that is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from glue.core.truth import revision_in
from glue.review import (
    endpoints_content,
    endpoints_line,
    endpoints_scaling,
    endpoints_traffic,
    endpoints_under,
)
from glue.review.cost import served_cost
from glue.review.endpoints_alarms import Alarms
from glue.review.endpoints_around import Around, label
from glue.review.endpoints_compare import compare, shapes, shown
from glue.review.endpoints_resolve import Estate, Found
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_scaling import Capacity
from glue.review.endpoints_shape import Served, planned, quiet
from glue.review.endpoints_traffic import Deployment
from glue.review.model import Cost, EndpointChange, FieldChange, Finding, Rollback, Settings, Traffic
from glue.review.plan import Plan
from glue.review.prices import Prices
from glue.review.resource import Resource

_TAGS = frozenset({"tags", "tags_all"})
_NUMBER = re.compile(r"r(\d+)-")


@dataclass
class Story:
    """What a plan does to one endpoint. Everything is worked out when it is first asked for."""

    plan: Plan
    settings: Settings
    estate: Estate
    around: Around
    alarms_of_plan: Alarms
    endpoint: Resource

    @cached_property
    def name(self) -> str:
        """The endpoint's name, or its address where the name is not known."""
        return label(self.endpoint)

    @cached_property
    def before(self) -> Found | None:
        """What it serves now."""
        return self.estate.before(self.endpoint)

    @cached_property
    def after(self) -> Found | None:
        """What it will serve. A forgotten endpoint goes on as it is."""
        return self.before if self.endpoint.what == "forget" else self.estate.after(self.endpoint)

    @cached_property
    def deployments(self) -> tuple[Deployment, Deployment]:
        """How it deploys, before and after."""
        values = self.endpoint
        after = planned(values.after, values.unknown) if values.after is not None else {}
        return endpoints_traffic.deployment(values.before or {}), endpoints_traffic.deployment(after or {})

    @property
    def moves(self) -> bool:
        """Whether it goes to another config."""
        return endpoints_under.moves(self.before, self.after)

    @cached_property
    def deploys(self) -> bool:
        """Whether SageMaker builds a new fleet: for a new config, or once more as the deployment config changes."""
        changed = set(self.endpoint.attributes()) - _TAGS
        return self.endpoint.what == "update" and bool(changed & {"endpoint_config_name", "deployment_config"})

    @cached_property
    def returning(self) -> bool:
        """Whether it goes back to an older revision."""
        if self.plan.variables.get("returning") is True and self.moves:
            return True
        numbers = [_NUMBER.match(found or "") for found in (self.revision(self.before), self.revision(self.after))]
        return numbers[0] is not None and numbers[1] is not None and int(numbers[1][1]) < int(numbers[0][1])

    def revision(self, found: Found | None) -> str | None:
        """Return a revision's id, else the config's name as text."""
        if found is None:
            return None
        name = shown(found.name)
        return (revision_in(name, self.name) or name) if name is not None else None

    @cached_property
    def parts(self) -> tuple[Resource, ...]:
        """The configs and models that it serves, before and after, each once."""
        found: dict[int, Resource] = {}
        for state in (self.before, self.after):
            if state is not None:
                entries = [*([state.config] if state.config else []), *state.models]
                found |= {id(entry.resource): entry.resource for entry in entries}
        return tuple(found.values())

    @cached_property
    def alarms(self) -> list[Resource]:
        """The alarms around it that change."""
        return self.alarms_of_plan.of(self.endpoint, self.name, self.deployments)

    @cached_property
    def scaling(self) -> list[Resource]:
        """The autoscaling resources of it that change."""
        return [r for r in self.around.resources(self.name, self.endpoint) if r.what not in ("none", "read")]

    @cached_property
    def touched(self) -> bool:
        """Whether the plan does anything to it that is more than tags."""
        mine = [self.endpoint, *self.parts]
        if any(more_than_tags(resource) for resource in (*mine, *self.alarms, *self.scaling)):
            return True
        return bool(self.dependencies)

    @cached_property
    def dependencies(self) -> list[Said]:
        """What the plan destroys that it needs."""
        if self.endpoint.destroyed or self.after is None:
            return []
        states = [self.after.served] if self.deploys or self.before is None else [self.before.served, self.after.served]
        found = [said for served in states for said in endpoints_under.dependencies(self.plan, served)]
        return list(dict.fromkeys(found))

    @cached_property
    def changes(self) -> tuple[FieldChange, ...]:
        """What changes inside it and around it."""
        found: list[FieldChange] = []
        states = [state.served if state is not None else Served(name=None) for state in (self.before, self.after)]
        found += compare(states[0], states[1])
        if self.endpoint.what == "forget":
            return (FieldChange("other", None, None, None, "Terraform lets go of it"),)
        if self.endpoint.what == "delete":
            return tuple(change for change in found if change.what in ("variants", "shadow"))
        old, new = self.deployments
        if self.endpoint.what == "update" and replace(old, alarms=None) != replace(new, alarms=None):
            was, will = endpoints_traffic.words(old), endpoints_traffic.words(new)
            found.append(FieldChange("deployment", None, was, will, f"deployment: {was} → {will}"))
        found += endpoints_traffic.alarm_changes(old, new) if self.endpoint.what == "update" else ()
        found += endpoints_scaling.changes(*self.around.scaling(self.name, self.endpoint))
        found += self.alarms_of_plan.changes(self.alarms)
        known = {"endpoint_config_name", "deployment_config", "name", "arn", "id", *_TAGS}
        other = (
            [name for name in self.endpoint.attributes() if name not in known] if self.endpoint.what == "update" else []
        )
        found += [FieldChange("other", None, None, None, f"{safe(name)} changes") for name in other]
        if self.moves and not found:
            names = self.revision(self.before), self.revision(self.after)
            found.append(FieldChange("config", None, names[0], names[1], "another config with the same content"))
        return tuple(found)

    @cached_property
    def traffic(self) -> Traffic:
        """How traffic moves."""
        if self.endpoint.what == "create":
            return Traffic("none", "it starts with this config", None, None)
        if self.deploys:
            return endpoints_traffic.traffic(self.deployments[1], same_config=not self.moves)
        if self.endpoint.what in ("delete", "replace"):
            return Traffic("none", "requests fail", None, None)
        if self.changes:
            return Traffic("in_place", "no traffic moves", 0, 0)
        return Traffic("none", "no traffic moves", 0, 0)

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """Everything that a rule says about it, each once."""
        return tuple(dict.fromkeys(self._said()))

    def _said(self) -> Iterator[Said]:
        yield from _fate(self)
        yield from self.dependencies
        if self.before is not None and self.after is not None and not self.endpoint.destroyed:
            yield from self._change(self.before, self.after)
        elif self.after is not None:
            for text in self.after.served.unresolved:
                yield Said("endpoint-unresolved", f"what it serves cannot be judged: {text}")

    def _change(self, before: Found, after: Found) -> Iterator[Said]:
        old, new = self.deployments
        content = self.moves or any(r.destroyed for r in self.parts)
        if self.returning:
            way = f"goes back from {safe(self.revision(before))} to {safe(self.revision(after))}"
            yield Said("revision-returns", f"{way}: {self.traffic.text}")
        yield from endpoints_under.destroyed(before, after)
        if content:
            said = endpoints_content.content(before.served, after.served, self.changes)
            yield from (entry for entry in said if not (self.returning and entry.rule == "new-release"))
        yield from self._scaled(before.served, after.served)
        if self.endpoint.what == "update":
            yield from endpoints_traffic.guards(old, new, deploys=self.deploys, returning=self.returning)
            yield from endpoints_traffic.slower_or_faster(old, new, returning=self.returning)
            if self.deploys:
                yield from endpoints_traffic.excluded(new, before.served, after.served)
        yield from self.alarms_of_plan.weaker(self.alarms, new, returning=self.returning)
        if self.moves and not self.rollback.one_line:
            yield Said("rollback-lost", f"no way back by one line: {self.rollback.text}")

    def _scaled(self, before: Served, after: Served) -> Iterator[Said]:
        scaled = self.around.scaling(self.name, self.endpoint)
        live: Mapping[str, int] = self.settings.live_counts.get(self.name, {})
        yield from endpoints_scaling.detached(*scaled, after)
        yield from endpoints_scaling.nobody(scaled[1] if self.scaling or self.moves else {}, after)
        yield from self.around.reattached(self.name, self.endpoint)
        yield from endpoints_scaling.scale_in(Capacity(before, after, *scaled, live=live, deploys=self.deploys))

    @cached_property
    def rollback(self) -> Rollback:
        """The way back."""
        revision = self.revision(self.before) or ""
        ours = self.before is not None and revision != shown(self.before.name)
        line = f"live = {revision}" if ours else f"endpoint_config_name = {revision}"
        return endpoints_under.rollback(self.estate, self.endpoint, self.before, self.after, safe(line))

    @cached_property
    def change(self) -> EndpointChange:
        """The endpoint's entry in the review."""
        region = self.plan.region_of(self.endpoint) or self.settings.region
        states = [state.served if state is not None else None for state in (self.before, self.after)]
        action = {"none": "none", "forget": "none"}.get(self.endpoint.what, self.endpoint.what)
        found = EndpointChange(
            endpoint=safe(self.name),
            resource=self.endpoint.address,
            action=action,
            before=self.revision(self.before),
            after=self.revision(self.after),
            releases_before=states[0].releases if states[0] else (),
            releases_after=states[1].releases if states[1] else (),
            changes=self.changes,
            traffic=self.traffic,
            rollback=self.rollback,
            scales_in=tuple(said.message for said in self.said if said.where == "scales_in"),
            interrupts=tuple(said.message for said in self.said if said.where == "interrupts"),
            variants_before=shapes(states[0]),
            variants_after=shapes(states[1]),
            cost=self._cost(states[0], states[1], region),
        )
        return replace(found, text=endpoints_line.line(found, returning=self.returning))

    def _cost(self, before: Served | None, after: Served | None, region: str | None) -> Cost:
        prices = self.settings.prices
        if not isinstance(prices, Prices):
            return Cost(unknown=("all prices",))
        kept = self.around.scaling(self.name, self.endpoint)[1]
        bounds = {
            name: (e.least, e.most) for name, e in kept.items() if isinstance(e.least, int) and isinstance(e.most, int)
        }
        live = self.settings.live_counts.get(self.name, {})
        return served_cost(
            before, after, region=region, prices=prices, today=self.settings.today, live=live, bounds=bounds
        )

    def findings(self) -> Iterator[Finding]:
        """Yield the findings; an endpoint that is touched has at least one."""
        said = self.said or (Said("endpoint-changed", _plainly(self.changes)),)
        for entry in said:
            yield self.settings.rules.finding(
                entry.rule,
                resource=entry.resource or self.endpoint.address,
                message=f"{safe(self.name)}: {entry.message}",
                details=entry.details,
                endpoint=safe(self.name),
            )

    def addresses(self) -> Iterator[str]:
        """Yield the addresses whose change this tells."""
        for resource in (self.endpoint, *self.parts, *self.alarms, *self.scaling):
            if more_than_tags(resource):
                yield resource.address


def more_than_tags(resource: Resource) -> bool:
    """Tell whether a resource changes, and not in its tags alone."""
    if resource.what != "update":
        return resource.what not in ("none", "read")
    old, new = resource.before or {}, planned(resource.after, resource.unknown)
    names = set(resource.attributes()) - _TAGS
    return any(quiet(old.get(name)) != quiet(new.get(name)) for name in names)


def _plainly(changes: tuple[FieldChange, ...]) -> str:
    return changes[0].text if changes else "it changes in what no rule knows"


def _fate(story: Story) -> Iterator[Said]:
    """Yield what becomes of the endpoint itself."""
    endpoint = story.endpoint
    if endpoint.what == "replace":
        why = ", ".join(safe(str(path[0])) for path in endpoint.replace_paths if path)
        because = f" because of {why}" if why else ""
        text = f"the endpoint is destroyed and made anew{because}: requests fail until it serves"
        yield Said("endpoint-replaced", text, "interrupts")
    elif endpoint.what == "delete":
        yield Said("endpoint-destroyed", "the endpoint is destroyed: every request fails", "interrupts")
    elif endpoint.what == "forget":
        yield Said("endpoint-forgotten", "Terraform lets go of the endpoint: it serves on, and nothing looks after it")
    elif endpoint.what == "create":
        yield Said("endpoint-created", "the endpoint is new")
