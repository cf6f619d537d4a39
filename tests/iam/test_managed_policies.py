"""AWS's own managed policies are the largest body of policies that are right by definition: all of them can be read."""

from __future__ import annotations

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data

from glue.iam import PolicySet, Request, evaluate, parse_policy, session_of

DOCUMENTS = {name: raw["Document"] for name, raw in json.loads(aws_managed_policies_data).items()}


def test_every_managed_policy_can_be_read() -> None:
    assert len(DOCUMENTS) > 1000
    for name, document in DOCUMENTS.items():
        assert parse_policy(document, name=name).statements


def test_a_managed_policy_decides() -> None:
    who = session_of("arn:aws:iam::111111111111:role/Analyst")
    read = PolicySet(identity=(parse_policy(DOCUMENTS["AmazonS3ReadOnlyAccess"], name="read"),))
    assert evaluate(Request(who, "s3:GetObject", "arn:aws:s3:::models/a"), read).allowed
    assert not evaluate(Request(who, "s3:PutObject", "arn:aws:s3:::models/a"), read).allowed
    assert not evaluate(Request(who, "iam:CreateUser", "arn:aws:iam::111111111111:user/x"), read).allowed
