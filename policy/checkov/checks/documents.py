"""Reads IAM policies as checkov hands them over: from plans and `jsonencode` as JSON, from data sources as blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Attributes that hold a policy, by type of resource.
IDENTITY = ("aws_iam_group_policy", "aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy")
RESOURCE = (
    "aws_ecr_registry_policy", "aws_ecr_repository_policy", "aws_iam_role", "aws_kms_key", "aws_kms_key_policy",
    "aws_s3_bucket_policy", "aws_sns_topic", "aws_sns_topic_policy", "aws_sqs_queue", "aws_sqs_queue_policy",
)  # fmt: skip
ATTRIBUTES = ("policy", "assume_role_policy")


@dataclass(frozen=True)
class Statement:
    """An Allow statement; `conditions` holds operator, key and values, `principals` type and identifiers."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def does(self, action: str) -> bool:
        """Say whether the statement names an action, by a wildcard too."""
        return any(re.fullmatch(pattern(one), action, re.IGNORECASE) for one in self.actions)

    def asks_for(self, key: str) -> bool:
        """Say whether the statement holds only for certain values of a key."""
        return any(
            name.lower() == key.lower() and "Not" not in operator and not operator.endswith("IfExists")
            for operator, name, _ in self.conditions
            if operator != "Null"
        )


def pattern(text: str) -> str:
    """Return IAM's wildcards as a regular expression."""
    return "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", text))


def listed(value: Any) -> list[Any]:
    """Return one or many as a list; nothing as an empty one, and checkov's lists in lists as one."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple, set)):
        return [value]
    return [inner for one in value for inner in (listed(one) if isinstance(one, (list, tuple, set)) else [one])]


def from_json(conf: dict[str, Any]) -> Iterator[Statement]:
    """Yield the Allow statements of a resource's policy, as far as they are known."""
    for attribute in ATTRIBUTES:
        for document in listed(conf.get(attribute)):
            parsed = parse(document)
            for statement in listed((parsed or {}).get("Statement")):
                if isinstance(statement, dict) and statement.get("Effect") == "Allow":
                    yield _of_json(statement)


def parse(document: Any) -> dict[str, Any] | None:
    """Return a policy; None when it is not known before the apply."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return None
    return document if isinstance(document, dict) else None


def _of_json(statement: dict[str, Any]) -> Statement:
    principal = statement.get("Principal")
    pairs = principal.items() if isinstance(principal, dict) else [("AWS", one) for one in listed(principal)]
    conditions = statement.get("Condition") or {}
    return Statement(
        actions=_texts(statement.get("Action")) + (("*",) if "NotAction" in statement else ()),
        resources=_texts(statement.get("Resource")) + (("*",) if "NotResource" in statement else ()),
        principals=tuple((str(sort), str(one)) for sort, names in pairs for one in listed(names)),
        conditions=tuple(
            (operator, key, _texts(values)) for operator, keys in conditions.items() for key, values in keys.items()
        ),
    )


def from_blocks(conf: dict[str, Any]) -> Iterator[Statement]:
    """Yield the Allow statements of an aws_iam_policy_document, as it is written."""
    for statement in listed(conf.get("statement")):
        if isinstance(statement, dict) and (_texts(statement.get("effect")) or ("Allow",)) == ("Allow",):
            principals = [one for one in listed(statement.get("principals")) if isinstance(one, dict)]
            conditions = [one for one in listed(statement.get("condition")) if isinstance(one, dict)]
            yield Statement(
                actions=_texts(statement.get("actions")),
                resources=_texts(statement.get("resources")),
                principals=tuple(
                    (_first(one, "type"), name) for one in principals for name in _texts(one.get("identifiers"))
                ),
                conditions=tuple(
                    (_first(c, "test"), _first(c, "variable"), _texts(c.get("values"))) for c in conditions
                ),
            )


def _first(block: dict[str, Any], name: str) -> str:
    return str((listed(block.get(name)) or [""])[0])


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in listed(value))
