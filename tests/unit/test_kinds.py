"""Serverless and asynchronous endpoints: their limits are refused before anything is made, and what they freeze."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue.core import kinds, render, truth
from glue.core.described import AsyncConfig
from glue.core.revision import Asynchronous, Network, Serverless
from glue.core.rollback import plan_rollback
from glue.core.serving import AsyncSettings, Bounds, CaptureSettings, EndpointSettings, VariantSettings
from glue.errors import UsageError
from glue.tf.tfvars import Estate
from tests.unit.revision_support import BUCKET, foundation, history, release, revision, settings
from tests.unit.test_truth import NAME, live_of

SERVERLESS = VariantSettings(model="ranker", serverless=Serverless(2048, 10))


def serverless(**changes: Any) -> EndpointSettings:
    entry = replace(SERVERLESS, serverless=replace(Serverless(2048, 10), **changes))
    return EndpointSettings(endpoint="ranker", variants={"main": entry})


def asynchronous(**changes: Any) -> EndpointSettings:
    return replace(settings(), asynchronous=AsyncSettings(**changes))


@pytest.mark.parametrize(
    "right",
    [
        settings(),
        settings(bounds=(1, 3)),
        serverless(),
        serverless(memory_size_in_mb=6144, max_concurrency=200, provisioned_concurrency=200),
        asynchronous(),
        replace(asynchronous(), autoscaling={"main": Bounds(0, 3)}),
        asynchronous(max_concurrent_invocations_per_instance=1000, error_topic_arn="arn:aws:sns:eu-west-1:1:x"),
    ],
)
def test_what_sagemaker_takes(right: EndpointSettings) -> None:
    assert list(kinds.problems(right)) == []


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (serverless(memory_size_in_mb=1536), "serving.variants.main.serverless.memory_size_in_mb"),
        (serverless(memory_size_in_mb=7168), "serving.variants.main.serverless.memory_size_in_mb"),
        (serverless(max_concurrency=201), "serving.variants.main.serverless.max_concurrency"),
        (serverless(provisioned_concurrency=11), "serving.variants.main.serverless.provisioned_concurrency"),
        (replace(serverless(), autoscaling={"main": Bounds(1, 2)}), "autoscaling.main"),
        (replace(serverless(), data_capture=CaptureSettings(10)), "serving"),
        (replace(serverless(), network=Network(isolation=True)), "serving"),
        (replace(serverless(), shadow_variants={"next": SERVERLESS}), "serving"),
        (settings(bounds=(0, 3)), "autoscaling.main"),
        (
            asynchronous(max_concurrent_invocations_per_instance=0),
            "serving.asynchronous.max_concurrent_invocations_per_instance",
        ),
        (asynchronous(success_topic_arn="topic"), "serving.asynchronous.success_topic_arn"),
        (replace(asynchronous(), data_capture=CaptureSettings(10)), "serving.asynchronous"),
        (replace(asynchronous(), shadow_variants=settings().variants), "serving.asynchronous"),
        (replace(asynchronous(), variants={"main": SERVERLESS}), "serving.asynchronous"),
    ],
)
def test_what_sagemaker_refuses_is_refused_with_its_key(wrong: EndpointSettings, key: str) -> None:
    found = dict(kinds.problems(wrong))
    assert key in found
    assert found[key]


def test_the_file_says_it_with_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "qa"
    (folder / "endpoints").mkdir(parents=True)
    (folder / "environment.tfvars").write_text(
        'environment = { name = "qa", account_id = "222222222222", region = "eu-west-1" }\n'
    )
    file = folder / "endpoints" / "ranker.tfvars"
    text = """endpoint = "ranker"
serving = {
  variants     = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
  asynchronous = { max_concurrent_invocations_per_instance = %s }
}
autoscaling = { main = { min = 0, max = 2, invocations_per_instance = 5 } }
"""
    file.write_text(text % 4)
    found = Estate(tmp_path).endpoint("qa", "ranker")
    assert found.asynchronous == AsyncSettings(4)
    assert found.autoscaling == {"main": Bounds(0, 2, {"invocations": 5.0, "from-zero": None})}
    file.write_text(text % 1001)
    with pytest.raises(UsageError, match=r"ranker\.tfvars: serving\.asynchronous\.max_concurrent.*give 1 to 1000"):
        Estate(tmp_path).endpoint("qa", "ranker")
    file.write_text(text.replace("max_concurrent_invocations_per_instance", "max_concurrency") % 1)
    with pytest.raises(UsageError, match="this key is unknown"):
        Estate(tmp_path).endpoint("qa", "ranker")


def test_what_is_frozen_of_an_asynchronous_endpoint() -> None:
    made = render.content(
        settings=asynchronous(max_concurrent_invocations_per_instance=2),
        releases={"main": release()},
        foundation=foundation(),
        counts={"main": 1},
    )
    assert made.asynchronous == Asynchronous(
        f"s3://{BUCKET}/async/ranker/output", f"s3://{BUCKET}/async/ranker/failures", foundation().artifact_key_arn, 2
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"output_s3_uri": "s3://elsewhere/x"}, ("asynchronous.output_s3_uri is s3://elsewhere/x, not s3://b/o",)),
        ({"error_topic_arn": "arn"}, ("asynchronous.error_topic_arn is arn, not absent",)),
    ],
)
def test_the_truth_of_an_asynchronous_config(changes: dict[str, Any], said: tuple[str, ...]) -> None:
    content = replace(revision(), asynchronous=Asynchronous("s3://b/o", "s3://b/f"))
    wanted = history(content)
    live = live_of(str(wanted.live), content)
    assert live.config is not None
    config = replace(live.config, asynchronous=replace(AsyncConfig("s3://b/o", "s3://b/f"), **changes))
    found = truth.check(endpoint=NAME, wanted=wanted.live, revision=content, live=replace(live, config=config))
    assert found.reasons == said


def test_an_endpoint_that_is_not_asynchronous_any_more_is_found() -> None:
    content = replace(revision(), asynchronous=Asynchronous("s3://b/o", "s3://b/f"))
    wanted = history(content)
    live = live_of(str(wanted.live), content)
    found = truth.check(endpoint=NAME, wanted=wanted.live, revision=content, live=live)
    assert "asynchronous.output_s3_uri is absent, not s3://b/o" in found.reasons


@pytest.mark.parametrize(("live", "expected"), [({}, 1), ({"main": 2}, 2), ({"main": 9}, 3)])
def test_an_asynchronous_endpoint_at_rest_begins_with_its_settings_count(live: dict[str, int], expected: int) -> None:
    wanted = replace(asynchronous(), autoscaling={"main": Bounds(0, 3)})
    assert render.counts(wanted, live=live, frozen=revision()) == {"main": expected}


def test_a_rollback_of_an_endpoint_at_rest_is_one_move() -> None:
    both = history(revision(2), revision(3, environment={"A": "2"}))
    wanted = replace(asynchronous(), autoscaling={"main": Bounds(0, 3)})
    back = plan_rollback(both, settings=wanted, to=None, live_counts={}, now=False, created="now")
    assert (back.rendered.action, back.scales_in) == ("moved", {})
