"""Random policies, callers and requests over a small alphabet, so that they often meet."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from glue.iam import Policy, PolicySet, Principal, Request, parse_policy, session_of

HOME, AWAY = "111111111111", "222222222222"
USER = Principal("user", f"arn:aws:iam::{HOME}:user/ann", HOME, unique_id="AIDAEXAMPLEANN0000000", tags={"team": "ml"})
SESSION = session_of(f"arn:aws:iam::{HOME}:role/ml/Trainer", name="night")
ROOT = Principal("root", f"arn:aws:iam::{HOME}:root", HOME)
SERVICE = Principal("service", "sns.amazonaws.com")
TOKEN = Principal("federated", f"arn:aws:sts::{HOME}:federated-user/ann", HOME, issuer_arn=USER.arn)
people = st.sampled_from([USER, SESSION, ROOT, SERVICE, TOKEN, Principal("anonymous")])

ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "sts:AssumeRole"]
action_patterns = st.sampled_from([*ACTIONS, "*", "s3:*", "S3:get*", "sqs:*", "s3:?utObject"])
RESOURCES = ["arn:aws:s3:::models/ann/x", "arn:aws:s3:::models/bob/x", "arn:aws:s3:::logs/x"]
resource_patterns = st.sampled_from(
    [*RESOURCES, "*", "arn:aws:s3:::models/*", "arn:aws:s3:::*/x", "arn:aws:s3:::models/${aws:username}/*"]
)
principal_values = st.sampled_from(
    ["*", HOME, AWAY, USER.arn, SESSION.arn, SESSION.role_arn, TOKEN.arn, f"arn:aws:iam::{HOME}:root"]
)
OPERATORS = {
    "StringEquals": ["a", "b", "${aws:PrincipalTag/team}"],
    "StringNotEquals": ["a", "b", "${aws:PrincipalTag/team}"],
    "StringLike": ["a*", "*", "?"],
    "StringNotLike": ["a*", "b"],
    "StringEqualsIgnoreCase": ["A", "b"],
    "NumericLessThan": ["5", "10"],
    "NumericNotEquals": ["5", "10"],
    "DateLessThan": ["2020-01-01T00:00:00Z", "10"],
    "Bool": ["true", "false"],
    "IpAddress": ["10.0.0.0/8", "::/0"],
    "NotIpAddress": ["10.0.0.0/8"],
    "ArnLike": ["arn:aws:s3:::*", "*"],
    "ArnNotEquals": ["arn:aws:s3:::a"],
    "BinaryEquals": ["YQ=="],
}
KEYS = ["x:one", "x:two"]
VALUES = {name: st.lists(st.sampled_from(told), min_size=1, max_size=2) for name, told in OPERATORS.items()}
VALUES["Null"] = st.lists(st.sampled_from(["true", "false"]), min_size=1, max_size=1)
plain = st.sampled_from([over + name for over in ("", "ForAllValues:", "ForAnyValue:") for name in OPERATORS])
suffixed = plain | plain.map(lambda name: f"{name}IfExists") | st.just("Null")
some_keys = st.sampled_from([KEYS[:1], KEYS[1:], KEYS])
context_values = st.sampled_from(["a", "b", "ml", "7", "true", "10.1.2.3", "arn:aws:s3:::a", "YQ==", ""])
contexts = st.dictionaries(
    st.sampled_from(KEYS), context_values | st.lists(context_values, max_size=3).map(tuple), max_size=2
)


@st.composite
def conditions(draw: st.DrawFn, *, suffix: bool = True) -> dict[str, dict[str, list[str]]]:
    """Return a Condition element."""
    made: dict[str, dict[str, list[str]]] = {}
    for name in draw(st.lists(suffixed if suffix else plain, max_size=2, unique=True)):
        values = VALUES[name.rpartition(":")[2].removesuffix("IfExists")]
        made[name] = {key: draw(values) for key in draw(some_keys)}
    return made


@st.composite
def statements(draw: st.DrawFn, *, principal: bool, effect: str | None = None) -> dict[str, Any]:
    """Return a statement, with principals or without."""
    several_actions = st.lists(action_patterns, min_size=1, max_size=2)
    several_resources = st.lists(resource_patterns, min_size=1, max_size=2)
    told = effect or draw(st.sampled_from(["Allow", "Allow", "Deny"]))
    made: dict[str, Any] = {
        "Effect": told,
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(several_actions),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(several_resources),
        "Condition": draw(conditions()),
    }
    if principal:
        key = draw(st.sampled_from(["Principal", "NotPrincipal"])) if told == "Deny" else "Principal"
        made[key] = {"AWS": draw(st.lists(principal_values, min_size=1, max_size=2))}
    return made


@st.composite
def documents(draw: st.DrawFn, *, principal: bool = False) -> dict[str, Any]:
    """Return a policy document."""
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]))
    return {
        "Version": version,
        "Statement": draw(st.lists(statements(principal=principal), min_size=1, max_size=2)),
    }


def parsed(document: dict[str, Any]) -> Policy:
    return parse_policy(json.dumps(document), name="p")


identity_policies = documents().map(parsed)
resource_policies = documents(principal=True).map(parsed)


@st.composite
def policy_sets(draw: st.DrawFn) -> PolicySet:
    """Return everything that can apply to a request."""
    some = st.lists(identity_policies, max_size=2).map(tuple)
    levels = st.lists(st.lists(identity_policies, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple)
    return PolicySet(
        identity=draw(some),
        boundary=draw(st.none() | identity_policies),
        session=draw(st.none() | some),
        service_control=draw(levels),
        resource=draw(st.lists(resource_policies, max_size=2).map(tuple)),
        kind=draw(st.sampled_from(["default", "key", "trust"])),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Return a request on a resource of the caller's account or of another."""
    return Request(
        draw(people),
        draw(st.sampled_from(ACTIONS)),
        draw(st.sampled_from([*RESOURCES, "*"])),
        draw(contexts),
        draw(st.sampled_from([HOME, AWAY])),
    )
