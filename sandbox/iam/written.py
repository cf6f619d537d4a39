"""Policies as they are written: one that IAM cannot read is refused at once, so that none is ever in force.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from glue.iam import PolicyError, parse_policy
from glue.iam.policy import Use
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.iam import parameters

# Code of each service for a policy that cannot be read, from its API reference.
_CODES = {
    "dynamodb": "ValidationException",
    "ecr": "InvalidParameterException",
    "iam": "MalformedPolicyDocument",
    "kms": "MalformedPolicyDocumentException",
    "organizations": "MalformedPolicyDocumentException",
    "s3": "MalformedPolicy",
    "sagemaker": "ValidationException",
    "sns": "InvalidParameter",
    "sqs": "InvalidAttributeValue",
}


def check(call: Call) -> None:
    """Raise AwsError when the call brings a policy that is none, or one of the wrong type."""
    place = _PLACES.get((call.service, call.operation))
    if place is None:
        return
    wanted, find = place
    text = call.body().decode(errors="replace") if call.service == "s3" else find(parameters.read(call))
    if not isinstance(text, str) or not text:
        return
    try:
        parse_policy(_completed(text) if call.service == "ecr" else text).require(wanted)
    except (PolicyError, ValueError) as error:
        raise AwsError(_CODES[call.service], f"The policy is not valid: {error}", 400) from error


def _completed(text: str) -> str:
    """A repository's policy names no resource."""
    document = json.loads(text)
    found = document.get("Statement", []) if isinstance(document, dict) else []
    for statement in found if isinstance(found, list) else [found]:
        if isinstance(statement, dict) and "NotResource" not in statement:
            statement.setdefault("Resource", "*")
    return json.dumps(document)


def _named(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda values: values.get(name)


def _attribute(values: Mapping[str, Any]) -> Any:
    """An attribute among others: a map in JSON, a list of key (or name) and value in the query protocol."""
    if "AttributeName" in values:
        return values.get("AttributeValue") if values["AttributeName"] == "Policy" else None
    found = values.get("Attributes") or values.get("Attribute") or {}
    if isinstance(found, Mapping):
        return found.get("Policy")
    pairs = [one for one in found if isinstance(one, Mapping)]
    return next((str(one.get("value", one.get("Value"))) for one in pairs if "Policy" in one.values()), None)


_Place = tuple[Use, Callable[[Mapping[str, Any]], Any]]
_PLACES: dict[tuple[str, str], _Place] = {
    ("dynamodb", "PutResourcePolicy"): ("resource", _named("Policy")),
    ("ecr", "PutRegistryPolicy"): ("resource", _named("policyText")),
    ("ecr", "SetRepositoryPolicy"): ("resource", _named("policyText")),
    ("iam", "CreatePolicy"): ("identity", _named("PolicyDocument")),
    ("iam", "CreatePolicyVersion"): ("identity", _named("PolicyDocument")),
    ("iam", "CreateRole"): ("trust", _named("AssumeRolePolicyDocument")),
    ("iam", "PutGroupPolicy"): ("identity", _named("PolicyDocument")),
    ("iam", "PutRolePolicy"): ("identity", _named("PolicyDocument")),
    ("iam", "PutUserPolicy"): ("identity", _named("PolicyDocument")),
    ("iam", "UpdateAssumeRolePolicy"): ("trust", _named("PolicyDocument")),
    ("kms", "CreateKey"): ("resource", _named("Policy")),
    ("kms", "PutKeyPolicy"): ("resource", _named("Policy")),
    ("organizations", "CreatePolicy"): ("any", _named("Content")),
    ("organizations", "UpdatePolicy"): ("any", _named("Content")),
    ("s3", "PutBucketPolicy"): ("resource", _named("Policy")),
    ("sagemaker", "PutModelPackageGroupPolicy"): ("resource", _named("ResourcePolicy")),
    ("sns", "CreateTopic"): ("resource", _attribute),
    ("sns", "SetTopicAttributes"): ("resource", _attribute),
    ("sqs", "CreateQueue"): ("resource", _attribute),
    ("sqs", "SetQueueAttributes"): ("resource", _attribute),
}
