"""Policies before and after, and who gains and loses what: judged by meaning, however they are written."""
# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glue.review.model import Part
from tests.review.access_estate import (
    OTHER,
    OWN,
    S3,
    allow,
    bucket,
    deny,
    grade,
    identity,
    key,
    policy,
    rules,
    texts,
    trust,
    trusted,
)

GET, PUT, BOTH = "s3:GetObject", "s3:PutObject", ["s3:GetObject", "s3:PutObject"]
IN, IN_A = f"{S3}data/*", f"{S3}data/a/*"
VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
BUDGET = {"StringEquals": {"aws:RequestTag/team": ["a", "b"]}}
HOME = f"{S3}home/${{aws:username}}/*"
Case = tuple[str, list[Any] | None, list[Any] | None, list[str], list[str], str]

# name; statements before; after; words of what is gained, in order; of what is lost; grade. [] means: nothing.
IDENTITY: list[Case] = [
    ("the same", [allow(GET, IN)], [allow(GET, IN)], [], [], "none"),
    ("statements in another order", [allow(GET, IN), deny(PUT)], [deny(PUT), allow(GET, IN)], [], [], "none"),
    ("actions in another order", [allow(BOTH, IN)], [allow(BOTH[::-1], IN)], [], [], "none"),
    ("one string instead of a list", [allow([GET], [IN])], [allow(GET, IN)], [], [], "none"),
    ("another case of an action", [allow("S3:getobject", IN)], [allow(GET, IN)], [], [], "none"),
    ("one statement cut in two", [allow(BOTH, IN)], [allow(GET, IN), allow(PUT, IN)], [], [], "none"),
    ("two statements in one", [allow(GET, IN), allow(GET, IN_A)], [allow(GET, [IN_A, IN])], [], [], "none"),
    ("resources cut apart", [allow(GET, [IN, f"{S3}b/*"])], [allow(GET, IN), allow(GET, f"{S3}b/*")], [], [], "none"),
    ("an Allow that another one swallows", [allow("s3:*", IN)], [allow("s3:*", IN), allow(GET, IN_A)], [], [], "none"),
    ("without the swallowed one", [allow("s3:*", IN), allow(GET, IN_A)], [allow("s3:*", IN)], [], [], "none"),
    ("a Deny of what nobody allows", [allow(GET, IN)], [allow(GET, IN), deny("sqs:*")], [], [], "none"),
    ("a Deny within another one", [allow("*"), deny("s3:*")], [allow("*"), deny("s3:*"), deny(GET)], [], [], "none"),
    ("a Sid", [allow(GET, IN)], [allow(GET, IN, Sid="Read")], [], [], "none"),
    ("values in another order", [allow(GET, IN, BUDGET)],
     [allow(GET, IN, {"StringEquals": {"aws:RequestTag/team": ["b", "a"]}})], [], [], "none"),
    ("another case of a condition's key", [allow(GET, IN, VPC)],
     [allow(GET, IN, {"StringEquals": {"AWS:sourcevpc": "vpc-1"}})], [], [], "none"),
    ("StringLike without a wildcard", [allow(GET, IN, VPC)],
     [allow(GET, IN, {"StringLike": {"aws:SourceVpc": "vpc-1"}})], [], [], "none"),
    ("ArnLike and ArnEquals", [allow(GET, IN, {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:x"}})],
     [allow(GET, IN, {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:*:x"}})], [], [], "none"),
    ("an empty Condition", [allow(GET, IN)], [allow(GET, IN) | {"Condition": {}}], [], [], "none"),
    ("one more action", [allow(GET, IN)], [allow(BOTH, IN)], ["role worker can newly s3:PutObject on s3 data/*"], [], "high"),
    ("one action less", [allow(BOTH, IN)], [allow(GET, IN)], [], ["can no longer s3:PutObject on s3 data/*"], "low"),
    ("another action", [allow(GET, IN)], [allow(PUT, IN)], ["s3:PutObject on s3 data/*"], ["s3:GetObject on s3 data/*"], "high"),
    ("a wider resource", [allow(GET, IN_A)], [allow(GET, IN)], ["s3:GetObject on s3 data/*"], [], "high"),
    ("a narrower resource", [allow(GET, IN)], [allow(GET, IN_A)], [], ["s3:GetObject on s3 data/*"], "low"),
    ("a wildcard that swallows the listed ones", [allow(BOTH, IN)], [allow("s3:*Object", IN)],
     ["s3:*Object on s3 data/*"], [], "high"),
    ("a wildcard of what no action is called", [allow(GET, IN)], [allow([GET, "s3:GetObjectXyz*"], IN)],
     ["s3:GetObjectXyz* on s3 data/*"], [], "high"),
    ("a question mark", [allow(f"{GET}", IN)], [allow("s3:GetObjec?", IN)], ["s3:GetObjec? on"], [], "high"),
    ("do everything", [allow("s3:*", IN)], [allow("*", IN)], ["do everything on s3 data/*"], [], "high"),
    ("every resource", [allow(GET, IN)], [allow(GET)], ["s3:GetObject on everything"], [], "high"),
    ("bucket and objects are not one", [allow("s3:*", f"{S3}data")], [allow("s3:*", f"{S3}data*")],
     ["s3:* on s3 data*"], [], "high"),
    ("resources in capitals are others", [allow(GET, f"{S3}data/A")], [allow(GET, f"{S3}data/a")],
     ["data/a"], ["data/A"], "high"),
    ("a condition added", [allow(GET, IN)], [allow(GET, IN, VPC)], [], ["on s3 data/* (from now on only from VPC vpc-1)"], "low"),
    ("a condition taken off", [allow(GET, IN, VPC)], [allow(GET, IN)], ["s3:GetObject on s3 data/* (until now only from VPC vpc-1)"],
     [], "high"),
    ("one more value", [allow(GET, IN, VPC)], [allow(GET, IN, {"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}})],
     ["only from VPC vpc-1 or vpc-2"], [], "high"),
    ("a second condition", [allow(GET, IN, VPC)], [allow(GET, IN, VPC | {"Bool": {"aws:SecureTransport": "true"}})],
     [], ["from now on only from VPC vpc-1 and over TLS"], "low"),
    ("IfExists lets in who says nothing", [allow(GET, IN, VPC)], [allow(GET, IN, {"StringEqualsIfExists": VPC["StringEquals"]})],
     ["or when it has none"], [], "high"),
    ("a number raised", [allow(GET, IN, {"NumericLessThan": {"s3:max-keys": "10"}})],
     [allow(GET, IN, {"NumericLessThan": {"s3:max-keys": "20"}})], ["when s3:max-keys < 20"], [], "high"),
    ("a date put off", [allow(GET, IN, {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}})],
     [allow(GET, IN, {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}})], ["2027"], [], "high"),
    ("a wider range of addresses", [allow(GET, IN, {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}})],
     [allow(GET, IN, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], ["from 10.0.0.0/8"], [], "high"),
    ("the same range in two halves", [allow(GET, IN, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
     [allow(GET, IN, {"IpAddress": {"aws:SourceIp": ["10.0.0.0/9", "10.128.0.0/9"]}})], [], [], "none"),
    ("ForAllValues also without any", [allow(GET, IN, {"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}})],
     [allow(GET, IN, {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}})], ["every aws:TagKeys"], ["some aws:TagKeys"], "high"),
    ("Null turned", [allow(GET, IN, {"Null": {"aws:SourceVpc": "true"}})], [allow(GET, IN, {"Null": {"aws:SourceVpc": "false"}})],
     ["only with aws:SourceVpc"], ["only without aws:SourceVpc"], "high"),
    ("a Deny added", [allow("s3:*", IN)], [allow("s3:*", IN), deny(PUT, IN)], [], ["s3:PutObject on s3 data/* (now denied)"], "low"),
    ("a Deny taken away", [allow("s3:*", IN), deny(PUT, IN)], [allow("s3:*", IN)], ["s3:PutObject on s3 data/* (no longer denied)"], [], "high"),
    ("a narrower Deny", [allow("s3:*", IN), deny("s3:Delete*", IN)], [allow("s3:*", IN), deny("s3:DeleteObject", IN)],
     ["s3:Delete* but s3:DeleteObject on"], [], "high"),
    ("a Deny with a new condition", [allow(GET, IN), deny(GET, IN)], [allow(GET, IN), deny(GET, IN, VPC)], ["s3:GetObject on s3 data/*"], [], "high"),
    ("a Deny that loses its condition", [allow(GET, IN), deny(GET, IN, VPC)], [allow(GET, IN), deny(GET, IN)], [], ["s3:GetObject on s3 data/*"], "low"),
    ("NotAction that leaves out less", [allow(None, "*", NotAction=["iam:*", "sts:*"])], [allow(None, "*", NotAction=["iam:*"])],
     ["sts:* on everything"], [], "high"),
    ("NotAction instead of a list", [allow(GET)], [allow(None, "*", NotAction="iam:*")], ["do everything but iam:* on everything"], [], "high"),
    ("NotResource that leaves out less", [allow(GET, None, NotResource=[IN, f"{S3}logs/*"])], [allow(GET, None, NotResource=[IN])],
     ["s3:GetObject on s3 logs/*"], [], "high"),
    ("a Deny by NotResource", [allow("s3:*"), deny("s3:*", None, NotResource=[IN])], [allow("s3:*"), deny("s3:*", None, NotResource=[IN, f"{S3}b/*"])],
     ["s3:* on s3 b/*"], [], "high"),
    ("a Deny by NotAction", [allow("*"), deny(None, "*", NotAction=["s3:*"])], [allow("*"), deny(None, "*", NotAction=["s3:*", "sqs:*"])],
     ["sqs:* on everything"], [], "high"),
    ("a variable within its own folder", [allow(GET, HOME)], [allow(GET, HOME), allow(GET, f"{S3}home/${{aws:username}}/in/*")], [], [], "none"),
    ("every folder instead of the own one", [allow(GET, HOME)], [allow(GET, f"{S3}home/*")], ["s3:GetObject on s3 home/*"], [], "high"),
    ("the own folder instead of every one", [allow(GET, f"{S3}home/*")], [allow(GET, HOME)], [], ["s3:GetObject on s3 home/*"], "low"),
    ("a Deny of one name's folder is gone", [allow(GET, HOME), deny(GET, f"{S3}home/bob/*")], [allow(GET, HOME)], ["home/bob/*"], [], "high"),
    ("another variable", [allow(GET, HOME)], [allow(GET, f"{S3}home/${{aws:userid}}/*")], ["home/*/*"], ["home/*/*"], "high"),
    ("a condition on a variable", [allow(GET, IN, {"StringEquals": {"s3:prefix": "${aws:username}"}})], [allow(GET, IN)],
     ["until now only below ${aws:username}"], [], "high"),
    ("a literal star", [allow(GET, f"{S3}data/${{*}}")], [allow(GET, IN)], ["data/*"], [], "high"),
    ("a policy for who had none", None, [allow(GET, IN)], ["s3:GetObject on s3 data/*"], [], "high"),
    ("a policy taken away", [allow(GET, IN)], None, [], ["s3:GetObject on s3 data/*"], "low"),
    ("who calls endpoints can no longer", [allow("sagemaker:InvokeEndpoint")], None, [], ["sagemaker:InvokeEndpoint"], "medium"),
    ("a union covers what neither part does", [allow(GET, IN, VPC), allow(GET, IN, {"StringNotEquals": VPC["StringEquals"]})],
     [allow(GET, IN)], [], [], "none"),
    ("an old version has no variables", [allow(GET, HOME)], [allow(GET, HOME)], [], [], "none"),
]  # fmt: skip

EVERYBODY = {"AWS": "*"}
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
HERE = f"arn:aws:iam::{OWN}:role/reader"


def let(principal: Any, action: Any = GET, resource: Any = IN, condition: Any = None) -> dict[str, Any]:
    return allow(action, resource, condition, Principal=principal)


def refuse(principal: Any, action: Any = GET, resource: Any = IN, condition: Any = None, **more: Any) -> dict[str, Any]:
    return deny(action, resource, condition, **({"Principal": principal} if principal else {}), **more)


PLAIN_TEXT = refuse("*", "s3:*", IN, {"Bool": {"aws:SecureTransport": "false"}})
BUCKET: list[Case] = [
    ("everybody", None, [let("*")], ["anyone can newly s3:GetObject on s3 data/*"], [], "forbidden"),
    ("everybody written longer", [let("*")], [let(EVERYBODY)], [], [], "none"),
    ("everybody of an organization", None, [let("*", condition=ORG)], ["only for organization o-1"], [], "high"),
    ("everybody of any organization", None, [let("*", condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})], ["o-*"], [], "forbidden"),
    ("the organization's condition is gone", [let("*", condition=ORG)], [let("*")], ["anyone can newly"], [], "forbidden"),
    ("everybody through a VPC endpoint", None, [let("*", condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})], ["through VPC endpoint vpce-1"], [], "high"),
    ("everybody but through a VPC endpoint", None, [let("*", condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})], ["anyone"], [], "forbidden"),
    ("everybody with the endpoint or without", None, [let("*", condition={"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}})], ["anyone"], [], "forbidden"),
    ("everybody with a referer", None, [let("*", condition={"StringLike": {"aws:Referer": "https://x/*"}})], ["anyone"], [], "forbidden"),
    ("everybody over TLS", None, [let("*", condition={"Bool": {"aws:SecureTransport": "true"}})], ["anyone"], [], "forbidden"),
    ("everybody from some addresses", None, [let("*", condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})], ["from 203.0.113.0/24"], [], "high"),
    ("everybody from half of the world", None, [let("*", condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})], ["from 0.0.0.0/1"], [], "forbidden"),
    ("everybody outside of some addresses", None, [let("*", condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], ["anyone"], [], "forbidden"),
    ("a topic of a fixed account", None, [let("*", condition={"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}})], ["only for arn:aws:sns"], [], "high"),
    ("a topic of any account", None, [let("*", condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:events"}})], ["arn:aws:sns"], [], "forbidden"),
    ("another account", None, [let({"AWS": OTHER})], [f"account {OTHER} can newly s3:GetObject"], [], "high"),
    ("an account written in two ways", [let({"AWS": OTHER})], [let({"AWS": f"arn:aws:iam::{OTHER}:root"})], [], [], "none"),
    ("one principal and a list of it", [let({"AWS": OTHER})], [let({"AWS": [OTHER]})], [], [], "none"),
    ("everybody by a condition on the account", [let({"AWS": OTHER})], [let("*", condition={"StringEquals": {"aws:PrincipalAccount": OTHER}})], [], [], "none"),
    ("a service", None, [let({"Service": "logging.s3.amazonaws.com"}, PUT)], ["the service logging.s3.amazonaws.com can newly s3:PutObject"], [], "high"),
    ("a service for one account only", [let({"Service": "sns.amazonaws.com"})], [let({"Service": "sns.amazonaws.com"}, condition={"StringEquals": {"aws:SourceAccount": OWN}})],
     [], [f"from now on only for account {OWN}"], "low"),
    ("a role needs no policy of its own", [let({"AWS": OWN})], [let({"AWS": [OWN, HERE]})], ["role/reader, by this policy alone, can newly"], [], "high"),
    ("one role instead of its account", [let({"AWS": OTHER})], [let({"AWS": f"arn:aws:iam::{OTHER}:role/x"})], [], [f"account {OTHER} can no longer"], "low"),
    ("a Deny of plain text is gone", [let({"AWS": OWN}), PLAIN_TEXT], [let({"AWS": OWN})], ["no longer denied without TLS"], [], "high"),
    ("a policy of denials only is gone", [PLAIN_TEXT], None, ["whoever may by other policies can newly s3:*"], [], "high"),
    ("a denial for whoever has rights", [let({"AWS": OWN})], [let({"AWS": OWN}), refuse("*", PUT)], [], ["now denied"], "low"),
    ("NotPrincipal spares one more", [let("*", condition=ORG), refuse(None, NotPrincipal={"AWS": [OWN, HERE]})],
     [let("*", condition=ORG), refuse(None, NotPrincipal={"AWS": [OWN, HERE, OTHER, f"arn:aws:iam::{OTHER}:role/x"]})], ["role/x"], [], "high"),
    ("NotPrincipal with an account spares its root user alone", [let("*", condition=ORG), refuse("*")], [let("*", condition=ORG), refuse(None, NotPrincipal={"AWS": [OWN]})],
     [f"the root user of account {OWN} can newly"], [], "high"),
    ("by a condition on the role's ARN", None, [let("*", condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/x"}})], [f"role/x of account {OTHER}"], [], "high"),
    ("by a condition on a role's name in any account", None, [let("*", condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}})], ["role/x of account *"], [], "forbidden"),
    ("users of CloudFront", None, [let({"CanonicalUser": "a" * 64})], ["the principal aaaa"], [], "high"),
    ("public is taken back", [let("*")], [let({"AWS": OWN})], [], ["anyone can no longer"], "low"),
]  # fmt: skip

GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"

CIRCLE = f"arn:aws:iam::{OWN}:oidc-provider/oidc.circleci.com/org/1"


def pipeline(**keys: Any) -> dict[str, Any]:
    condition = {"StringLike": {f"token.actions.githubusercontent.com:{name}": value for name, value in keys.items()}}
    return trust({"Federated": GITHUB}, condition, "sts:AssumeRoleWithWebIdentity")


TRUST: list[Case] = [
    ("one more account", [trust({"AWS": OWN})], [trust({"AWS": [OWN, OTHER]})],
     [f"account {OTHER} can newly become role worker (sts:AssumeRole), and so all that role worker may do: s3:GetObject"], [], "high"),
    ("everybody", [trust({"AWS": OWN})], [trust("*")], ["anyone"], [], "forbidden"),
    ("everybody with an external id", [trust({"AWS": OWN})], [trust("*", {"StringEquals": {"sts:ExternalId": "x"}})], ["anyone"], ["the own account"], "forbidden"),
    ("the external id is gone", [trust({"AWS": OTHER}, {"StringEquals": {"sts:ExternalId": "x"}})], [trust({"AWS": OTHER})],
     ["until now only when sts:ExternalId is x"], [], "high"),
    ("a service", [trust({"AWS": OWN})], [trust({"AWS": OWN}), trust({"Service": "ec2.amazonaws.com"})], ["the service ec2.amazonaws.com"], [], "high"),
    ("services in another order", [trust({"Service": ["a.amazonaws.com", "b.amazonaws.com"]})], [trust({"Service": ["b.amazonaws.com", "a.amazonaws.com"]})], [], [], "none"),
    ("pipelines of one repository", [trust({"AWS": OWN})], [trust({"AWS": OWN}), pipeline(aud="sts.amazonaws.com", sub="repo:own/it:ref:refs/heads/main")],
     ["identities of token.actions.githubusercontent.com"], [], "high"),
    ("pipelines of everybody", [trust({"AWS": OWN})], [trust({"AWS": OWN}), pipeline(aud="sts.amazonaws.com")], ["which everybody can use"], [], "forbidden"),
    ("pipelines of whoever begins so", [trust({"AWS": OWN})], [trust({"AWS": OWN}), pipeline(sub="repo:own*")], ["repo:own*"], [], "forbidden"),
    ("pipelines of every branch", [pipeline(sub="repo:own/it:ref:refs/heads/main")], [pipeline(sub="repo:own/it:*")], ["repo:own/it:*"], [], "high"),
    ("pipelines of an issuer with an owner", [trust({"AWS": OWN})], [trust({"AWS": OWN}), trust({"Federated": CIRCLE}, None, "sts:AssumeRoleWithWebIdentity")],
     ["identities of oidc.circleci.com/org/1 can newly"], [], "high"),
    ("nobody any more", [trust({"AWS": [OWN, OTHER]})], [trust({"AWS": OWN})], [], [f"account {OTHER} can no longer become role worker"], "low"),
]  # fmt: skip

ALL_KEY = allow("kms:*", "*", None, Principal={"AWS": f"arn:aws:iam::{OWN}:root"})
KEY: list[Case] = [
    ("another account decrypts", [ALL_KEY], [ALL_KEY, let({"AWS": OTHER}, "kms:Decrypt", "*")], [f"account {OTHER} can newly kms:Decrypt"], [], "high"),
    ("everybody", [ALL_KEY], [ALL_KEY, let("*", "kms:Decrypt", "*")], ["anyone"], [], "forbidden"),
    ("everybody of the account through S3", [ALL_KEY], [ALL_KEY, let("*", "kms:Decrypt", "*", {"StringEquals": {"kms:CallerAccount": OWN, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}})],
     ["through s3.eu-west-1.amazonaws.com"], [], "high"),
    ("a Deny is gone", [ALL_KEY, refuse("*", "kms:Decrypt", "*")], [ALL_KEY], ["kms:Decrypt", "no longer denied"], [], "high"),
    ("the account is no longer named", [ALL_KEY, let({"AWS": HERE}, "kms:*", "*")], [let({"AWS": HERE}, "kms:*", "*")], [], ["the own account"], "low"),
]  # fmt: skip


def document(statements: list[Any] | None) -> str | None:
    return None if statements is None else policy(*statements)


def judged(run: Callable[[str | None, str | None], Part], case: Case) -> Part:
    name, before, after, gained, lost, graded = case
    part = run(document(before), document(after))
    said = {told: " | ".join(texts(part, gained=told)) for told in (True, False)}
    for words, told in ((gained, True), (lost, False)):
        assert bool(said[told]) is bool(words), (name, said)
        assert all(word in said[told] for word in words), (name, said)
    assert grade(part) == graded, (name, rules(part), said)
    return part


@pytest.mark.parametrize("case", IDENTITY, ids=[case[0] for case in IDENTITY])
def test_policies_of_a_role(case: Case) -> None:
    judged(identity, case)


@pytest.mark.parametrize("case", BUCKET, ids=[case[0] for case in BUCKET])
def test_policies_of_a_bucket(case: Case) -> None:
    part = judged(bucket, case)
    assert ("access-public" in rules(part)) is (case[5] == "forbidden")


@pytest.mark.parametrize("case", TRUST, ids=[case[0] for case in TRUST])
def test_trust_policies(case: Case) -> None:
    judged(trusted, case)


@pytest.mark.parametrize("case", KEY, ids=[case[0] for case in KEY])
def test_policies_of_a_key(case: Case) -> None:
    judged(key, case)


def test_what_is_rewritten_is_folded_away() -> None:
    part = identity(policy(allow(BOTH, IN)), policy(allow(PUT, IN), allow(GET, IN)))
    assert part.folded == ("1 policy is rewritten without changing who can do what: aws_iam_role_policy.own",)
    assert part.findings == ()
