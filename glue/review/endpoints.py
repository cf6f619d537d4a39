"""The endpoint lines of a review: for each endpoint that a plan touches, what becomes of it.

Also for plans of other modules: names are looked up among the plan's resources, unknown ones followed through its
configuration. What cannot be resolved is said, and graded up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from glue.review.endpoints_alarms import Alarms
from glue.review.endpoints_apart import scaled_elsewhere
from glue.review.endpoints_around import Around, label
from glue.review.endpoints_resolve import CONFIG, ENDPOINT, MODEL, Estate, together, token
from glue.review.endpoints_saying import safe
from glue.review.endpoints_shape import variants_of
from glue.review.endpoints_story import Story, more_than_tags
from glue.review.model import Finding, Part, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource

# Endpoints, and what they are made of, as providers other than `aws` call them.
_FOREIGN = re.compile(r"^(awscc_sagemaker_(endpoint|endpoint_config|model)|aws_cloudcontrolapi_resource)$")
_COMPONENT = re.compile(r"^aws(cc)?_sagemaker_inference_component$")
_SHOWN = 5


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return a line for each endpoint that a plan touches, and what the rules say of it."""
    estate, around, alarms = Estate(plan), Around(plan), Alarms(plan)
    every = [Story(plan, settings, estate, around, alarms, endpoint) for endpoint in _endpoints(plan)]
    told = [story for story in every if story.touched]
    findings = [finding for story in told for finding in story.findings()]
    used = {id(resource) for story in every for resource in story.parts}
    spare = [r for r in plan.of_type(CONFIG, MODEL) if id(r) not in used and more_than_tags(r)]
    findings += _unseen(plan, spare, settings)
    findings += _broken(estate, spare, settings)
    findings += _elsewhere(plan, settings)
    apart = list(scaled_elsewhere(plan, around, every, settings))
    findings += [finding for story in apart for finding in story.findings()]
    claimed = {address for story in told for address in story.addresses()}
    claimed |= {address for story in apart for address in story.addresses()}
    return Part(
        findings=tuple(findings),
        endpoints=(*(story.change for story in told), *(story.change for story in apart)),
        folded=tuple(_folded(spare)),
        claimed=frozenset(claimed | {resource.address for resource in spare if resource.deposed is None}),
    )


def _endpoints(plan: Plan) -> Iterator[Resource]:
    """Yield every endpoint of a plan once, what stays as it is too."""
    seen: set[tuple[str, str | None]] = set()
    for resource in (*plan.of_type(ENDPOINT), *(r for r in plan.resources() if r.type == ENDPOINT)):
        if (resource.address, resource.deposed) not in seen:
            seen.add((resource.address, resource.deposed))
            yield resource


def _unseen(plan: Plan, spare: Iterable[Resource], settings: Settings) -> Iterator[Finding]:
    """Yield configs and models that go, where no endpoint of the plan could say whether it needs them."""
    endpoints = list(_endpoints(plan))
    for resource in spare:
        if resource.destroyed and not any(_of(plan, resource, endpoint) for endpoint in endpoints):
            word = "config" if resource.type == CONFIG else "model"
            name = safe((resource.before or {}).get("name"))
            yield settings.rules.finding(
                "endpoint-parts-unseen",
                resource=resource.address,
                message=f"{word} {name} is destroyed, and no endpoint in this plan says whether one uses it",
            )


def _broken(estate: Estate, spare: Iterable[Resource], settings: Settings) -> Iterator[Finding]:
    """Yield models that go although a config that stays, and that no endpoint serves now, names them."""
    gone = [resource for resource in spare if resource.type == MODEL and resource.destroyed and not resource.deposed]
    if not gone:
        return
    kept: dict[object, str] = {}
    for entry in estate.of_type(CONFIG, after=True):
        for group in ("production_variants", "shadow_production_variants"):
            kept |= {token(block.get("model_name")): entry.address for _, block in variants_of(entry.values, group)}
    for resource in gone:
        name = (resource.before or {}).get("name")
        config = kept.get(token(name))
        if config is not None and not estate.named(MODEL, name, resource, after=True):
            yield settings.rules.finding(
                "rollback-lost",
                resource=resource.address,
                message=f"model {safe(name)} is destroyed, and {safe(config)}, which stays, cannot be gone back to",
            )


def _of(plan: Plan, resource: Resource, endpoint: Resource) -> bool:
    """Tell whether a config or model that an endpoint does not serve is one of its own: made beside it, or named so."""
    name = (resource.before or {}).get("name")
    named = isinstance(name, str) and name.startswith(f"{label(endpoint)}-")
    return (resource.module == endpoint.module or named) and together(plan, resource, endpoint)


def _elsewhere(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Yield endpoints of other providers, and inference components: what is inside them is not compared."""
    for resource in plan.changes:
        if resource.mode != "managed" or not more_than_tags(resource):
            continue
        kind = str(resource.values.get("type_name") or "")
        if _COMPONENT.match(resource.type) or kind == "AWS::SageMaker::InferenceComponent":
            rule = "inference-component-destroyed" if resource.destroyed else "endpoint-unresolved"
            text = f"inference component {safe(resource.address)} {_verb(resource)}"
        elif _FOREIGN.match(resource.type) and (
            resource.type.startswith("awscc_") or kind.startswith("AWS::SageMaker::")
        ):
            is_endpoint = resource.type == "awscc_sagemaker_endpoint" or kind == "AWS::SageMaker::Endpoint"
            rule = "endpoint-destroyed" if resource.destroyed and is_endpoint else "endpoint-unresolved"
            text = f"{safe(resource.address)} {_verb(resource)}, and its values cannot be compared"
        else:
            continue
        if resource.what != "create" or rule != "endpoint-unresolved":
            yield settings.rules.finding(rule, resource=resource.address, message=text)


def _verb(resource: Resource) -> str:
    return {"create": "is made", "update": "changes", "delete": "is destroyed", "replace": "is replaced"}.get(
        resource.what, "is forgotten"
    )


def _folded(spare: Iterable[Resource]) -> Iterator[str]:
    """Yield one line for what no live endpoint uses: revisions that come, and that are pruned."""
    groups: dict[str, list[Resource]] = {}
    for resource in (r for r in spare if r.deposed is None):
        what = "prepared" if resource.what == "create" else "pruned" if resource.destroyed else "changed"
        groups.setdefault(what, []).append(resource)
    for what, resources in groups.items():
        configs = [r for r in resources if r.type == CONFIG]
        names = [safe(r.key if isinstance(r.key, str) else label(r)) for r in configs or resources]
        listed = ", ".join(sorted(names)[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        numbers = ((len(configs), "config"), (len(resources) - len(configs), "model"))
        counts = " and ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in numbers if number)
        yield f"{counts} that no endpoint serves are {what}: {listed}"
