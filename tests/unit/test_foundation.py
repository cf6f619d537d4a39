"""What the foundation publishes: read strictly where it matters, compared with the environment's own data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glue.core.environment import Environment
from glue.core.foundation import parse_foundation
from glue.errors import RefusedError, SlipwayError, UsageError

QA = Environment("qa", "222222222222", "eu-west-1")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "project": "slipway",
        "environment": "qa",
        "account_id": "222222222222",
        "region": "eu-west-1",
        "artifact_bucket": "slipway-qa-artifacts-222222222222",
        "artifact_key_arn": "arn:aws:kms:eu-west-1:222222222222:key/1",
        "notification_topic_arn": "arn:aws:sns:eu-west-1:222222222222:t",
        "models": {
            "ranker": {
                "execution_role_arn": "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution",
                "repository_url": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker",
                "model_package_group": "slipway-qa-ranker",
            }
        },
        **changes,
    }


def test_reads_what_terraform_writes_and_ignores_what_is_new() -> None:
    found = parse_foundation(json.dumps(document(brand_new={"x": 1})), QA)
    assert found.artifact_key_arn.endswith(":key/1")
    assert found.model("ranker").model_package_group == "slipway-qa-ranker"


def test_a_training_queue_may_be_there() -> None:
    queue = {
        "name": "slipway-qa-training",
        "table": "slipway-qa-training",
        "submit_url": "https://abc.lambda-url.eu-west-1.on.aws/",
        "submit_function": "slipway-qa-training-submit",
        "topic_arn": "arn:aws:sns:eu-west-1:222222222222:slipway-qa-training",
        "queues": {"events_dead": "https://sqs.eu-west-1.amazonaws.com/222222222222/slipway-qa-training-events-dead"},
        "history_prefix": "training-history/",
    }
    assert parse_foundation(json.dumps(document()), QA).training_queue is None
    found = parse_foundation(json.dumps(document(training_queue=queue)), QA).training_queue
    assert found is not None
    assert (found.table, found.submit_url, list(found.queues)) == (
        "slipway-qa-training",
        "https://abc.lambda-url.eu-west-1.on.aws/",
        ["events_dead"],
    )
    with pytest.raises(SlipwayError, match="submit_url 'x' does not look like one"):
        parse_foundation(json.dumps(document(training_queue=queue | {"submit_url": "x"})), QA)


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"model 'other' is not in the foundation of qa \(there: ranker\)") as caught:
        parse_foundation(json.dumps(document()), QA).model("other")
    assert "environments/qa/environment.tfvars" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON"),
        ("[]", "it is not an object of schema 1"),
        (json.dumps(document(schema=2)), "it is not an object of schema 1"),
        (json.dumps(document(models=[])), "foundation: models is not an object"),
        (json.dumps(document(artifact_key_arn="alias/x")), "artifact_key_arn 'alias/x' does not look like one"),
        (json.dumps({k: v for k, v in document().items() if k != "models"}), "foundation has no field 'models'"),
        (json.dumps(document(models={"ranker": {}})), "foundation.models.ranker has no field 'execution_role_arn'"),
    ],
)
def test_what_is_not_usable_says_apply_again(text: str, reason: str) -> None:
    with pytest.raises(SlipwayError) as caught:
        parse_foundation(text, QA)
    assert caught.value.message.startswith("parameter /slipway/qa/foundation of qa is not usable: ")
    assert reason in caught.value.message
    assert "make apply ENV=qa STACK=foundation" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("environment", "production"),
        ("account_id", "333333333333"),
        ("region", "us-east-1"),
        ("project", "other"),
        ("artifact_bucket", "elsewhere"),
    ],
)
def test_another_environments_foundation_is_refused(field: str, value: str) -> None:
    with pytest.raises(RefusedError, match=f"the foundation of qa says {field} '{value}', its data says"):
        parse_foundation(json.dumps(document(**{field: value})), QA)
