"""Checks of policies: each for resources that hold a policy, and for data sources that write one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from documents import IDENTITY, RESOURCE, Statement, from_blocks, from_json

Bad = Callable[[Statement], bool]


class OfResource(BaseResourceCheck):
    """Looks at the JSON of a resource."""

    def __init__(self, number: int, name: str, resources: tuple[str, ...], bad: Bad) -> None:
        super().__init__(
            name=name, id=f"CKV_SLIPWAY_{number}", categories=[CheckCategories.IAM], supported_resources=[*resources]
        )
        self.bad = bad

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Fail when a statement is bad."""
        return CheckResult.FAILED if any(self.bad(one) for one in from_json(conf)) else CheckResult.PASSED


class OfData(BaseDataCheck):
    """Looks at the blocks of a data source."""

    def __init__(self, number: int, name: str, bad: Bad) -> None:
        supported = ["aws_iam_policy_document"]
        super().__init__(
            name=name, id=f"CKV_SLIPWAY_{number}", categories=[CheckCategories.IAM], supported_data=supported
        )
        self.bad = bad

    def scan_data_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Fail when a statement is bad."""
        return CheckResult.FAILED if any(self.bad(one) for one in from_blocks(conf)) else CheckResult.PASSED


def invokes_unnamed_endpoints(statement: Statement) -> bool:
    """Tell whether InvokeEndpoint is allowed on more than endpoints that are named."""
    invokes = any(
        statement.does(f"sagemaker:{one}")
        for one in ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream")
    )
    return invokes and any(
        re.search(r"[*?]", resource) and re.match(resource_pattern(resource), "arn:aws:sagemaker:")
        for resource in statement.resources
    )


def resource_pattern(resource: str) -> str:
    """Return a regular expression for what begins like the ARN, up to its first wildcard, cut to a service's length."""
    fixed = re.split(r"[*?]", resource)[0][: len("arn:aws:sagemaker:")]
    return re.escape(fixed)


def passes_roles_to_any_service(statement: Statement) -> bool:
    """Tell whether PassRole is allowed without saying to which service."""
    return statement.does("iam:PassRole") and not statement.asks_for("iam:PassedToService")


def is_open_to_an_account(statement: Statement) -> bool:
    """Tell whether everybody, or all of an account, is let in without a condition."""
    wide = any(
        sort in ("AWS", "*") and re.fullmatch(r"\*|\d{12}|arn:[\w-]+:iam::(\d{12}|\*):root", name)
        for sort, name in statement.principals
    )
    return wide and not statement.conditions


for number, name, bad, holders in (
    (1, "Ensure InvokeEndpoint is allowed on named endpoints only", invokes_unnamed_endpoints, IDENTITY),
    (2, "Ensure PassRole says to which service (iam:PassedToService)", passes_roles_to_any_service, IDENTITY),
    (6, "Ensure no resource policy is open to a whole account without a condition", is_open_to_an_account, RESOURCE),
):
    OfResource(number, name, holders, bad)
    OfData(number, name, bad)
