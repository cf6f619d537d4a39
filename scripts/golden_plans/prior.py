"""The state that an apply of a plan would have left, made from the plan: what AWS would decide gets plausible values.

The form is Terraform's state file, version 4; values follow the provider's own schema.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

ACCOUNT = "333333333333"
REGION = "eu-west-1"
STAMP = "2026-11-21T10:00:00Z"
BUILTIN = "terraform.io/builtin/terraform"
# `%s` is the resource's name; what is missing here is "arn:aws:<service>:<region>:<account>:<rest of the type>/<name>"
ARNS = {
    "aws_appautoscaling_target": "arn:aws:application-autoscaling:{here}:scalable-target/{name}",
    "aws_cloudwatch_composite_alarm": "arn:aws:cloudwatch:{here}:alarm:{name}",
    "aws_cloudwatch_log_group": "arn:aws:logs:{here}:log-group:{name}",
    "aws_cloudwatch_metric_alarm": "arn:aws:cloudwatch:{here}:alarm:{name}",
    "aws_dynamodb_table": "arn:aws:dynamodb:{here}:table/{name}",
    "aws_ecr_repository": "arn:aws:ecr:{here}:repository/{name}",
    "aws_iam_openid_connect_provider": "arn:aws:iam::{account}:oidc-provider/{name}",
    "aws_iam_policy": "arn:aws:iam::{account}:policy/{name}",
    "aws_iam_role": "arn:aws:iam::{account}:role/{name}",
    "aws_kms_alias": "arn:aws:kms:{here}:{name}",
    "aws_kms_key": "arn:aws:kms:{here}:key/{uuid}",
    "aws_lambda_alias": "arn:aws:lambda:{here}:function:{function_name}:{name}",
    "aws_lambda_function": "arn:aws:lambda:{here}:function:{function_name}",
    "aws_s3_bucket": "arn:aws:s3:::{name}",
    "aws_sagemaker_endpoint": "arn:aws:sagemaker:{here}:endpoint/{name}",
    "aws_sagemaker_endpoint_configuration": "arn:aws:sagemaker:{here}:endpoint-config/{name}",
    "aws_sagemaker_model": "arn:aws:sagemaker:{here}:model/{name}",
    "aws_sagemaker_model_package_group": "arn:aws:sagemaker:{here}:model-package-group/{name}",
    "aws_sns_topic": "arn:aws:sns:{here}:{name}",
    "aws_sqs_queue": "arn:aws:sqs:{here}:{name}",
}
# Types whose id is their ARN.
BY_ARN = {"aws_iam_openid_connect_provider", "aws_iam_policy", "aws_sns_topic", "aws_sns_topic_policy"}
EMPTY = {"fifo_throughput_scope"}  # what AWS leaves empty unless it was asked for
NAMES = ("name", "bucket", "function_name", "alarm_name", "dashboard_name", "model_package_group_name", "role", "url")


class Made:
    """Invents what AWS would have answered for one resource: the same for the same address, always."""

    def __init__(self, change: Mapping[str, Any]) -> None:
        self.kind: str = change["type"]
        self.address: str = change["address"]
        self.known: Mapping[str, Any] = change["change"]["after"] or {}
        self.seed = hashlib.sha256(self.address.encode()).hexdigest()

    @property
    def name(self) -> str:
        """What people call it: its name, one made from its prefix, or something that only this address has."""
        prefix = self.known.get("name_prefix") or self.known.get("bucket_prefix")
        own = next((str(self.known[one]) for one in NAMES if self.known.get(one)), None)
        return own or (f"{prefix}20261121100000{self.seed[:6]}" if prefix else f"made-{self.seed[:12]}")

    @property
    def arn(self) -> str:
        """Its ARN."""
        service, _, rest = self.kind.removeprefix("aws_").partition("_")
        form = ARNS.get(self.kind, f"arn:aws:{service}:{{here}}:{rest.replace('_', '-')}/{{name}}")
        return form.format(
            here=f"{REGION}:{ACCOUNT}", account=ACCOUNT, name=self.name.removeprefix("https://"), uuid=self.uuid,
            function_name=self.known.get("function_name", "function"),
        )  # fmt: skip

    @property
    def uuid(self) -> str:
        """A UUID that only this address has."""
        return str(uuid.UUID(self.seed[:32]))

    def text(self, attribute: str) -> str:
        """Return a string for an attribute that was unknown in the plan."""
        fixed = {"arn": self.arn, "key_id": self.uuid, "version": "1", "owner_id": ACCOUNT, "account_id": ACCOUNT}
        fixed |= {"region": REGION, "bucket_region": REGION, "registry_id": ACCOUNT, "qualified_arn": f"{self.arn}:1"}
        if attribute in fixed:
            return fixed[attribute]
        if attribute == "id":
            return self._id()
        if attribute in EMPTY:
            return ""
        if "date" in attribute or attribute.startswith("last_"):
            return STAMP
        return self.name if attribute in NAMES else f"{attribute.replace('_', '-')}-{self.seed[:8]}"

    def _id(self) -> str:
        if self.kind in BY_ARN:
            return self.arn
        if self.kind == "aws_kms_key":
            return self.uuid
        if self.kind == "aws_appautoscaling_target":
            return str(self.known.get("resource_id") or self.name)
        if self.kind == "aws_iam_role_policy":
            return f"{self.known.get('role') or 'role'}:{self.name}"
        return self.name


def state(shown: Mapping[str, Any], schemas: Mapping[str, Any], *, serial: int = 1) -> dict[str, Any]:
    """Return the state after applying a plan.

    Args:
        shown: `terraform show -json` of the plan.
        schemas: `terraform providers schema -json`.
        serial: the state's number.
    """
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for change in shown.get("resource_changes", []):
        actions = change["change"]["actions"]
        if change["mode"] != "managed" or actions in (["delete"], ["forget"]) or change.get("deposed"):
            continue
        provider = change["provider_name"]
        schema = schemas["provider_schemas"][provider]["resource_schemas"][change["type"]]
        place = (change.get("module_address", ""), change["type"], change["name"])
        group = groups.setdefault(place, _group(change, provider))
        group["instances"].append(_instance(change, schema))
    outputs = shown["planned_values"].get("outputs", {})
    return {
        "version": 4,
        "terraform_version": shown["terraform_version"],
        "serial": serial,
        "lineage": "11111111-2222-4333-8444-555555555555",
        "outputs": {name: _output(one) for name, one in outputs.items() if "type" in one and "value" in one},
        "resources": [groups[place] for place in sorted(groups)],
        "check_results": None,
    }


def _output(planned: Mapping[str, Any]) -> dict[str, Any]:
    kept = {"value": planned["value"], "type": planned["type"]}
    return kept | ({"sensitive": True} if planned.get("sensitive") else {})


def _group(change: Mapping[str, Any], provider: str) -> dict[str, Any]:
    module = {"module": change["module_address"]} if change.get("module_address") else {}
    kind = {"mode": "managed", "type": change["type"], "name": change["name"]}
    return module | kind | {"provider": f'provider["{provider}"]', "instances": []}


def _instance(change: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = change["change"]
    values = _block(schema["block"], inner["after"], inner["after_unknown"], inner.get("before"), Made(change))
    index = {"index_key": change["index"]} if "index" in change else {}
    marked = [list(path) for path in _paths(inner.get("after_sensitive"), schema["block"])]
    return index | {"schema_version": schema["version"], "attributes": values, "sensitive_attributes": marked}


def _paths(marks: Any, kind: Any) -> Iterator[tuple[dict[str, Any], ...]]:
    """Yield the paths that a plan calls sensitive, as a state writes them; `kind` is a block or a type."""
    if marks is True:
        yield ()
    elif isinstance(marks, Mapping):
        for name, inner in marks.items():
            of_map = isinstance(kind, list) and kind[0] == "map"
            step = _index(name, "string") if of_map else {"type": "get_attr", "value": name}
            yield from ((step, *rest) for rest in _paths(inner, _inside(kind, name)))
    elif isinstance(marks, list):
        for number, inner in enumerate(marks):
            yield from ((_index(number, "number"), *rest) for rest in _paths(inner, _inside(kind, None)))


def _index(key: str | int, kind: str) -> dict[str, Any]:
    return {"type": "index", "value": {"value": key, "type": kind}}


def _inside(kind: Any, name: str | None) -> Any:
    """Return the schema of an attribute, a nested block or an element."""
    if isinstance(kind, Mapping):
        found = kind.get("attributes", {}).get(name, {}).get("type") or kind.get("block_types", {}).get(name)
        return kind.get("block", kind) if name is None else found
    if isinstance(kind, list):
        return kind[1].get(name) if isinstance(kind[1], Mapping) and name is not None else kind[1]
    return kind


def _block(block: Mapping[str, Any], after: Any, unknown: Any, before: Any, made: Made) -> dict[str, Any]:
    after, unknown, before = _mapping(after), _mapping(unknown), _mapping(before)
    values = {
        name: _attribute(one, name, (after.get(name), unknown.get(name), before.get(name)), made)
        for name, one in block.get("attributes", {}).items()
    }
    for name, one in block.get("block_types", {}).items():
        values[name] = _nested(one, after.get(name), unknown.get(name), made)
    return values


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _attribute(schema: Mapping[str, Any], name: str, found: tuple[Any, Any, Any], made: Made) -> Any:
    after, unknown, before = found
    kind = schema.get("type", ["object", {}])
    if unknown is True:
        value = before if before is not None else _invented(kind, name, made)
    else:
        value = _mixed(kind, name, after, unknown, made)
    if kind == "dynamic":  # a state writes the type of such a value beside it
        return None if value is None else {"value": value, "type": _type_of(value)}
    return value


def _mixed(kind: Any, name: str, after: Any, unknown: Any, made: Made) -> Any:
    """Return a value of which parts may be unknown."""
    if not unknown or after is None:
        return after
    if isinstance(after, Mapping):
        keys = {**after, **_mapping(unknown)}
        return {key: _part(kind, key, after.get(key), _mapping(unknown).get(key), made) for key in keys}
    if isinstance(after, list):
        wanted = unknown if isinstance(unknown, list) else []
        pairs = zip(after, [*wanted, *[None] * (len(after) - len(wanted))], strict=False)
        return [_part(kind, name, one, maybe, made) for one, maybe in pairs]
    return after


def _part(kind: Any, name: str, after: Any, unknown: Any, made: Made) -> Any:
    inner = kind[1] if isinstance(kind, list) else kind
    inner = inner.get(name, "string") if isinstance(inner, Mapping) else inner
    return _invented(inner, name, made) if unknown is True else _mixed(inner, name, after, unknown, made)


def _nested(schema: Mapping[str, Any], after: Any, unknown: Any, made: Made) -> Any:
    many = schema["nesting_mode"] in {"list", "set"}
    if unknown is True or after is None:
        return [] if many else None
    if not many:
        return _block(schema["block"], after, unknown, None, made)
    wanted = unknown if isinstance(unknown, list) else [{}] * len(after)
    return [_block(schema["block"], one, maybe, None, made) for one, maybe in zip(after, wanted, strict=False)]


def _invented(kind: Any, name: str, made: Made) -> Any:
    plain = {"string": made.text(name), "number": 0, "bool": False, "dynamic": None}
    if isinstance(kind, str):
        return plain[kind]
    outer, inner = kind
    if outer == "object":
        return {one: _invented(of, one, made) for one, of in inner.items()}
    return {} if outer == "map" else []


def _type_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ["object", {key: _type_of(one) for key, one in value.items()}]
    if isinstance(value, list):
        return ["tuple", [_type_of(one) for one in value]]
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else "string"
