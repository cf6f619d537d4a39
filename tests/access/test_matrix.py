"""Nobody may do anything that policy/access.toml does not say, and everything that it says is possible."""

from __future__ import annotations

from scripts.access.declared import Declared
from scripts.access.judge import Judge
from tests.access.conftest import Judged


def test_nobody_may_do_more_or_less_than_the_matrix_says(judged: Judged) -> None:
    told = "\n".join(judged.wrong[:40])
    assert not judged.wrong, f"{len(judged.wrong)} requests are decided otherwise than policy/access.toml says:\n{told}"


def test_the_same_holds_with_every_optional_setting(judged_with_options: Judged) -> None:
    told = "\n".join(judged_with_options.wrong[:40])
    assert not judged_with_options.wrong, f"{len(judged_with_options.wrong)} requests:\n{told}"


def test_everybody_was_judged_in_every_account(judged: Judged, declared: Declared) -> None:
    environments = len(judged.judge.settings)
    assert {judged.subjects[name] for name in ("plan", "deploy-foundation", "deploy-serving", "promote")} == {
        environments
    }
    assert judged.subjects["execution"] == environments
    assert judged.subjects["any workload"] == environments
    assert judged.subjects.keys() == declared.who.keys()
    assert judged.judge.evaluations > 300_000, "the product of roles, actions, resources and contexts has shrunk"


def test_a_role_that_may_more_is_noticed(committed: Judge) -> None:
    """The judgement itself: one more action in one policy of one role must show."""
    role = next(one for one in committed.estate.roles.values() if one.name == "slipway-qa-plan")
    (name,) = role.policies
    before = role.policies[name]
    more = {"Sid": "More", "Effect": "Allow", "Action": "sagemaker:Up*", "Resource": "arn:aws:sagemaker:*:*:endpoint/*"}
    role.policies[name] = before | {"Statement": [*before["Statement"], more]}
    try:
        judge = Judge(committed.declared, committed.estate, committed.settings)
    finally:
        role.policies[name] = before
    (subject,) = (one for one in judge.planned() if one.principal.role_arn == role.arn)
    beyond = {
        (asked.action, asked.kind, asked.of)
        for asked in judge.requests(subject, judge.settings)
        if asked.allowed and not judge.expects(subject, asked)
    }
    kinds = ("endpoint", "another endpoint", "any other sagemaker:endpoint")
    updates = ("sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities")
    assert beyond == {(action, kind, "own") for action in updates for kind in kinds}


def test_a_row_that_no_policy_grants_is_noticed(committed: Judge) -> None:
    role = next(one for one in committed.estate.roles.values() if one.name == "slipway-qa-ranker-invoker")
    before = dict(role.policies)
    role.policies.clear()
    try:
        judge = Judge(committed.declared, committed.estate, committed.settings)
    finally:
        role.policies |= before
    (subject,) = (one for one in judge.planned() if one.principal.role_arn == role.arn)
    missing = {asked.action for asked in judge.requests(subject, judge.settings) if judge.expects(subject, asked)}
    assert missing == {"sagemaker:InvokeEndpoint", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert not any(asked.allowed for asked in judge.requests(subject, judge.settings))
