"""Application Auto Scaling: tags of scalable targets, which moto does not have.

Terraform's provider reads them after every change and cannot go on without an answer.
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.settings import Settings

_MOST_TAGS = 50
_OPERATIONS = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})


def install(settings: Settings) -> None:
    """Answer the tag operations, and keep the tags that a registration brings."""
    del settings
    on_service("application-autoscaling", _answer)
    register = ApplicationAutoScalingResponse.register_scalable_target
    if getattr(register, "keeps_tags", False):
        return

    def register_scalable_target(self: Any) -> str:
        answer: str = register(self)
        tags = json.loads(self.body).get("Tags")
        if tags:
            backend = self.applicationautoscaling_backend
            _set_tags(_target(backend, json.loads(answer)["ScalableTargetARN"]), tags)
        return answer

    register_scalable_target.keeps_tags = True  # type: ignore[attr-defined]
    ApplicationAutoScalingResponse.register_scalable_target = register_scalable_target


def _answer(call: Call) -> Response | None:
    if call.operation not in _OPERATIONS:
        return None
    request = json.loads(call.body() or b"{}")
    target = _target(applicationautoscaling_backends[call.account_id][call.region], request.get("ResourceARN", ""))
    tags: dict[str, str] = target.__dict__.setdefault("tags", {})
    answer: dict[str, Any] = {}
    if call.operation == "TagResource":
        _set_tags(target, request["Tags"])
    elif call.operation == "UntagResource":
        for name in request["TagKeys"]:
            tags.pop(name, None)
    else:
        answer = {"Tags": tags}
    return Response(json.dumps(answer), content_type="application/x-amz-json-1.1")


def _target(backend: Any, arn: str) -> Any:
    for targets in backend.targets.values():
        for target in targets.values():
            if target.arn == arn:
                return target
    raise AwsError("ResourceNotFoundException", f"The resource with ARN {arn} does not exist.")


def _set_tags(target: Any, tags: dict[str, str]) -> None:
    merged = {**target.__dict__.get("tags", {}), **tags}
    if len(merged) > _MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A resource can have at most {_MOST_TAGS} tags.")
    target.tags = merged
