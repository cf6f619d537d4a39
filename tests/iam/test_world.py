"""Decisions in a world of plain data, and what somebody can reach in it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from glue.iam import (
    Grant,
    Policy,
    PolicySet,
    Principal,
    Probe,
    Reason,
    Request,
    StaticWorld,
    decide,
    evaluate,
    parse_policy,
    probe_all,
    reachable,
    session_of,
)
from glue.iam.world import kind_of, owner_of_policy, policies_for

DEV, QA, ORG = "111111111111", "222222222222", "999999999999"
PROMOTE = f"arn:aws:iam::{QA}:role/slipway-qa-promote"
BUCKET = "arn:aws:s3:::slipway-dev-artifacts-111111111111"
KEY = f"arn:aws:kms:eu-west-1:{DEV}:key/k"


def policy(name: str, **statement: Any) -> Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}}, name=name)


READ = policy("read", Sid="ReadReleases", Action="s3:GetObject", Resource=f"{BUCKET}/releases/*")
BUCKET_POLICY = policy(
    "bucket", Sid="PromoteReads", Principal={"AWS": PROMOTE}, Action="s3:GetObject", Resource=f"{BUCKET}/releases/*"
)


def world(**more: Any) -> StaticWorld:
    facts: dict[str, Any] = {
        "identities": {PROMOTE: (READ,)},
        "resources": {BUCKET: (BUCKET_POLICY,)},
        "accounts": {BUCKET: DEV},
    }
    return StaticWorld(**facts | more)


def reading(key: str = "releases/a") -> Request:
    return Request(session_of(PROMOTE), "s3:GetObject", f"{BUCKET}/{key}")


def test_an_object_is_governed_by_its_bucket_in_its_account() -> None:
    decision = decide(reading(), world())
    assert decision.reason is Reason.BOTH
    assert [hit.sid for hit in decision.statements] == ["ReadReleases", "PromoteReads"]
    assert not decide(reading("evidence/a"), world()).allowed
    assert decide(reading(), world(resources={})).reason is Reason.NO_RESOURCE


def test_boundaries_and_session_policies_are_looked_up() -> None:
    only_sqs = policy("only-sqs", Action="sqs:*", Resource="*")
    assert decide(reading(), world(boundaries={PROMOTE: only_sqs})).reason is Reason.NO_BOUNDARY
    session = session_of(PROMOTE).arn
    assert decide(reading(), world(sessions={session: (only_sqs,)})).reason is Reason.NO_SESSION
    assert decide(reading(), world(sessions={session: (READ,)})).allowed


def test_control_policies_are_looked_up_for_both_accounts() -> None:
    nothing = policy("nothing", Effect="Deny", Action="*", Resource="*")
    guard = policy("guard", Effect="Deny", Principal="*", Action="*", Resource="*")
    assert decide(reading(), world(service_control={QA: ((nothing,),)})).reason is Reason.DENY_SCP
    assert decide(reading(), world(service_control={DEV: ((nothing,),)})).allowed
    assert decide(reading(), world(resource_control={DEV: ((guard,),)})).reason is Reason.DENY_RCP
    assert decide(reading(), world(resource_control={QA: ((guard,),)})).allowed
    spared = world(service_control={QA: ((nothing,),)}, management_account=QA)
    assert decide(reading(), spared).allowed
    spared = world(resource_control={DEV: ((guard,),)}, management_account=DEV)
    assert decide(reading(), spared).allowed


def test_keys_have_grants_and_roles_have_trust() -> None:
    grant = Grant(grantee=PROMOTE, operations=frozenset({"Decrypt"}))
    use = policy("use", Action="kms:Decrypt", Resource=KEY)
    here = world(key_grants={KEY: (grant,)}, identities={PROMOTE: (use,)})
    asked = Request(session_of(PROMOTE), "kms:Decrypt", KEY)
    assert policies_for(asked, here).kind == "key"
    assert decide(asked, here).allowed
    assert decide(asked, world(identities={PROMOTE: (use,)})).reason is Reason.NO_RESOURCE
    role = f"arn:aws:iam::{QA}:role/x"
    assume = Request(session_of(PROMOTE), "sts:AssumeRole", role)
    everything = policy("all", Action="*", Resource="*")
    assert decide(assume, world(identities={PROMOTE: (everything,)})).reason is Reason.NO_TRUST


@pytest.mark.parametrize(
    ("action", "resource", "kind", "owner"),
    [
        ("s3:GetObject", f"{BUCKET}/a/b", "default", BUCKET),
        ("s3:ListBucket", BUCKET, "default", BUCKET),
        ("s3:GetObject", "arn:aws:s3:eu-west-1:1:accesspoint/p", "default", "arn:aws:s3:eu-west-1:1:accesspoint/p"),
        ("kms:Decrypt", KEY, "key", KEY),
        ("kms:CreateKey", "*", "default", "*"),
        ("sts:AssumeRole", PROMOTE, "trust", PROMOTE),
        ("iam:PassRole", PROMOTE, "default", PROMOTE),
    ],
)
def test_how_a_resources_policy_counts(action: str, resource: str, kind: str, owner: str) -> None:
    assert kind_of(action, resource) == kind
    assert owner_of_policy(resource) == owner


def test_reach_lists_what_is_allowed_and_by_which_statement() -> None:
    probes = [
        Probe("s3:GetObject", f"{BUCKET}/releases/a"),
        Probe("s3:GetObject", f"{BUCKET}/evidence/a"),
        Probe("s3:PutObject", f"{BUCKET}/releases/a"),
        Probe("s3:GetObject", "arn:aws:s3:::other/releases/a", resource_account_id=DEV),
    ]
    who = session_of(PROMOTE)
    assert [reach.probe for reach in probe_all(who, probes, world())] == probes
    (found,) = reachable(who, probes, world())
    assert found.probe is probes[0]
    assert {(hit.policy, hit.sid) for hit in found.decision.statements} == {
        ("read", "ReadReleases"),
        ("bucket", "PromoteReads"),
    }


def test_a_session_is_named_after_its_role() -> None:
    who = session_of("arn:aws-cn:iam::111111111111:role/a/b/Trainer", name="night", tags={"team": "ml"})
    assert who.arn == "arn:aws-cn:sts::111111111111:assumed-role/Trainer/night"
    assert who.entity_arn == "arn:aws-cn:iam::111111111111:role/a/b/Trainer"
    bare = Principal("session", who.arn, who.account_id)
    assert bare.entity_arn == "arn:aws-cn:iam::111111111111:role/Trainer"


def test_thirty_statements_take_well_under_a_millisecond() -> None:
    statements = [
        {
            "Effect": "Allow" if number % 5 else "Deny",
            "Action": ["s3:Get*", f"sqs:Send{number}"],
            "Resource": f"arn:aws:s3:::bucket-{number}/*/${{aws:PrincipalTag/team}}/*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}, "Bool": {"aws:SecureTransport": "true"}},
        }
        for number in range(30)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    policies = PolicySet(identity=(parse_policy(text),))
    context = {"aws:PrincipalOrgID": "o-1", "aws:SecureTransport": "true"}
    who = session_of(PROMOTE, tags={"team": "ml"})
    request = Request(who, "s3:GetObject", "arn:aws:s3:::bucket-29/x/ml/k", context, QA)
    assert evaluate(request, policies).allowed
    best = min(_seconds(request, policies) for _ in range(5))
    assert best < 0.001, f"{best * 1000:.3f} ms"


def _seconds(request: Request, policies: PolicySet) -> float:
    start = time.process_time()
    for _ in range(50):
        evaluate(request, policies)
    return (time.process_time() - start) / 50
