"""Checks of SageMaker's models and endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from documents import listed


def containers(conf: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a model's containers."""
    for name in ("primary_container", "container"):
        yield from (one for one in listed(conf.get(name)) if isinstance(one, dict))


def known(block: dict[str, Any], name: str) -> str | None:
    """Return a text that is known already; a reference in HCL is not."""
    found = [one for one in listed(block.get(name)) if isinstance(one, str)]
    text = found[0] if found else ""
    return text if text and not re.match(r"(\$\{|(var|local|each|module|data|try|aws_\w+)\b[.(])", text) else None


class ImageByDigest(BaseResourceCheck):
    """A tag can move to another image between plan and scale-out."""

    def __init__(self) -> None:
        name = "Ensure a model names its image by digest, not by tag"
        super().__init__(name, "CKV_SLIPWAY_3", [CheckCategories.SUPPLY_CHAIN], ["aws_sagemaker_model"])

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Fail for an image that is known and has no digest."""
        images = [image for one in containers(conf) if (image := known(one, "image"))]
        tagged = [one for one in images if not re.search(r"@sha256:[0-9a-f]{64}$", one)]
        return CheckResult.FAILED if tagged else CheckResult.PASSED


class DataInOwnBucket(BaseResourceCheck):
    """An instance that starts at night needs its own account only. Buckets end in their account's id here."""

    def __init__(self) -> None:
        name = "Ensure a model's data lies in a bucket of its own account"
        super().__init__(name, "CKV_SLIPWAY_4", [CheckCategories.GENERAL_SECURITY], ["aws_sagemaker_model"])

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Fail for data in a bucket that is not named after the account of the model's role."""
        role = re.match(r"arn:[\w-]+:iam::(\d{12}):role/", known(conf, "execution_role_arn") or "")
        urls = [url for one in containers(conf) if (url := known(one, "model_data_url"))]
        own = rf"s3://[^/]+-{role[1]}/" if role else r"s3://[^/]+-\d{12}/"
        return CheckResult.FAILED if any(not re.match(own, url) for url in urls) else CheckResult.PASSED


class RollbackAlarms(BaseResourceCheck):
    """Without an alarm nothing brings the old revision back."""

    def __init__(self) -> None:
        name = "Ensure an endpoint rolls back on alarms"
        super().__init__(name, "CKV_SLIPWAY_5", [CheckCategories.GENERAL_SECURITY], ["aws_sagemaker_endpoint"])

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Fail when no alarm is named; alarms that a dynamic block adds count."""
        for deployment in listed(conf.get("deployment_config")):
            for rollback in (
                listed(deployment.get("auto_rollback_configuration")) if isinstance(deployment, dict) else []
            ):
                if isinstance(rollback, dict) and (listed(rollback.get("alarms")) or rollback.get("dynamic")):
                    return CheckResult.PASSED
        return CheckResult.FAILED


for check in (ImageByDigest, DataInOwnBucket, RollbackAlarms):
    check()
