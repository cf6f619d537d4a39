"""Policy documents, parsed strictly: what cannot be understood is an error, it never matches all or nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from glue.iam import elements
from glue.iam.elements import Number, Place, strings, twice
from glue.iam.policy import Policy, Statement, Use

VERSIONS = ("2008-10-17", "2012-10-17")
MAX_CHARACTERS = 524_288  # AWS takes far less from others; its own largest managed policy has 157,000
_POLICY_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip


def parse_policy(document: str | Mapping[str, Any], *, name: str = "", use: Use = "any") -> Policy:
    """Return the policy. Texts that were parsed before are remembered.

    Raises PolicyError with the place and what is wrong: JSON, duplicate or unknown keys, versions, shapes, condition
    operators and their values, wildcards and variables where AWS allows none; with `use`, also principals where they
    cannot be, or none where they must be.
    """
    policy = _parse_text(document, name) if isinstance(document, str) else _policy(document, Place(name))
    policy.require(use)
    return policy


def dump_policy(policy: Policy) -> dict[str, Any]:
    """Return the document as plain data in one canonical form: parsing it again gives an equivalent policy."""
    copy: dict[str, Any] = json.loads(json.dumps(policy.document))
    return copy


@lru_cache(maxsize=1024)
def _parse_text(text: str, name: str) -> Policy:
    place = Place(name)
    if len(text) > MAX_CHARACTERS:
        place.fail(f"longer than {MAX_CHARACTERS} characters")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        read = dict(items)
        if len(read) < len(items):
            place.fail(f"the key {twice(key for key, _ in items)!r} appears twice in one object")
        return read

    def constant(value: str) -> NoReturn:
        place.fail(f"{value} is not JSON")

    try:
        read = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=Number, parse_int=Number)
    except RecursionError:
        place.fail("nested too deeply")
    except json.JSONDecodeError as problem:
        place.fail(f"not JSON: {problem.msg} (line {problem.lineno}, column {problem.colno})")
    return _policy(read, place)


def _policy(document: Any, place: Place) -> Policy:
    if not isinstance(document, Mapping):
        place.fail("must be a JSON object")
    _known(document, _POLICY_KEYS, place)
    version = document.get("Version", VERSIONS[0])
    if version not in VERSIONS:
        place.at("Version").fail(f"must be one of {', '.join(VERSIONS)}, not {version!r}")
    identifier = document.get("Id", "")
    if not isinstance(identifier, str):
        place.at("Id").fail("must be a string")
    if "Statement" not in document:
        place.fail("has no Statement")
    read = document["Statement"]
    raw = [read] if isinstance(read, Mapping) else read
    if not isinstance(raw, list | tuple) or not raw:
        place.at("Statement").fail("must be an object or a list of objects that is not empty")
    variables = version == VERSIONS[1]
    parsed = [
        _statement(one, number, variables=variables, place=place.at(f"Statement[{number}]"))
        for number, one in enumerate(raw, start=1)
    ]
    _unique([statement.sid for statement, _ in parsed], place)
    canonical: dict[str, Any] = {"Version": version, "Statement": [plain for _, plain in parsed]}
    if identifier:
        canonical["Id"] = identifier
    return Policy(place.policy, version, identifier, tuple(statement for statement, _ in parsed), canonical)


def _unique(sids: Iterable[str], place: Place) -> None:
    """Refuse a Sid used twice: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html."""
    again = twice(sid for sid in sids if sid)
    if again:
        place.fail(f"the Sid {again!r} is used twice")


def _known(document: Mapping[str, Any], allowed: set[str], place: Place) -> None:
    for key in document:
        if key not in allowed:
            place.fail(f"unknown key {key!r}")


def _statement(raw: Any, number: int, *, variables: bool, place: Place) -> tuple[Statement, dict[str, Any]]:
    if not isinstance(raw, Mapping):
        place.fail("must be an object")
    plain, action_key, resource_key, principal_key = _shape(raw, place)
    principals = resources = None
    if principal_key:
        principals, plain[principal_key] = elements.principals(raw[principal_key], place.at(principal_key))
    if resource_key:
        plain[resource_key] = strings(raw[resource_key], place.at(resource_key))
        resources = elements.resources(plain[resource_key], variables=variables, place=place.at(resource_key))
    at = place.at("Condition")
    conditions, plain_conditions = elements.conditions(raw.get("Condition", {}), variables=variables, place=at)
    if plain_conditions:
        plain["Condition"] = plain_conditions
    statement = Statement(
        number=number,
        sid=plain.get("Sid", ""),
        allows=plain["Effect"] == "Allow",
        actions=elements.actions(plain[action_key], place.at(action_key)),
        not_action=action_key == "NotAction",
        resources=resources,
        not_resource=resource_key == "NotResource",
        principals=principals,
        not_principal=principal_key == "NotPrincipal",
        conditions=conditions,
    )
    return statement, plain


def _shape(raw: Mapping[str, Any], place: Place) -> tuple[dict[str, Any], str, str | None, str | None]:
    """Return Sid, Effect and actions as plain data, and which of each pair of elements the statement has."""
    _known(raw, _STATEMENT_KEYS, place)
    sid, effect = raw.get("Sid", ""), raw.get("Effect")
    if not isinstance(sid, str) or isinstance(sid, Number):
        place.at("Sid").fail("must be a string")
    if effect not in ("Allow", "Deny"):
        place.at("Effect").fail(f"must be Allow or Deny, not {effect!r}")
    action = _one_of(raw, ("Action", "NotAction"), place) or place.fail("has neither Action nor NotAction")
    resource = _one_of(raw, ("Resource", "NotResource"), place)
    principal = _one_of(raw, ("Principal", "NotPrincipal"), place)
    if resource is None and principal is None:
        place.fail("has neither Resource nor NotResource")
    if principal == "NotPrincipal" and effect == "Allow":
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        place.fail("NotPrincipal must be used with Deny")
    plain = ({"Sid": sid} if sid else {}) | {"Effect": effect, action: strings(raw[action], place.at(action))}
    return plain, action, resource, principal


def _one_of(raw: Mapping[str, Any], keys: tuple[str, str], place: Place) -> str | None:
    present = [key for key in keys if key in raw]
    if len(present) > 1:
        place.fail(f"has both {keys[0]} and {keys[1]}")
    return present[0] if present else None
