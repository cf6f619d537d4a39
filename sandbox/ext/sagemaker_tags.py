"""Tags of SageMaker's resources: moto keeps duplicates, and finds neither model packages nor names with capitals.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext.sagemaker_common import LOCK, backend, invalid, params, patch
from sandbox.settings import Settings

TAG_LIMIT = 50


def install(settings: Settings) -> None:
    """Replace moto's tag operations for every kind of resource that has tags."""
    del settings
    patch(SageMakerResponse, add_tags, list_tags, delete_tags)


def add_tags(self: Any) -> ActionResult:
    """AddTags: a key that is there gets the new value. Answers with all tags."""
    request = params(self)
    with LOCK:
        resource = tagged(self, request["ResourceArn"])
        merged = {tag["Key"]: tag["Value"] for tag in [*resource.tags, *request["Tags"]]}
        if len(merged) > TAG_LIMIT:
            raise invalid(f"A resource has at most {TAG_LIMIT} tags.")
        resource.tags = [{"Key": key, "Value": value} for key, value in merged.items()]
    return ActionResult({"Tags": resource.tags})


def list_tags(self: Any) -> ActionResult:
    """ListTags, all on one page: a resource has at most 50."""
    return ActionResult({"Tags": list(tagged(self, params(self)["ResourceArn"]).tags)})


def delete_tags(self: Any) -> EmptyResult:
    """DeleteTags."""
    request = params(self)
    with LOCK:
        resource = tagged(self, request["ResourceArn"])
        resource.tags = [tag for tag in resource.tags if tag["Key"] not in request["TagKeys"]]
    return EmptyResult()


def tagged(response: Any, identifier: str) -> Any:
    """Return the resource with this ARN. Raises ValidationException when there is none."""
    for resource in _resources(backend(response)):
        if getattr(resource, "arn", None) == identifier:
            if resource.tags is None:
                resource.tags = []
            return resource
    raise invalid(f"Could not find resource {identifier}.")


def _resources(registry: Any) -> Iterator[Any]:
    """Everything in moto's dictionaries; model cards are lists of versions."""
    for store in vars(registry).values():
        if isinstance(store, dict):
            for item in list(store.values()):
                one = item[0] if isinstance(item, list) and item else item
                if hasattr(one, "tags"):
                    yield one
