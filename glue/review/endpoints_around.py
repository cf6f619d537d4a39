"""What scales the endpoints of a plan: scalable targets, policies and schedules, by the endpoint and its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from glue.review.endpoints_compare import shown
from glue.review.endpoints_references import References
from glue.review.endpoints_resolve import ENDPOINT, together
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_scaling import Bounds, suspended, variant_of
from glue.review.endpoints_shape import afterwards, block, blocks
from glue.review.plan import Plan
from glue.review.resource import Resource

TARGET, POLICY, ACTION = "aws_appautoscaling_target", "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action"
_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
Place = tuple[str, str]  # endpoint and variant


class State(NamedTuple):
    """A scaling resource before or after the apply."""

    resource: Resource
    values: Mapping[str, Any]
    after: bool


class Around:
    """What scales the endpoints of a plan. An endpoint of the same name in another region or account is another one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._references = References(plan.configuration)
        entries = {(r.address, r.deposed): r for r in (*plan.of_type(TARGET, POLICY, ACTION), *plan.resources())}
        states = [state for r in entries.values() if r.type in (TARGET, POLICY, ACTION) for state in _states(r)]
        self._targets = [(state, place) for state in states if (place := _target(state)) is not None]
        self._of_target = {str(state.values["id"]): place for state, place in self._targets if state.values.get("id")}
        self._scaling: dict[str, list[tuple[str, State]]] = {}
        for state in states:
            for endpoint, variant in self._places(state):
                self._scaling.setdefault(endpoint, []).append((variant, state))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all endpoints that something scales."""
        return tuple(self._scaling)

    def changing(self, name: str) -> list[Resource]:
        """Return what changes of the scaling of all endpoints of a name."""
        found = {id(state.resource): state.resource for _, state in self._scaling.get(name, ())}
        return [resource for resource in found.values() if resource.what not in ("none", "read")]

    def scaling(self, name: str, near: Resource) -> tuple[dict[str, Bounds], dict[str, Bounds]]:
        """Return how the variants of an endpoint are scaled, before and after; `near` lies in its place."""
        both: tuple[dict[str, Bounds], dict[str, Bounds]] = ({}, {})
        mine = self._mine(name, near)
        for variant in dict.fromkeys(variant for variant, _ in mine):
            for after, into in zip((False, True), both, strict=True):
                bounds = _bounds([state for at, state in mine if at == variant and state.after is after])
                if bounds is not None:
                    into[variant] = bounds
        return both

    def resources(self, name: str, near: Resource) -> list[Resource]:
        """Return the resources that scale an endpoint, each once."""
        return list({id(state.resource): state.resource for _, state in self._mine(name, near)}.values())

    def reattached(self, name: str, near: Resource) -> Iterator[Said]:
        """Yield variants whose autoscaling is taken off and put on again by the same apply."""
        before, after = self.scaling(name, near)
        mine = [(at, s.resource) for at, s in self._mine(name, near) if s.resource.type == TARGET and not s.after]
        for variant in sorted(set(before) & set(after)):
            gone = next((r for at, r in mine if at == variant and r.destroyed and r.deposed is None), None)
            if gone is not None:
                text = f"autoscaling of variant {safe(variant)} is taken off and put on again: meanwhile nothing scales"
                yield Said("autoscaling-reattached", text, "interrupts", gone.address)

    def _mine(self, name: str, near: Resource) -> list[tuple[str, State]]:
        found = self._scaling.get(name, ())
        return [(variant, state) for variant, state in found if together(self._plan, state.resource, near)]

    def _places(self, state: State) -> set[Place]:
        """Return the endpoints and variants that a scaling resource is for."""
        said = state.values.get("resource_id")
        place = variant_of(said) or self._of_target.get(str(said))
        if place is not None:
            return {place}
        return self._beside(state.resource) if state.after and state.resource.is_unknown("resource_id") else set()

    def _beside(self, resource: Resource) -> set[Place]:
        """Return what a resource scales whose target is not made yet: as a target beside it, else by reference."""
        near = [(s.resource, place) for s, place in self._targets if s.after and s.resource.module == resource.module]
        keyed = {place for target, place in near if _belongs(resource.key, target.key)}
        if keyed or len({place for _, place in near}) == 1:
            return keyed or {place for _, place in near}
        for target in self._references.targets(resource, "resource_id"):
            named = [r for r in self._plan.resources() if target.type == ENDPOINT == r.type and target.means(r)]
            if len(named) == 1:
                return {(label(named[0]), "(known after apply)")}
        return set()


def _states(resource: Resource) -> Iterator[State]:
    if resource.before is not None:
        yield State(resource, resource.before, after=False)
    if resource.what == "forget":  # it goes on, and Terraform does not see it any more
        return
    if resource.what != "delete" and resource.deposed is None:
        yield State(resource, afterwards(resource), after=True)


def _target(state: State) -> Place | None:
    return variant_of(state.values.get("resource_id")) if state.resource.type == TARGET else None


def _belongs(key: str | int | None, target: str | int | None) -> bool:
    """Tell whether a policy's key is a target's, or says more than it: `main@ml.m5.large/cpu`."""
    return target is not None and (key == target or str(key).startswith(f"{target}/"))


def label(endpoint: Resource) -> str:
    """Return the name that an endpoint has, else will have; its address where that is not known."""
    name = (endpoint.before or endpoint.values).get("name")
    return name if isinstance(name, str) and name else endpoint.address


def _bounds(states: Iterable[State]) -> Bounds | None:
    target: State | None = None
    policies: dict[str, str] = {}
    for state in states:
        if state.resource.type == TARGET:
            target = state
        else:
            policies[shown(state.values.get("name")) or state.resource.address] = _policy(state.values)
    if target is None:
        return None
    values = target.values
    return Bounds(
        least=values.get("min_capacity"),
        most=values.get("max_capacity"),
        policies=dict(sorted(policies.items())),
        suspended=suspended(values),
        address=target.resource.address,
        concurrency=values.get("scalable_dimension") == _CONCURRENCY,
    )


def _policy(values: Mapping[str, Any]) -> str:
    """Return what a policy or scheduled action does, in a few words."""
    if values.get("schedule"):
        action = block(values, "scalable_target_action")
        bounds = [shown(action.get(name)) for name in ("min_capacity", "max_capacity")]
        return f"schedule {shown(values['schedule'])} ({bounds[0]} to {bounds[1]})"
    tracking = block(values, "target_tracking_scaling_policy_configuration")
    if tracking:
        metric = block(tracking, "predefined_metric_specification").get("predefined_metric_type")
        metric = metric or block(tracking, "customized_metric_specification").get("metric_name") or "a metric"
        target = shown(tracking.get("target_value"))
        stays = ", never in" if tracking.get("disable_scale_in") is True else ""
        return f"{shown(metric)} near {target}{stays}"
    return "steps" if blocks(values, "step_scaling_policy_configuration") else "a policy"
