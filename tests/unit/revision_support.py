"""Revisions, settings and manifests that tests of rendering, truth and rollback share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glue.core.foundation import Foundation, FoundationModel
from glue.core.release import MODEL_ARCHIVE, SOURCE_ARCHIVE, Release, ReleaseFile
from glue.core.revision import Revision, Revisions, Variant
from glue.core.serving import Bounds, EndpointSettings, VariantSettings

RELEASE = "ranker-20261121t100000-1a2b3c4"
NEXT_RELEASE = "ranker-20261122t100000-5e6f7a8"
DIGEST = "sha256:" + "a" * 64
BUCKET = "slipway-qa-artifacts-222222222222"
REPOSITORY = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker"
ROLE = "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution"


def variant(*, release: str = RELEASE, **changes: Any) -> Variant:
    entry = Variant(
        release=release,
        image=f"{REPOSITORY}@{DIGEST}",
        model_data_url=f"s3://{BUCKET}/releases/ranker/{release}/model.tar.gz",
        execution_role_arn=ROLE,
        environment={"A": "1"},
        instance_type="ml.m5.large",
        initial_instance_count=1,
    )
    return replace(entry, **changes)


def revision(count: int = 1, **changes: Any) -> Revision:
    return Revision(variants={"main": variant(initial_instance_count=count, **changes)})


def history(*contents: Revision) -> Revisions:
    found = Revisions()
    for number, content in enumerate(contents, start=1):
        found = found.add(content, created=f"2026-11-{number:02d}T00:00:00Z")
    return found


def settings(*, count: int = 1, bounds: tuple[int, int] | None = None, **changes: Any) -> EndpointSettings:
    entry = VariantSettings(model="ranker", instance_type="ml.m5.large", instance_count=count, **changes)
    scaling = {"main": Bounds(*bounds)} if bounds else {}
    return EndpointSettings(endpoint="ranker", variants={"main": entry}, autoscaling=scaling)


def release(name: str = RELEASE, *, source: bool = False, **environment: str) -> Release:
    names = [MODEL_ARCHIVE, *([SOURCE_ARCHIVE] if source else [])]
    return Release(
        release=name,
        model="ranker",
        created="2026-11-21T10:00:00Z",
        commit="1a2b3c4",
        image_repository="slipway/ranker",
        image_digest=DIGEST,
        files={n: ReleaseFile(name=n, bytes=1, sha256="x-1", parts=("x",)) for n in names},
        environment=environment,
    )


def foundation() -> Foundation:
    model = FoundationModel(execution_role_arn=ROLE, repository_url=REPOSITORY, model_package_group="slipway-qa-ranker")
    return Foundation(
        project="slipway",
        environment="qa",
        account_id="222222222222",
        region="eu-west-1",
        artifact_bucket=BUCKET,
        artifact_key_arn="arn:aws:kms:eu-west-1:222222222222:key/k",
        notification_topic_arn=None,
        models={"ranker": model},
    )
