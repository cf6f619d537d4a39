"""Provisioned concurrency, which moto does not have.

https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse

from sandbox.ext.lambda_common import RefusedError, answer, backend, function_arn, invalid, names, not_found, patch
from sandbox.runtime import context
from sandbox.runtime.clock import Steps
from sandbox.settings import Settings

ALLOCATION = 60.0  # AWS seconds until the environments are there
PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"


@dataclass
class Provisioned:
    """How many environments a version or alias keeps warm. It lives on moto's group of the function's versions."""

    requested: int
    allocated: int = 0
    modified: str = ""

    def shown(self) -> dict[str, Any]:
        """As GetProvisionedConcurrencyConfig shows it."""
        return {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": self.allocated,
            "AllocatedProvisionedConcurrentExecutions": self.allocated,
            "Status": "READY" if self.allocated == self.requested else "IN_PROGRESS",
            "LastModified": self.modified,
        }


def install(settings: Settings) -> None:
    """Add the operations and their path."""
    context.ensure(settings)
    urls.url_paths[PATH] = LambdaResponse.dispatch
    patch(
        LambdaResponse,
        put_provisioned_concurrency_config,
        get_provisioned_concurrency_config,
        delete_provisioned_concurrency_config,
        list_provisioned_concurrency_configs,
    )


def put_provisioned_concurrency_config(self: Any) -> Any:
    """PutProvisionedConcurrencyConfig: IN_PROGRESS for a while, then READY. Not for $LATEST."""
    configs, qualifier = _configs(self)
    wanted = int(json.loads(self.body)["ProvisionedConcurrentExecutions"])
    if wanted < 1:
        raise invalid("ProvisionedConcurrentExecutions must be at least 1.")
    if qualifier == "$LATEST":
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+0000}"
    config = configs[qualifier] = Provisioned(wanted, modified=now)
    context.current().clock.run(_allocate(config), name=f"provision {function_arn(self)}")
    return answer(202, config.shown())


def get_provisioned_concurrency_config(self: Any) -> Any:
    """GetProvisionedConcurrencyConfig."""
    configs, qualifier = _configs(self)
    config = configs.get(qualifier)
    if config is None:
        raise RefusedError(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return answer(200, config.shown())


def delete_provisioned_concurrency_config(self: Any) -> Any:
    """DeleteProvisionedConcurrencyConfig."""
    configs, qualifier = _configs(self)
    configs.pop(qualifier, None)
    return answer(204, None)


def list_provisioned_concurrency_configs(self: Any) -> Any:
    """ListProvisionedConcurrencyConfigs (the same path with List=ALL)."""
    account_id, region, name, _ = names(self)
    group = _group(self)
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{name}"
    configs = group.get("provisioned", {})
    shown = [{"FunctionArn": f"{arn}:{key}", **config.shown()} for key, config in sorted(configs.items())]
    return answer(200, {"ProvisionedConcurrencyConfigs": shown})


def _allocate(config: Provisioned) -> Steps:
    yield ALLOCATION
    config.allocated = config.requested


def _configs(response: Any) -> tuple[dict[str, Provisioned], str]:
    """The configs of the function, and the qualifier that is asked for; it must exist."""
    _, _, name, qualifier = names(response)
    if not qualifier:
        raise invalid("A qualifier is needed: the name of an alias or the number of a version.")
    group = _group(response)
    backend(response).get_function(name, qualifier)  # raises ResourceNotFoundException
    configs: dict[str, Provisioned] = group.setdefault("provisioned", {})
    return configs, qualifier


def _group(response: Any) -> dict[str, Any]:
    _, _, name, _ = names(response)
    group: dict[str, Any] | None = backend(response)._lambdas._functions.get(name)
    if group is None:
        raise not_found(f"Function not found: {function_arn(response)}")
    return group
