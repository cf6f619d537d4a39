"""The roles, policies and resources that the plans make, as plain data.

What only AWS knows after an apply is given a name here: a key's ARN ends in its alias.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.planned_policies import Setting

Document = dict[str, Any]
# Attributes that hold a policy, by type of resource. A policy anywhere else is refused, so that none is overlooked.
HOLDERS = {
    "aws_ecr_registry_policy": "policy",
    "aws_iam_policy": "policy",
    "aws_iam_role": "assume_role_policy",
    "aws_iam_role_policy": "policy",
    "aws_kms_key": "policy",
    "aws_s3_bucket_policy": "policy",
    "aws_sns_topic": "policy",
    "aws_sqs_queue": "policy",
}
NO_IAM = {"aws_ecr_lifecycle_policy"}
_ORDER = {"aws_iam_role": 0, "aws_iam_role_policy_attachment": 2}


@dataclass
class Role:
    """A planned role. `boundary` is an ARN; `policies` are inline ones by name, and attached ones by ARN."""

    arn: str
    trust: Document
    boundary: str | None
    policies: dict[str, Document] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The role's name, without path."""
        return self.arn.rpartition("/")[2]

    @property
    def account(self) -> str:
        """The role's account."""
        return self.arn.split(":")[4]


@dataclass
class Estate:
    """Everything that the plans of some environments make. Keys are ARNs; a registry's is `…:repository/*`."""

    roles: dict[str, Role] = field(default_factory=dict)
    managed: dict[str, Document] = field(default_factory=dict)
    resources: dict[str, list[Document]] = field(default_factory=dict)

    def documents(self) -> dict[str, tuple[str, Document]]:
        """Return every policy with its sort: identity, trust or resource."""
        found: dict[str, tuple[str, Document]] = {arn: ("identity", one) for arn, one in self.managed.items()}
        for role in self.roles.values():
            found[f"{role.arn} trust"] = ("trust", role.trust)
            found |= {f"{role.arn} {name}": ("identity", one) for name, one in role.policies.items()}
        for arn, several in self.resources.items():
            if arn in self.roles:
                continue  # its trust, which is there already
            found |= {f"{arn} {number}": ("resource", one) for number, one in enumerate(several)}
        return found


def estate(planned: Mapping[str, Mapping[str, Any]], settings: Iterable[Setting]) -> Estate:
    """Return what the plans of these settings make together. Raises ValueError for a policy that it cannot place."""
    found = Estate()
    for setting in settings:
        for plan in planned[setting.name].values():
            _Reader(setting, plan, found).read()
    return found


class _Reader:
    """Reads one plan into an estate."""

    def __init__(self, setting: Setting, plan: Mapping[str, Any], found: Estate) -> None:
        self.setting, self.found = setting, found
        self.here = f"{setting.environment['region']}:{setting.account}"
        self.changes = {one["address"]: one for one in plan["resource_changes"]}
        self.after = {
            address: one["change"]["after"] for address, one in self.changes.items() if one["mode"] == "managed"
        }

    def read(self) -> None:
        """Take in roles first and attachments last: policies come as resources of their own."""
        for address in sorted(self.after, key=lambda one: _ORDER.get(self.changes[one]["type"], 1)):
            self._one(address, self.changes[address]["type"], self.after[address])

    def _one(self, address: str, kind: str, after: dict[str, Any]) -> None:
        for attribute, value in after.items():
            known = HOLDERS.get(kind) == attribute or kind in NO_IAM
            if isinstance(value, str) and '"Statement"' in value and not known:
                raise ValueError(f"{address}.{attribute} holds a policy, and nobody looks at it: add it to HOLDERS")
        take = getattr(self, f"_{kind}", None)
        if take:
            take(address, after)

    def _aws_iam_role(self, address: str, after: dict[str, Any]) -> None:
        arn = f"arn:aws:iam::{self.setting.account}:role{after['path'] or '/'}{after['name']}"
        trust = self._document(address, "assume_role_policy")
        self.found.roles[arn] = Role(arn, trust, after.get("permissions_boundary"))
        self.found.resources[arn] = [trust]

    def _aws_iam_role_policy(self, address: str, after: dict[str, Any]) -> None:
        role = self.found.roles[f"arn:aws:iam::{self.setting.account}:role/{self._role(address, after)}"]
        role.policies[after["name"]] = self._document(address, "policy")

    def _aws_iam_role_policy_attachment(self, address: str, after: dict[str, Any]) -> None:
        policy = self.found.managed.get(str(after.get("policy_arn")))
        if policy is None:
            raise ValueError(f"{address} attaches {after.get('policy_arn')}, which this plan does not make")
        role = self.found.roles[f"arn:aws:iam::{self.setting.account}:role/{self._role(address, after)}"]
        role.policies[str(after["policy_arn"])] = policy

    def _aws_iam_policy(self, address: str, after: dict[str, Any]) -> None:
        arn = f"arn:aws:iam::{self.setting.account}:policy{after['path'] or '/'}{after['name']}"
        self.found.managed[arn] = self._document(address, "policy")

    def _aws_s3_bucket_policy(self, address: str, _: dict[str, Any]) -> None:
        bucket = self._beside(address, "aws_s3_bucket")["bucket"]
        self._resource(f"arn:aws:s3:::{bucket}", self._document(address, "policy"))

    def _aws_kms_key(self, address: str, _: dict[str, Any]) -> None:
        self._resource(self._key(address), self._document(address, "policy"))

    def _aws_sns_topic(self, address: str, after: dict[str, Any]) -> None:
        self._resource(f"arn:aws:sns:{self.here}:{after['name']}", self._document(address, "policy"))

    def _aws_sqs_queue(self, address: str, after: dict[str, Any]) -> None:
        self._resource(f"arn:aws:sqs:{self.here}:{after['name']}", self._document(address, "policy"))

    def _aws_ecr_registry_policy(self, address: str, _: dict[str, Any]) -> None:
        self._resource(f"arn:aws:ecr:{self.here}:repository/*", self._document(address, "policy"))

    def _aws_lambda_permission(self, address: str, after: dict[str, Any]) -> None:
        function = after.get("function_name") or self._beside(address, "aws_lambda_function")["function_name"]
        qualifier = f":{after['qualifier']}" if after["qualifier"] else ""
        arn = f"arn:aws:lambda:{self.here}:function:{function}{qualifier}"
        sort = "Service" if after["principal"].endswith(".amazonaws.com") else "AWS"
        conditions = {
            "lambda:FunctionUrlAuthType": after.get("function_url_auth_type"),
            "aws:SourceAccount": after.get("source_account"),
            "aws:SourceArn": after.get("source_arn"),
            "aws:PrincipalOrgID": after.get("principal_org_id"),
        }
        given = {key: value for key, value in conditions.items() if value}
        statement = {
            "Sid": after["statement_id"],
            "Effect": "Allow",
            "Principal": {sort: after["principal"]},
            "Action": after["action"],
            "Resource": arn,
        } | ({"Condition": {"StringEquals": given}} if given else {})
        self._resource(arn, {"Version": "2012-10-17", "Statement": [statement]})

    def _resource(self, arn: str, document: Document) -> None:
        self.found.resources.setdefault(arn, []).append(document)

    def _role(self, address: str, after: dict[str, Any]) -> str:
        return str(after.get("role") or self._beside(address, "aws_iam_role")["name"])

    def _beside(self, address: str, kind: str) -> dict[str, Any]:
        """Return the one resource of a type in the same module."""
        found: dict[str, Any] = self.after[self._address_beside(address, kind)]
        return found

    def _address_beside(self, address: str, kind: str) -> str:
        module = self.changes[address]["module_address"]
        here = {one: change for one, change in self.changes.items() if change["module_address"] == module}
        (found,) = (one for one, change in here.items() if change["type"] == kind)
        return str(found)

    def _key(self, address: str) -> str:
        """Return an ARN for a planned key: the alias of the same name in Terraform stands where KMS puts an id."""
        alias = self.after[address.replace("aws_kms_key.", "aws_kms_alias.")]["name"]
        return f"arn:aws:kms:{self.here}:key/{alias.removeprefix('alias/')}"

    def _document(self, address: str, attribute: str) -> Document:
        text = self.after[address].get(attribute)
        if not text:
            raise ValueError(f"{address}.{attribute} is known after the apply only: nobody could review it")
        document: Document = json.loads(text)
        return document
