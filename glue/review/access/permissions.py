"""Resources that are one statement in other words: permissions of functions and event buses, grants on keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glue.iam import PolicyError
from glue.review.access import of_resources
from glue.review.access.holders import Held, Holder
from glue.review.access.statements import Document
from glue.review.access.telling import Story
from glue.review.resource import Resource

Values = Mapping[str, Any]


def _judge_of(make: Callable[[Values, str], dict[str, Any] | None]) -> Callable[..., None]:
    """Return the judge of a resource that is one statement in other words."""

    def judge(resource: Resource, before: Values | None, after: Values | None, story: Story, own: str | None) -> None:
        documents: list[Document | None] = []
        for values in (before, after):
            try:
                made = make(values, resource.address) if values is not None else None
                documents.append(of_resources.document_of([made] if made else []))
            except PolicyError as error:
                if values is after:
                    story.cannot(
                        resource.address, f"it lets in nobody that IAM knows: {error.problem}", rule="policy-invalid"
                    )
                    return
                documents.append(None)
        held = Held(resource, "")
        holder = Holder(resource, "", "resource", "key", held, held)
        name = str(resource.values.get("function_name") or resource.values.get("event_bus_name") or resource.address)
        of_resources.judge(holder, documents[0], documents[1], story, own=own, name=name)

    return judge


def _principal(text: str) -> str | dict[str, str]:
    if text == "*":
        return "*"
    if ".amazonaws.com" in text or text.endswith(".internal"):
        return {"Service": text}
    return {"AWS": text}


def _lambda_permission(values: Values, _address: str) -> dict[str, Any]:
    """Return the statement that Lambda makes: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html."""
    condition: dict[str, dict[str, str]] = {}
    for attribute, operator, key in (
        ("source_arn", "ArnLike", "AWS:SourceArn"),
        ("source_account", "StringEquals", "AWS:SourceAccount"),
        ("principal_org_id", "StringEquals", "aws:PrincipalOrgID"),
        ("function_url_auth_type", "StringEquals", "lambda:FunctionUrlAuthType"),
        ("event_source_token", "StringEquals", "lambda:EventSourceToken"),
    ):
        if isinstance(values.get(attribute), str) and values[attribute]:
            condition.setdefault(operator, {})[key] = values[attribute]
    return {
        "Effect": "Allow",
        "Action": str(values.get("action") or "lambda:*"),
        "Principal": _principal(str(values.get("principal") or "*")),
        "Resource": "*",
        "Condition": condition,
    }


def _event_permission(values: Values, _address: str) -> dict[str, Any]:
    condition: dict[str, dict[str, str]] = {}
    listed = values.get("condition")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping) and one.get("type") and one.get("key"):
            condition.setdefault(str(one["type"]), {})[str(one["key"])] = str(one.get("value"))
    return {
        "Effect": "Allow",
        "Action": str(values.get("action") or "events:PutEvents"),
        "Principal": _principal(str(values.get("principal") or "*")),
        "Resource": "*",
        "Condition": condition,
    }


def _kms_grant(values: Values, _address: str) -> dict[str, Any]:
    operations = values.get("operations")
    condition: dict[str, dict[str, str]] = {}
    listed = values.get("constraints")
    for one in listed if isinstance(listed, list) else []:
        for name in ("encryption_context_equals", "encryption_context_subset"):
            given = one.get(name) if isinstance(one, Mapping) else None
            for key, value in (given or {}).items() if isinstance(given, Mapping) else ():
                condition.setdefault("StringEquals", {})[f"kms:EncryptionContext:{key}"] = str(value)
    return {
        "Effect": "Allow",
        "Action": [f"kms:{name}" for name in operations] if isinstance(operations, list) else "kms:*",
        "Principal": _principal(str(values.get("grantee_principal") or "*")),
        "Resource": "*",
        "Condition": condition,
    }


SYNTHETIC: Mapping[str, Callable[..., None]] = {
    "aws_lambda_permission": _judge_of(_lambda_permission),
    "aws_cloudwatch_event_permission": _judge_of(_event_permission),
    "aws_kms_grant": _judge_of(_kms_grant),
}
