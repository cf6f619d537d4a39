"""Every rule of the endpoints fires on the plan that it is for, and stays quiet on a plain deployment."""

from __future__ import annotations

from typing import Any

import pytest

from glue.review.model import Grade, Review, Settings
from tests.review.making import AWS, RULES, SETTINGS, change, only, read, reviewed, rules_of
from tests.review.serving import (
    ALARM,
    CONFIG,
    ENDPOINT,
    KEY,
    MODEL,
    POLICY,
    ROLE,
    TARGET,
    alarm,
    at_rest,
    canary,
    config,
    endpoint,
    model,
    moved,
    policy,
    stays,
    target,
    variant,
)

CAPTURE = [
    {
        "enable_capture": True,
        "initial_sampling_percentage": 20,
        "destination_s3_uri": "s3://kept/here",
        "kms_key_id": KEY,
        "capture_options": [{"capture_mode": "Input"}],
    }
]
ASYNC = [{"client_config": [], "output_config": [{"s3_output_path": "s3://answers/", "kms_key_id": KEY}]}]
VPC = [{"subnets": ["subnet-1"], "security_group_ids": ["sg-1"]}]
SERVERLESS = variant(
    model_name="fraud-2", instance_type=None, initial_instance_count=None,
    serverless_config=[{"memory_size_in_mb": 2048, "max_concurrency": 5, "provisioned_concurrency": None}],
)  # fmt: skip
NEW = variant(model_name="fraud-2")


def same_model(**after: Any) -> list[dict[str, Any]]:
    """Return a deployment that changes the config alone."""
    new = config("fraud-b", variant(), **after)
    return moved(after=new, models=(model(), model()))


def with_models(**after: Any) -> list[dict[str, Any]]:
    """Return a deployment that changes the model alone."""
    return moved(models=(model("fraud-1", vpc_config=VPC, enable_network_isolation=True), model("fraud-2", **after)))


def without(address: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plan that destroys one thing beside an endpoint that stays as it is."""
    return [*at_rest(), change(address, "delete", values)]


CASES: dict[str, list[dict[str, Any]]] = {
    "endpoint-destroyed": [change(f"{ENDPOINT}.this", "delete", endpoint()), stays(f"{CONFIG}.a", config())],
    "endpoint-replaced": [
        change(f"{ENDPOINT}.this", "delete/create", endpoint(), endpoint(name="other"), replace_paths=[["name"]])
    ],
    "endpoint-forgotten": [change(f"{ENDPOINT}.this", "forget", endpoint()), *at_rest()[1:]],
    "endpoint-created": [
        change(f"{ENDPOINT}.this", "create", None, endpoint()),
        change(f"{CONFIG}.a", "create", None, config()),
        change(f"{MODEL}.one", "create", None, model()),
    ],
    "endpoint-changed": [*at_rest(), change(TARGET, "create", None, target())],
    "endpoint-unresolved": [change(f"{ENDPOINT}.this", "update", endpoint(), endpoint("fraud-b")), *at_rest()[1:]],
    "endpoint-parts-unseen": [change(f"{CONFIG}.a", "delete", config())],
    "inference-component-destroyed": [
        change("awscc_sagemaker_inference_component.this", "delete", {"endpoint_name": "fraud"})
    ],
    "live-config-destroyed": [at_rest()[0], change(f"{CONFIG}.a", "delete", config()), at_rest()[2]],
    "live-model-destroyed": [*at_rest()[:2], change(f"{MODEL}.one", "delete", model())],
    "live-parts-destroyed-first": [
        change(f"{ENDPOINT}.this", "update", endpoint(), endpoint("fraud-b")),
        change(f"{CONFIG}.a", "delete/create", config(), config("fraud-b")),
        stays(f"{MODEL}.one", model()),
    ],
    "live-dependency-destroyed": without("aws_iam_role.sagemaker", {"arn": ROLE, "name": "sagemaker"}),
    "changed-under-same-name": [
        at_rest()[0],
        change(f"{CONFIG}.a", "delete/create", config(), config("fraud-a", variant(initial_instance_count=3))),
        at_rest()[2],
    ],
    "scale-in": same_model(production_variants__initial_instance_count=1),
    "scale-in-possible": [*same_model(), stays(TARGET, target(1, 9)), stays(POLICY, policy())],
    "scale-in-unseen": [*same_model(), stays(TARGET, target(1, 4)), stays(POLICY, policy())],
    "autoscaling-detached": [*at_rest(), change(TARGET, "delete", target()), change(POLICY, "delete", policy())],
    "autoscaling-reattached": [
        *at_rest(),
        change(TARGET, "delete/create", target(), target()),
        stays(POLICY, policy()),
    ],
    "guardrails-void": moved(deployment_config__auto_rollback_configuration=[]),
    "deployment-unguarded": [
        change(
            f"{ENDPOINT}.this",
            "update",
            endpoint(deployment_config=canary(alarms=())),
            endpoint("fraud-b", deployment_config=canary(alarms=())),
        ),
        *moved()[1:],
    ],
    "deployment-unresolved": [
        change(
            f"{ENDPOINT}.this",
            "update",
            endpoint(),
            endpoint("fraud-b", deployment_config=[]),
            unknown={"deployment_config": True},
        ),
        *moved()[1:],
    ],
    "deployment-faster": moved(deployment_config=canary(10, 60)),
    "deployment-refused": moved(after=config("fraud-b", SERVERLESS)),
    "alarms-fewer": without("aws_cloudwatch_metric_alarm.other", alarm("other")),
    "alarm-weakened": [*at_rest(), change(ALARM, "update", alarm(), alarm(threshold=0.2))],
    "new-release": moved(models=(model(), model("fraud-2", primary_container__image="fraud:2"))),
    "revision-returns": moved(models=(model(), model())),
    "rollback-lost": [
        change(f"{ENDPOINT}.this", "update", endpoint(), endpoint("fraud-b")),
        change(f"{CONFIG}.a", "delete", config()),
        change(f"{CONFIG}.b", "create", None, config("fraud-b")),
        stays(f"{MODEL}.one", model()),
    ],
    "instance-type-changed": same_model(production_variants__instance_type="ml.c5.xlarge"),
    "endpoint-kind-changed": moved(after=config("fraud-b", SERVERLESS)),
    "asynchronous-changed": same_model(async_inference_config=ASYNC),
    "weights-changed": moved(
        after=config("fraud-b", variant(model_name="fraud-2", initial_variant_weight=3), variant("b"))
    ),
    "variants-changed": moved(after=config("fraud-b", NEW, variant("second"))),
    "shadow-changed": same_model(shadow_production_variants=[variant("shadow")]),
    "endpoint-role-changed": with_models(execution_role_arn=f"{ROLE}-2", vpc_config=VPC, enable_network_isolation=True),
    "endpoint-network-changed": with_models(
        vpc_config=[{"subnets": ["subnet-2"], "security_group_ids": ["sg-1"]}], enable_network_isolation=True
    ),
    "endpoint-network-opened": with_models(vpc_config=VPC),
    "endpoint-key-changed": moved(before=config(kms_key_arn=KEY), after=config(kms_key_arn=f"{KEY}-2")),
    "endpoint-key-dropped": moved(before=config(kms_key_arn=KEY), after=config()),
    "capture-dropped": moved(before=config(data_capture_config=CAPTURE), after=config()),
}
# Numbers in the names of configs are revisions in this repository only.
OURS = {
    "variables": {"returning": {"value": True}, "live": {"value": "r1-0badcafe"}},
}
MINE = {rule for rule in RULES if rule in CASES}


@pytest.mark.parametrize("rule", CASES)
def test_the_rule_fires(rule: str) -> None:
    found = reviewed(*CASES[rule], **(OURS if rule == "revision-returns" else {}))
    fired = [finding for finding in found.findings if finding.rule == rule]
    assert fired, rules_of(found)
    assert found.grade >= RULES[rule].grade
    for finding in fired:
        assert finding.message
        assert finding.resource


def quiet() -> Review:
    """Return a plain deployment: another archive, everything old stays, and an alarm guards it."""
    new = model("fraud-2", primary_container__model_data_url="s3://models/2.tar.gz")
    return reviewed(*moved(models=(model(), new)), stays(ALARM, alarm()))


def test_a_plain_deployment_is_low() -> None:
    assert quiet().grade is Grade.LOW
    assert rules_of(quiet()) & MINE == {"new-release"}


def test_the_line_says_it_all() -> None:
    (line,) = quiet().endpoints
    assert (line.endpoint, line.action, line.before, line.after) == ("fraud", "update", "fraud-a", "fraud-b")
    assert line.traffic.kind == "canary"
    assert (line.traffic.minutes_least, line.traffic.minutes_most) == (15, 60)
    assert line.traffic.steps == ((0, 0), (0, 10), (10, 10), (10, 100))
    assert line.rollback.one_line
    assert line.rollback.text == "endpoint_config_name = fraud-a"
    assert [change.what for change in line.changes] == ["artifact"]
    assert line.changes[0].before == "s3://models/1.tar.gz"
    assert line.changes[0].after == "s3://models/2.tar.gz"
    assert not line.interrupts
    assert not line.scales_in
    assert line.cost.difference == 0
    assert [(shape.name, shape.capacity, shape.share) for shape in line.variants_after] == [
        ("main", "2 x ml.m5.large", 1.0)
    ]
    for word in ("fraud-a → fraud-b", "s3://models/2.tar.gz", "10 % of capacity for 10 min", "60 min at most"):
        assert word in line.text


def test_environments_are_told_by_key_and_never_by_value() -> None:
    secret = {"LEVEL": "do-not-show-1", "NEW": "do-not-show-2"}
    new = model("fraud-2", primary_container__environment=secret)
    found = reviewed(*moved(models=(model(), new)))
    (line,) = found.endpoints
    (change_,) = line.changes
    assert change_.what == "environment"
    assert "adds NEW" in change_.text
    assert "changes LEVEL" in change_.text
    assert "do-not-show" not in repr(found)


def test_live_counts_tell_a_scale_in_where_the_config_does_not() -> None:
    plan = read(*same_model(), stays(TARGET, target(1, 9)))
    from glue.review import inspecting  # noqa: PLC0415

    settings = Settings(today=SETTINGS.today, rules=RULES, prices=SETTINGS.prices, live_counts={"fraud": {"main": 7}})
    found = inspecting.review(plan, settings=settings)
    assert only(found, "scale-in").grade is Grade.HIGH
    assert found.endpoints[0].scales_in == ("variant main: 7 → 2 instances",)


def test_a_lower_maximum_scales_in() -> None:
    found = reviewed(*at_rest(), change(TARGET, "update", target(1, 9), target(1, 3)), stays(POLICY, policy()))
    assert "autoscaling allows 9 → 3" in found.endpoints[0].scales_in[0]
    assert found.endpoints[0].traffic.kind == "in_place"


def test_tags_alone_make_no_line() -> None:
    old, new = endpoint() | {"tags": {"a": "1"}}, endpoint() | {"tags": {"a": "2"}}
    found = reviewed(change(f"{ENDPOINT}.this", "update", old, new), *at_rest()[1:])
    assert not found.endpoints
    assert found.grade is Grade.LOW


def test_what_no_endpoint_serves_is_one_line() -> None:
    old = [change(f'{CONFIG}.old["{n}"]', "delete", config(f"old-{n}"), index=str(n)) for n in range(3)]
    found = reviewed(*at_rest(), *old)
    assert not found.endpoints
    assert [line for line in found.folded if "pruned" in line] == [
        "3 configs that no endpoint serves are pruned: 0, 1, 2"
    ]
    assert found.grade is Grade.LOW


@pytest.mark.parametrize(
    "values",
    [
        ("awscc_sagemaker_endpoint.this", {"endpoint_name": "fraud"}),
        ("aws_cloudcontrolapi_resource.this", {"type_name": "AWS::SageMaker::Endpoint"}),
    ],
)
def test_endpoints_of_other_providers_are_forbidden_to_go(values: tuple[str, dict[str, Any]]) -> None:
    found = reviewed(change(values[0], "delete", values[1], provider=AWS))
    assert only(found, "endpoint-destroyed").grade is Grade.FORBIDDEN


def test_a_deployment_config_alone_deploys_the_same_config_again() -> None:
    after = endpoint(deployment_config=canary(20, 600))
    found = reviewed(change(f"{ENDPOINT}.this", "update", endpoint(), after), *at_rest()[1:])
    (line,) = found.endpoints
    assert "the same config is deployed once more" in line.traffic.text
    assert "deployment-faster" in rules_of(found)
    assert "deployment" in {entry.what for entry in line.changes}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_s3_object.it", {"bucket": "models", "key": "1.tar.gz"}),
        ("aws_ecr_repository.it", {"repository_url": "333333333333.dkr.ecr.eu-west-1.amazonaws.com/fraud"}),
        ("aws_s3_bucket.it", {"bucket": "models", "id": "models"}),
    ],
)
def test_what_a_new_instance_needs_must_stay(kind: str, values: dict[str, Any]) -> None:
    found = reviewed(*without(kind, values))
    assert only(found, "live-dependency-destroyed").grade is Grade.HIGH
    assert found.endpoints[0].interrupts


def test_a_model_that_a_kept_config_names_is_missed() -> None:
    kept = stays(f"{CONFIG}.old", config("fraud-old", variant(model_name="fraud-0")))
    found = reviewed(*at_rest(), kept, change(f"{MODEL}.old", "delete", model("fraud-0")))
    assert "fraud-0 is destroyed" in only(found, "rollback-lost").message
    assert "rollback-lost" not in rules_of(reviewed(*at_rest(), change(f"{MODEL}.old", "delete", model("fraud-0"))))
