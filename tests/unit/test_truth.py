"""The truth check believes AWS, and compares everything that a revision froze."""

from dataclasses import replace
from typing import Any

import pytest

from glue.core import truth
from glue.core.described import DataCapture, Endpoint, EndpointConfig, Model, VariantConfig, VariantState
from glue.core.described import Network as LiveNetwork
from glue.core.revision import DataCapture as WantedCapture
from glue.core.revision import Network, Revision, Variant
from glue.core.status import endpoint_status
from glue.core.truth import Live
from tests.unit.revision_support import DIGEST, RELEASE, history, revision

NAME = "slipway-qa-ranker"


def live_of(revision_id: str, content: Revision, **changes: Any) -> Live:
    """What AWS would say if this revision were live."""
    config_name = f"{NAME}-{revision_id}-0badcafe"
    models = {f"{NAME}-{name}": model_of(name, v, content.network) for name, v in content.all_variants.items()}
    entries = {
        name: VariantConfig(name, f"{NAME}-{name}", float(v.weight), v.instance_type, v.initial_instance_count)
        for name, v in content.variants.items()
    }
    states = {
        name: VariantState(name, 1.0, 1.0, v.initial_instance_count, v.initial_instance_count, (v.image,))
        for name, v in content.variants.items()
    }
    endpoint = Endpoint(
        NAME, "arn", "InService", config_name, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", variants=states
    )
    config = EndpointConfig(config_name, "arn", entries)
    if content.data_capture:
        wanted = content.data_capture
        config = replace(
            config,
            data_capture=DataCapture(
                True, wanted.sampling_percentage, wanted.destination_s3_uri, wanted.key_arn, ("Output", "Input"),
                wanted.json_content_types, wanted.csv_content_types,
            ),
        )  # fmt: skip
    return Live(replace(endpoint, **changes), config, models)


def model_of(name: str, variant: Variant, network: Network | None) -> Model:
    placed = LiveNetwork(network.subnet_ids, network.security_group_ids) if network and network.subnet_ids else None
    return Model(
        f"{NAME}-{name}", "arn", variant.image, variant.model_data_url, dict(variant.environment),
        variant.execution_role_arn, placed, isolation=bool(network and network.isolation),
    )  # fmt: skip


def check(content: Revision, live: Live) -> truth.Truth:
    wanted = history(content)
    return truth.check(endpoint=NAME, wanted=wanted.live, revision=wanted.live_revision, live=live)


@pytest.mark.parametrize(
    "content",
    [
        revision(),
        replace(revision(), network=Network(("subnet-b", "subnet-a"), ("sg-1",), isolation=True)),
        replace(revision(), network=Network()),
        replace(revision(), data_capture=WantedCapture(10, "s3://b/capture/ranker")),
        replace(revision(), data_capture=WantedCapture(10, "s3://b/capture/ranker", key_arn="arn:aws:kms:r:1:key/k")),
    ],
)
def test_what_is_live_as_wanted_is_true(content: Revision) -> None:
    found = check(content, live_of(str(history(content).live), content))
    assert (found.state, found.reasons, found.exit_code) == ("true", (), 0)


def test_another_config_is_false_and_names_both_and_sagemakers_reason() -> None:
    content = revision()
    found = check(content, live_of("r9-00000000", content, failure="alarm x fired"))
    assert (found.state, found.exit_code, found.live_revision) == ("false", 1, "r9-00000000")
    assert f"wanted is {history(content).live}, and live is r9-00000000" in found.reasons[0]
    assert "SageMaker says: alarm x fired" in found.reasons


def test_a_config_that_was_not_made_by_us_is_false() -> None:
    content = revision()
    found = check(content, live_of("x", content, config="made-by-hand"))
    assert "live is none of ours (config made-by-hand)" in found.reasons[0]
    assert found.live_revision is None


@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "SystemUpdating"])
def test_work_under_way_is_pending(status: str) -> None:
    content = revision()
    found = check(content, live_of(str(history(content).live), content, status=status, pending_config="next"))
    assert (found.state, found.exit_code, found.reasons) == ("pending", 3, (f"{status} to next",))


def test_a_failed_endpoint_says_why() -> None:
    content = revision()
    found = check(content, live_of(str(history(content).live), content, status="Failed", failure="no capacity"))
    assert found.reasons[:2] == ("its status is Failed", "SageMaker says: no capacity")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": "other@sha256:b"}, "variants.main.image is other@sha256:b, not"),
        ({"model_data_url": "s3://elsewhere/x.tar.gz"}, "variants.main.model_data_url is s3://elsewhere/x.tar.gz, not"),
        ({"environment": {"A": "2"}}, "variants.main.environment.A is 2, not 1"),
        ({"environment": {}}, "variants.main.environment.A is absent, not 1"),
        ({"execution_role_arn": "arn:x"}, "variants.main.execution_role_arn is arn:x, not"),
        ({"isolation": True}, "variants.main.network.isolation is True, not False"),
    ],
)
def test_every_difference_of_a_model_is_found(change: dict[str, Any], said: str) -> None:
    content = revision()
    live = live_of(str(history(content).live), content)
    model = replace(live.models[f"{NAME}-main"], **change)
    found = check(content, replace(live, models={model.name: model}))
    assert found.state == "false"
    assert any(reason.startswith(said) for reason in found.reasons)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight": 2.0}, "variants.main.weight is 2, not 1"),
        ({"initial_instance_count": 5}, "variants.main.initial_instance_count is 5, not 1"),
        ({"instance_type": "ml.c5.large"}, "variants.main.instance_type is ml.c5.large, not ml.m5.large"),
    ],
)
def test_every_difference_of_a_config_is_found(change: dict[str, Any], said: str) -> None:
    content = revision()
    live = live_of(str(history(content).live), content)
    assert live.config is not None
    entry = replace(live.config.variants["main"], **change)
    found = check(content, replace(live, config=replace(live.config, variants={"main": entry})))
    assert found.reasons == (said,)


def test_instances_that_run_another_image_are_found() -> None:
    content = revision()
    live = live_of(str(history(content).live), content)
    assert live.endpoint is not None
    state = replace(live.endpoint.variants["main"], images=("r/slipway/ranker@sha256:" + "b" * 64,))
    found = check(content, replace(live, endpoint=replace(live.endpoint, variants={"main": state})))
    assert found.reasons[0].startswith("variant main runs image")


def test_what_is_gone_is_said() -> None:
    content = revision()
    live = live_of(str(history(content).live), content)
    assert "its config is gone" in check(content, replace(live, config=None)).reasons[0]
    assert any("model is gone" in reason for reason in check(content, replace(live, models={})).reasons)
    assert check(content, Live()).reasons == ("it does not exist; apply it first",)


def test_nothing_wanted() -> None:
    assert truth.check(endpoint=NAME, wanted=None, revision=None, live=Live()).state == "true"
    left = live_of("r1-00000000", revision())
    assert truth.check(endpoint=NAME, wanted=None, revision=None, live=left).state == "false"


def test_status_is_read_from_aws() -> None:
    content = revision(2)
    live = live_of(str(history(content).live), content)
    row = endpoint_status(environment="qa", endpoint="ranker", name=NAME, live=live)
    assert (row.revision, row.releases, row.images) == (history(content).live, (RELEASE,), (DIGEST,))
    assert (row.instances, row.since, row.status) == ("2", "2026-11-21T00:00:00Z", "InService")
    assert live.endpoint is not None
    scaling = replace(live.endpoint.variants["main"], current_instances=1, desired_instances=3)
    row = endpoint_status(
        environment="qa", endpoint="ranker", name=NAME,
        live=replace(live, endpoint=replace(live.endpoint, variants={"main": scaling})),
    )  # fmt: skip
    assert row.instances == "1 of 3"
    assert endpoint_status(environment="qa", endpoint="x", name="y", live=Live()).status == "not deployed"
