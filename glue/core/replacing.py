"""A plan must never delete an endpoint to make it anew: nobody would answer meanwhile.

Adding or removing `auto_rollback_configuration` forces a new endpoint, and an update that somebody makes by hand
without a deployment config removes it: RetainDeploymentConfig is false by default
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from glue.core import names
from glue.core.plan import Change
from glue.errors import RefusedError

ENDPOINT = "aws_sagemaker_endpoint"


def check(changes: Iterable[Change], *, stack: str) -> None:
    """Raise RefusedError when a plan replaces an endpoint; the remedy gives it back what it lost, without a pause."""
    for change in changes:
        if change.kind == ENDPOINT and change.what == "replace":
            raise RefusedError(
                f"the plan of {stack} would delete endpoint {change.before.get('name')} and make it anew, and nobody "
                "would answer meanwhile. Somebody updated it by hand, without a deployment config",
                remedy=f"Give it one again, which takes no pause: {_repair(change.before)}\n"
                "Then run the same command again.",
            )


def _repair(endpoint: Mapping[str, Any]) -> str:
    name = str(endpoint.get("name"))
    deployment = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 0,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": names.abort_alarm(name)}]},
    }
    text = json.dumps(deployment, separators=(",", ":"))
    return (
        f"aws sagemaker update-endpoint --endpoint-name {name} --endpoint-config-name "
        f"{endpoint.get('endpoint_config_name')} --deployment-config '{text}'"
    )
