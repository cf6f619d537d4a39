"""What must hold for every policy and every request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from glue.iam import Policy, PolicySet, Reason, Request, dump_policy, evaluate, parse_policy
from tests.iam.strategies import (
    conditions,
    documents,
    identity_policies,
    parsed,
    policy_sets,
    requests,
    statements,
)

ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
DENY_ALL, ALLOW_ALL = parsed({"Statement": DENY}), parsed({"Statement": ALLOW})
DENY_ALL_HERE = parsed({"Statement": DENY | {"Principal": "*"}})
wide = settings(max_examples=40)  # each example is up to ten policies


@wide
@given(requests(), policy_sets(), st.sampled_from(["resource", "identity", "boundary", "session", "service_control"]))
def test_a_deny_always_wins(request: Request, policies: PolicySet, where: str) -> None:
    if where == "resource":
        policies = replace(policies, resource=(*policies.resource, DENY_ALL_HERE))
    elif not request.principal.is_iam:
        return  # services, anonymous callers and the root user have no such policies
    elif where == "boundary":
        policies = replace(policies, boundary=DENY_ALL)
    elif where == "service_control":
        policies = replace(policies, service_control=(*policies.service_control, (DENY_ALL,)))
    else:
        policies = replace(policies, **{where: (*(getattr(policies, where) or ()), DENY_ALL)})
    decision = evaluate(request, policies)
    assert not decision.allowed
    assert decision.explicit_deny


@wide
@given(requests(), policy_sets(), statements(principal=False, effect="Allow"))
def test_an_allow_never_removes_access(request: Request, policies: PolicySet, statement: dict[str, Any]) -> None:
    if evaluate(request, policies).allowed:
        more = parsed({"Version": "2012-10-17", "Statement": statement})
        assert evaluate(request, replace(policies, identity=(*policies.identity, more))).allowed


@wide
@given(requests(), policy_sets(), statements(principal=True, effect="Allow"))
def test_an_allow_of_the_resource_never_removes_access(
    request: Request, policies: PolicySet, statement: dict[str, Any]
) -> None:
    if evaluate(request, policies).allowed:
        more = parsed({"Version": "2012-10-17", "Statement": statement})
        assert evaluate(request, replace(policies, resource=(*policies.resource, more))).allowed


@wide
@given(requests(), policy_sets(), identity_policies)
def test_limits_never_add(request: Request, policies: PolicySet, limit: Policy) -> None:
    before = evaluate(request, replace(policies, boundary=None, session=None, service_control=()))
    for limited in (
        replace(policies, session=None, service_control=(), boundary=limit),
        replace(policies, boundary=None, session=None, service_control=((limit,),)),
    ):
        assert before.allowed or not evaluate(request, limited).allowed
    if not request.principal.is_token_session:  # without session policies such a session may do nothing at all
        passed = replace(policies, boundary=None, service_control=(), session=(limit,))
        assert before.allowed or not evaluate(request, passed).allowed


@given(requests(), identity_policies, st.none() | identity_policies)
def test_effective_permissions_are_an_intersection(request: Request, own: Policy, boundary: Policy | None) -> None:
    if not request.principal.is_iam or request.principal.is_token_session:
        return
    here = replace(request, resource_account_id=request.principal.account_id)
    both = evaluate(here, PolicySet(identity=(own,), boundary=boundary)).allowed
    alone = evaluate(here, PolicySet(identity=(own,))).allowed
    limit = boundary is None or evaluate(here, PolicySet(identity=(boundary,))).allowed
    assert both is (alone and limit)


@given(st.data(), requests(), documents(), documents(principal=True))
def test_order_never_matters(data: st.DataObject, request: Request, own: dict[str, Any], its: dict[str, Any]) -> None:
    def mixed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mixed(value[key]) for key in data.draw(st.permutations(list(value)))}
        if isinstance(value, list):
            return [mixed(one) for one in data.draw(st.permutations(value))]
        return value

    before = evaluate(request, PolicySet(identity=(parsed(own),), resource=(parsed(its),)))
    after = evaluate(request, PolicySet(identity=(parsed(mixed(own)),), resource=(parsed(mixed(its)),)))
    assert (before.allowed, before.reason) == (after.allowed, after.reason)


@given(requests(), documents())
def test_names_of_statements_never_matter(request: Request, document: dict[str, Any]) -> None:
    named = [statement | {"Sid": f"S{number}"} for number, statement in enumerate(document["Statement"])]
    before = evaluate(request, PolicySet(identity=(parsed(document),)))
    after = evaluate(request, PolicySet(identity=(parsed(document | {"Statement": named}),)))
    assert (before.allowed, before.reason) == (after.allowed, after.reason)


@given(requests(), st.booleans().flatmap(lambda principal: documents(principal=principal)))
def test_a_dumped_policy_is_the_same_policy(request: Request, document: dict[str, Any]) -> None:
    first = parsed(document)
    again = parse_policy(dump_policy(first))
    assert dump_policy(again) == dump_policy(first)
    kind = "identity" if first.statements[0].principals is None else "resource"
    one, other = (evaluate(request, PolicySet(**{kind: (policy,)})) for policy in (first, again))
    assert (one.allowed, one.reason) == (other.allowed, other.reason)


@given(requests(), conditions(suffix=False))
def test_if_exists_matches_at_least_as_often(request: Request, condition: dict[str, Any]) -> None:
    lenient = {f"{operator}IfExists": keys for operator, keys in condition.items()}
    strict_one, lenient_one = (
        parsed({"Version": "2012-10-17", "Statement": ALLOW | {"Principal": "*", "Condition": one}})
        for one in (condition, lenient)
    )
    if evaluate(request, PolicySet(resource=(strict_one,))).reason is Reason.RESOURCE:
        assert evaluate(request, PolicySet(resource=(lenient_one,))).reason is Reason.RESOURCE


@given(requests(), conditions())
def test_a_statement_allows_exactly_when_it_would_deny(request: Request, condition: dict[str, Any]) -> None:
    def policy(effect: str) -> Policy:
        element = ALLOW | {"Effect": effect, "Principal": "*", "Condition": condition}
        return parsed({"Version": "2012-10-17", "Statement": element})

    allowed = evaluate(request, PolicySet(resource=(policy("Allow"),))).reason
    denied = evaluate(request, PolicySet(resource=(policy("Deny"),))).explicit_deny
    if request.principal.kind != "root" and request.action != "sts:AssumeRole":
        meets = allowed in (Reason.RESOURCE, Reason.NO_IDENTITY) and _named(request, policy("Allow"))
        assert meets is denied


def _named(request: Request, policy: Policy) -> bool:
    """Tell whether the resource side allows: across accounts the caller's side is then what is missing."""
    home = request.resource_account_id == request.principal.account_id
    reason = evaluate(request, PolicySet(resource=(policy,))).reason
    return reason is Reason.RESOURCE or (not home and reason is Reason.NO_IDENTITY)


@wide
@given(requests(), policy_sets())
def test_identity_policies_never_suffice_for_keys_and_roles(request: Request, policies: PolicySet) -> None:
    for kind in ("key", "trust"):
        bare = replace(policies, identity=(ALLOW_ALL,), resource=(), kind=kind)
        assert not evaluate(request, bare).allowed


@wide
@given(requests(), policy_sets())
def test_a_decision_explains_itself(request: Request, policies: PolicySet) -> None:
    decision = evaluate(request, policies)
    words = decision.sentence()
    assert request.action in words
    assert request.resource in words
    assert ("is not authorized to perform" in words) is not decision.allowed
    if decision.explicit_deny or (decision.allowed and decision.reason is not Reason.ROOT):
        assert decision.statements
    assert json.dumps([(hit.policy, hit.sid, hit.type) for hit in decision.statements])
