"""A plan that would delete an endpoint to make it anew is refused, with the command that repairs the cause."""

from __future__ import annotations

import json

import pytest

from glue.core import replacing
from glue.core.plan import summarize
from glue.errors import RefusedError

NAME = "slipway-qa-ranker"


def plan(*actions: str, kind: str = "aws_sagemaker_endpoint") -> dict[str, object]:
    before = {"name": NAME, "endpoint_config_name": f"{NAME}-r1-0123abcd"}
    after = {"name": NAME, "endpoint_config_name": f"{NAME}-r2-4567cdef"}
    change = {"actions": list(actions), "before": before, "after": after if "create" in actions else None}
    return {"resource_changes": [{"address": "module.endpoint[0].x.this", "type": kind, "change": change}]}


@pytest.mark.parametrize("actions", [("delete", "create"), ("create", "delete")])
def test_a_replacement_is_refused_with_what_the_endpoint_serves_now(actions: tuple[str, str]) -> None:
    with pytest.raises(RefusedError, match=f"would delete endpoint {NAME}") as caught:
        replacing.check(summarize(plan(*actions)).changes, stack="qa/serving/ranker")
    command = str(caught.value.remedy)
    assert f"--endpoint-name {NAME} --endpoint-config-name {NAME}-r1-0123abcd " in command
    deployment = json.loads(command.split("'")[1])
    assert deployment["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": f"{NAME}-abort"}]}


@pytest.mark.parametrize("actions", [("update",), ("create",), ("delete",)])
def test_everything_else_may_happen_to_an_endpoint(actions: tuple[str, ...]) -> None:
    replacing.check(summarize(plan(*actions)).changes, stack="qa/serving/ranker")


def test_other_things_may_be_replaced() -> None:
    found = plan("delete", "create", kind="aws_sagemaker_endpoint_configuration")
    replacing.check(summarize(found).changes, stack="qa/serving/ranker")
