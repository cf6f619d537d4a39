"""An endpoint's config and models are found in plans of any shape; what cannot be found is said and graded up."""

from __future__ import annotations

from typing import Any

import pytest

from glue.review.model import Grade
from tests.review.making import change, only, reviewed, rules_of
from tests.review.serving import (
    CONFIG,
    ENDPOINT,
    MODEL,
    alarm,
    at_rest,
    changed,
    config,
    endpoint,
    model,
    moved,
    stays,
    target,
    variant,
)

_NAME = {"endpoint_config_name": True}
UNNAMED = {"name": True, "arn": True, "id": True}


def referring(module: dict[str, Any] | None = None, **calls: Any) -> dict[str, Any]:
    """Return the configuration of a root with these resources: type.name -> attribute -> references."""
    resources = [
        {"mode": "managed", "type": kind, "name": name, "expressions": expressions}
        for address, expressions in (module or {}).items()
        for kind, name in [address.split(".")]
    ]
    found: dict[str, Any] = {"resources": resources}
    return found | ({"module_calls": calls} if calls else {})


def refers(*names: str) -> dict[str, Any]:
    """Return an expression with references."""
    return {"references": list(names)}


def renamed(module: str = "", key: str = "") -> list[dict[str, Any]]:
    """Return a deployment whose new config and model have names that AWS makes: `module` and `key` of its resources."""
    place = f"{module}." if module else ""
    more: dict[str, Any] = {"index": key.strip('"')} if key else {}
    at = f"[{key}]" if key else ""
    new_config = {k: v for k, v in config("x", variant()).items() if k not in UNNAMED}
    new_config["production_variants"] = [{k: v for k, v in variant().items() if k != "model_name"}]
    new_model = {k: v for k, v in model("x", primary_container__image="fraud:2").items() if k not in UNNAMED}
    values = {k: v for k, v in endpoint().items() if k != "endpoint_config_name"}
    unknown = {**UNNAMED, "production_variants": [{"model_name": True}]}
    return [
        change(f"{place}{ENDPOINT}.this{at}", "update", endpoint(), values, unknown=_NAME, **more),
        change(f"{place}{CONFIG}.this{at}", "create/delete", config(), new_config, unknown=unknown, **more),
        change(f"{place}{MODEL}.this{at}", "create/delete", model(), new_model, unknown=UNNAMED, **more),
    ]  # fmt: skip


DIRECT = {
    f"{ENDPOINT}.this": {"endpoint_config_name": refers(f"{CONFIG}.this.name", f"{CONFIG}.this")},
    f"{CONFIG}.this": {"production_variants": [{"model_name": refers(f"{MODEL}.this.name", f"{MODEL}.this")}]},
    f"{MODEL}.this": {},
}


@pytest.mark.parametrize("configuration", [DIRECT, {}], ids=["by reference", "the only new one beside it"])
def test_unknown_names_are_followed(configuration: dict[str, Any]) -> None:
    found = reviewed(*renamed(), configuration={"root_module": referring(configuration)})
    (line,) = found.endpoints
    assert {entry.what for entry in line.changes} == {"image"}
    assert "endpoint-unresolved" not in rules_of(found)
    assert line.after == "(known after apply)"
    assert not line.rollback.one_line


def test_unknown_names_in_modules_with_keys() -> None:
    configuration = {"root_module": {"module_calls": {"serving": {"module": referring(DIRECT)}}}}
    plan = [*renamed('module.serving["a"]'), *renamed('module.serving["b"]')]
    for number, entry in enumerate(plan[3:]):
        for side in ("before", "after"):
            values = entry["change"][side]
            for name in ("name", "endpoint_config_name"):
                if name in values:
                    values[name] = f"{values[name]}-b"
        if number == 1:
            entry["change"]["before"]["production_variants"][0]["model_name"] = "fraud-1-b"
    found = reviewed(*plan, configuration=configuration)
    assert [line.endpoint for line in found.endpoints] == ["fraud", "fraud-b"]
    for line in found.endpoints:
        assert {entry.what for entry in line.changes} == {"image"}, line.text
    assert "endpoint-unresolved" not in rules_of(found)


def test_references_go_through_variables_and_outputs() -> None:
    """The config lies in a module of its own, and its name reaches the endpoint through an output and a variable."""
    parts = referring({f"{CONFIG}.this": DIRECT[f"{CONFIG}.this"], f"{MODEL}.this": {}})
    parts["outputs"] = {"config": {"expression": refers(f"{CONFIG}.this.id", f"{CONFIG}.this")}}
    inner = referring({f"{ENDPOINT}.this": {"endpoint_config_name": refers("var.config_name")}})
    calls = {
        "parts": {"module": parts},
        "front": {"module": inner, "expressions": {"config_name": refers("module.parts.config", "module.parts")}},
    }
    ours, *rest = renamed("module.front"), *renamed("module.parts")[1:]
    other = [  # a second new config beside it: guessing would be wrong
        change(
            f"{CONFIG}.other", "create", None, {k: v for k, v in config().items() if k not in UNNAMED}, unknown=UNNAMED
        )
    ]
    found = reviewed(ours[0], *rest, *other, configuration={"root_module": {"module_calls": calls}})
    assert {entry.what for entry in found.endpoints[0].changes} == {"image"}


def test_what_stays_open_is_said_and_high() -> None:
    twins = [
        change(
            f"{CONFIG}.{name}", "create", None, {k: v for k, v in config().items() if k not in UNNAMED}, unknown=UNNAMED
        )
        for name in ("b", "c")
    ]
    values = {k: v for k, v in endpoint().items() if k != "endpoint_config_name"}
    this = change(f"{ENDPOINT}.this", "update", endpoint(), values, unknown={"endpoint_config_name": True})
    found = reviewed(this, *at_rest()[1:], *twins)
    unresolved = only(found, "endpoint-unresolved")
    assert unresolved.grade is Grade.HIGH
    assert "2 resources may be its config" in unresolved.message
    assert found.endpoints[0].cost.after is None


def test_a_config_of_another_state_is_not_taken_for_no_change() -> None:
    found = reviewed(change(f"{ENDPOINT}.this", "update", endpoint("theirs-1"), endpoint("theirs-2")))
    assert found.grade is Grade.HIGH
    assert {"endpoint-unresolved", "rollback-lost"} <= rules_of(found)
    assert "theirs-1 → theirs-2" in found.endpoints[0].text


def test_equal_names_in_two_regions_are_two_configs() -> None:
    far = {"arn": "arn:aws:sagemaker:us-east-1:333333333333:endpoint-config/fraud-b"}
    theirs = config("fraud-b", variant(model_name="fraud-2", instance_type="ml.p3.2xlarge")) | far
    found = reviewed(*moved(), change(f"{CONFIG}.far", "create", None, theirs))
    assert "endpoint-unresolved" not in rules_of(found)
    assert "ml.p3.2xlarge" not in found.endpoints[0].text


def test_a_sensitive_name_still_finds_its_config() -> None:
    plan = moved(after=config("fraud-b", variant(model_name="fraud-2", instance_type="ml.c5.xlarge")))
    for entry, name in ((plan[0], "endpoint_config_name"), (plan[2], "name")):
        entry["change"]["after_sensitive"] = {name: True}
    found = reviewed(*plan)
    assert "instance-type-changed" in rules_of(found)
    assert "fraud-b" not in repr(found)


def test_several_endpoints_of_one_config_have_a_line_each() -> None:
    plan = [
        change(f"{ENDPOINT}.this[{n}]", "update", endpoint(name=f"e{n}"), endpoint("fraud-b", name=f"e{n}"), index=n)
        for n in range(3)
    ]
    found = reviewed(*plan, *moved()[1:])
    assert [line.endpoint for line in found.endpoints] == ["e0", "e1", "e2"]


def test_a_pipeline_of_containers_is_compared_by_place() -> None:
    first = {"image": "prepare:1", "container_hostname": "prepare", "environment": {}}
    second = {"image": "score:1", "model_data_url": "s3://models/1.tar.gz", "environment": {}}
    old = model("fraud-1", primary_container=[], container=[first, second])
    new = model("fraud-2", primary_container=[], container=[first, second | {"image": "score:2"}])
    (line,) = reviewed(*moved(models=(old, new))).endpoints
    assert [entry.text for entry in line.changes] == ["main: container 2 image score:1 → score:2"]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({"model_package_name": "arn:a:1"}, {"model_package_name": "arn:a:2"}, "artifact"),
        ({"mode": "SingleModel"}, {"mode": "MultiModel"}, "other"),
        ({"multi_model_config": []}, {"multi_model_config": [{"model_cache_setting": "Disabled"}]}, "other"),
        ({"something_new": 1}, {"something_new": 2}, "other"),
        (
            {"model_data_source": [{"s3_data_source": [{"s3_uri": "s3://models/1/"}]}]},
            {"model_data_source": [{"s3_data_source": [{"s3_uri": "s3://models/2/"}]}]},
            "artifact",
        ),
    ],
)
def test_every_kind_of_container(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    empty = {"image": "it:1", "model_data_url": None}
    models = tuple(model(f"fraud-{n}", primary_container=[empty | more]) for n, more in ((1, before), (2, after)))
    (line,) = reviewed(*moved(models=(models[0], models[1]))).endpoints
    assert [entry.what for entry in line.changes] == [what]


def test_an_attribute_of_a_newer_provider_is_not_missed() -> None:
    found = reviewed(
        *moved(after=config("fraud-b", variant(model_name="fraud-2"), explainer_config=[{"clarify": [{"on": 1}]}]))
    )
    assert [entry.text for entry in found.endpoints[0].changes] == ["explainer_config none → clarify on 1"]


def test_inference_components_have_no_model_in_the_config() -> None:
    bare = {k: v for k, v in variant().items() if k != "model_name"} | {
        "managed_instance_scaling": [{"max_instance_count": 8}]
    }
    less = bare | {"managed_instance_scaling": [{"max_instance_count": 3}]}
    found = reviewed(*moved(before=config("fraud-a", bare), after=config("fraud-b", less)))
    assert "endpoint-unresolved" not in rules_of(found)
    assert "8 → 3 instances" in found.endpoints[0].scales_in[0]


def test_a_deposed_endpoint_is_an_endpoint() -> None:
    found = reviewed(*at_rest(), change(f"{ENDPOINT}.this", "delete", endpoint(name="older"), deposed="abcd1234"))
    assert only(found, "endpoint-destroyed").grade is Grade.FORBIDDEN
    assert [line.endpoint for line in found.endpoints] == ["older"]


def test_a_deposed_config_that_is_live_is_not_destroyed_in_silence() -> None:
    """An apply that broke off leaves the old config deposed, and the endpoint on it."""
    found = reviewed(
        at_rest()[0],
        change(f"{CONFIG}.a", "delete", config(), deposed="abcd1234"),
        stays(f"{CONFIG}.a", config("fraud-b")),
        at_rest()[2],
    )
    assert only(found, "live-config-destroyed").grade is Grade.FORBIDDEN


def test_a_circle_of_references_has_an_end() -> None:
    turning = referring({f"{ENDPOINT}.this": {"endpoint_config_name": refers("module.turning.config")}})
    inside = {"outputs": {"config": {"expression": refers("var.a")}}}
    turning["module_calls"] = {"turning": {"module": inside, "expressions": {"a": refers("module.turning.config")}}}
    found = reviewed(*renamed(), configuration={"root_module": turning})
    assert found.endpoints


def test_values_that_are_no_blocks_are_no_crash() -> None:
    odd = changed(config("fraud-b"), production_variants="what?", data_capture_config=7, async_inference_config={})
    found = reviewed(*moved(after=odd))
    assert found.endpoints


def far(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of the same thing in another region."""
    return values | {"region": "us-east-1", "arn": str(values.get("arn", "")).replace("eu-west-1", "us-east-1")}


def near(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of a thing in the endpoint's region."""
    return values | {"region": "eu-west-1"}


def test_what_scales_an_endpoint_elsewhere_says_nothing_of_this_one() -> None:
    """Two regions hold endpoints of the same name: one loses its autoscaling, the other's stays."""
    found = reviewed(
        *at_rest(),
        change("aws_appautoscaling_target.near", "delete", near(target())),
        stays("aws_appautoscaling_target.far", far(target())),
    )
    assert only(found, "autoscaling-detached").grade is Grade.HIGH


def test_an_alarm_elsewhere_is_no_guard() -> None:
    found = reviewed(
        *at_rest(),
        change("aws_cloudwatch_metric_alarm.near", "delete", near(alarm())),
        stays("aws_cloudwatch_metric_alarm.far", far(alarm())),
    )
    assert only(found, "guardrails-void").grade is Grade.HIGH


def test_a_target_that_moves_to_another_endpoint_leaves_this_one() -> None:
    moved_away = change(
        "aws_appautoscaling_target.main", "delete/create", target(), target(of="other"), replace_paths=[["resource_id"]]
    )
    found = reviewed(*at_rest(), moved_away)
    assert [finding.grade for finding in found.findings if finding.rule == "autoscaling-detached"] == [Grade.HIGH]
    assert [line.endpoint for line in found.endpoints] == ["fraud", "other"]


@pytest.mark.parametrize(
    ("what", "after", "rule"),
    [
        ("delete", None, "autoscaling-detached"),
        ("update", target(1, 2), "scale-in-possible"),
        ("update", target(2, 4), "endpoint-changed"),
    ],
)
def test_autoscaling_of_an_endpoint_in_another_state(what: str, after: dict[str, Any] | None, rule: str) -> None:
    found = reviewed(change("aws_appautoscaling_target.main", what, target(), after))
    assert rule in rules_of(found)
    (line,) = found.endpoints
    assert (line.endpoint, line.action) == ("fraud", "none")
    assert line.cost.after is None


def test_provisioned_concurrency_is_scaled_too() -> None:
    block = [{"memory_size_in_mb": 2048, "max_concurrency": 5, "provisioned_concurrency": 2}]
    values = config("fraud-a", variant(instance_type=None, initial_instance_count=None, serverless_config=block))
    scaled = target() | {"scalable_dimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    found = reviewed(
        stays(f"{ENDPOINT}.this", endpoint()),
        stays(f"{CONFIG}.a", values),
        stays(f"{MODEL}.one", model()),
        change("aws_appautoscaling_target.main", "delete", scaled),
    )
    assert "autoscaling-detached" in rules_of(found)


def test_a_config_of_another_module_may_be_another_state_s() -> None:
    found = reviewed(*at_rest(), change(f"module.other.{CONFIG}.this", "delete", config("theirs")))
    assert only(found, "endpoint-parts-unseen").grade is Grade.HIGH
    assert "endpoint-parts-unseen" not in rules_of(
        reviewed(*at_rest(), change(f"module.other.{CONFIG}.this", "delete", config("fraud-old")))
    )
