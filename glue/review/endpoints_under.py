"""What a plan destroys under a live endpoint, and whether the endpoint can go back.

SageMaker starts instances from the live config, its models, their role, artifact and image: for scaling, patching and
replacing a broken instance. Without them the endpoint runs until it needs one
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html, API_DeleteModel.html).
"""

from __future__ import annotations

from collections.abc import Iterator

from glue.review.endpoints_resolve import CONFIG, Entry, Estate, Found, token
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import UNKNOWN, Served
from glue.review.model import Rollback
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.values import Secret


def moves(before: Found | None, after: Found | None) -> bool:
    """Tell whether the endpoint is moved to a config of another name, or of a name that is not known yet."""
    return (
        before is not None and after is not None and (after.name is UNKNOWN or token(before.name) != token(after.name))
    )


def destroyed(before: Found, after: Found) -> Iterator[Said]:
    """Yield the live config and models that are destroyed or overwritten under the endpoint."""
    moving = moves(before, after)
    if before.config is not None:
        yield from _gone("config", before.config, moving=moving)
    for model in before.models:
        yield from _gone("model", model, moving=moving)


def _gone(word: str, old: Entry, *, moving: bool) -> Iterator[Said]:
    resource, name = old.resource, safe(old.values.get("name"))
    if not resource.destroyed:
        return
    after = (resource.after or {}).get("name")
    same = resource.what == "replace" and after is not None and token(after) == token(old.values.get("name"))
    if same and not moving:
        text = (
            f"config {name} changes under the same name: the endpoint never hears of it, and serves what it served"
            if word == "config"
            else f"model {name} changes under the same name: what runs keeps the old one, new instances get the new"
        )
        yield Said("changed-under-same-name", text, "interrupts", old.address)
    elif not moving:
        yield Said(
            f"live-{word}-destroyed",
            f"{word} {name} is destroyed while the endpoint serves it",
            "interrupts",
            old.address,
        )
    elif resource.what == "replace" and not resource.create_first:
        text = f"{word} {name} is destroyed before the endpoint leaves it (no create_before_destroy)"
        yield Said("live-parts-destroyed-first", text, "interrupts", old.address)


def dependencies(plan: Plan, served: Served) -> Iterator[Said]:
    """Yield roles, artifacts, images and keys that the plan destroys and the endpoint needs."""
    needs = _needs(served)
    for kind, attributes in _NEEDED.items():
        for resource in plan.of_type(kind):
            if resource.destroyed and resource.deposed is None:
                for attribute, need in attributes:
                    value = (resource.before or {}).get(attribute)
                    if isinstance(value, str) and value and _needed(need, value, resource, needs):
                        text = f"{safe(resource.address)} is destroyed, and the endpoint needs it to start an instance"
                        yield Said("live-dependency-destroyed", text, "interrupts", resource.address)
                        break


_NEEDED = {
    "aws_iam_role": (("arn", "role"),),
    "aws_s3_bucket": (("bucket", "bucket"), ("id", "bucket")),
    "aws_s3_object": (("key", "object"),),
    "aws_s3_bucket_object": (("key", "object"),),
    "aws_ecr_repository": (("repository_url", "image"),),
    "aws_kms_key": (("arn", "key"), ("key_id", "key")),
    "aws_security_group": (("id", "network"),),
    "aws_subnet": (("id", "network"),),
}


def _needs(served: Served) -> dict[str, set[str]]:
    models = [entry.model for entry in served.everything.values() if entry.model is not None]
    containers = [container for model in models for container in model.containers]
    return {
        "role": {str(model.role) for model in models},
        "artifact": {str(container.artifact) for container in containers},
        "image": {str(container.image) for container in containers},
        "key": {str(served.key)} if served.key else set(),
        "network": {word for model in models for word in _words(model.network)},
    }


def _words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str):
        yield value


def _needed(need: str, value: str, resource: Resource, needs: dict[str, set[str]]) -> bool:
    if need == "bucket":
        return any(artifact.startswith(f"s3://{value}/") for artifact in needs["artifact"])
    if need == "object":
        place = f"s3://{(resource.before or {}).get('bucket')}/{value}"
        return any(a == place or (a.endswith("/") and place.startswith(a)) for a in needs["artifact"])
    if need == "image":
        return any(image.startswith((f"{value}:", f"{value}@")) or image == value for image in needs["image"])
    if need == "key":
        return any(key == value or key.endswith(f"/{value}") for key in needs["key"])
    return value in needs[need]


def rollback(estate: Estate, endpoint: Resource, before: Found | None, after: Found | None, line: str) -> Rollback:
    """Return whether moving one line takes the change back, and what is lost otherwise; `line` names that line."""
    if before is None:
        return Rollback(one_line=False, text="it is new: there is nothing to go back to")
    if after is None or endpoint.destroyed:
        return Rollback(one_line=False, text="the endpoint itself is destroyed")
    if not moves(before, after):
        parts = [entry for entry in (before.config, *before.models) if entry is not None]
        lost = [safe(entry.address) for entry in parts if entry.resource.destroyed]
        text = f"lost: {', '.join(lost)}" if lost else "its config stays; take the change back and apply"
        return Rollback(one_line=not lost, text=text)
    why = _lost(estate, endpoint, before)
    return Rollback(one_line=not why, text=why or line)


def _lost(estate: Estate, endpoint: Resource, before: Found) -> str:
    """Return what of the way back the plan destroys or does not show, "" when all of it stays."""
    if before.config is None:
        return f"config {safe(before.name)} is not in this plan: whether it stays cannot be judged"
    lost = [] if estate.named(CONFIG, before.name, endpoint, after=True) else [f"config {safe(before.name)}"]
    lost += [f"model {safe(model.values.get('name'))}" for model in before.models if not _stays(estate, model)]
    if lost:
        return f"the plan destroys what it would go back to: {', '.join(lost)}"
    return f"cannot be judged: {before.served.unresolved[0]}" if before.served.unresolved else ""


def _stays(estate: Estate, model: Entry) -> bool:
    name = model.values.get("name")
    same = estate.named(model.resource.type, name, model.resource, after=True) if isinstance(name, str | Secret) else []
    return any(not entry.resource.destroyed for entry in same)
