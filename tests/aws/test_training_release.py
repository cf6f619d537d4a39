"""A completed training job becomes a release, or is refused: once, whatever happens in between."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from glue import releases
from glue.aws.session import Session
from glue.core import job_release
from glue.core.training.record import Record
from glue.core.training.words import Kind, Purchase, Status
from glue.errors import AwsError, RefusedError
from glue.training_release import outcome_of, release_job

from .conftest import Estate, archive, model_members
from .faults import Killed, answer, failing, hooked
from .world import clock

numbers = itertools.count(1)
COMMIT_TAG = "1a2b3c4d5e6f708192a3b4c5d6e7f80912345678"


def a_job(**changes: Any) -> Record:
    terms = {"bounds": {"ndcg": {"min": 0.5, "max": None}}, "commit": COMMIT_TAG, "golden": True, "container_env": {}}
    terms |= changes.pop("terms", {})
    job = f"ranker-{next(numbers)}"
    record = Record(
        job=job,
        status=Status.COMPLETED,
        arguments=json.dumps({"kind": "training", "model": "ranker", "release": terms}),
        digest="d",
        kind=Kind.TRAINING,
        model="ranker",
        owner="search-team",
        submitted_by="arn:aws:sts::111111111111:assumed-role/slipway-dev-train/ann",
        priority=5,
        submitted_at=1_770_000_000_000,
        due_at=1_770_000_000_000,
        instance_type="ml.m5.large",
        instance_count=1,
        purchase=Purchase.SPOT,
        attempt=2,
        remote_name=f"{job}-2",
    )
    return replace(record, **changes)


@pytest.fixture
def described(dev: Session, estate: Estate, image: str) -> Iterator[Callable[..., None]]:
    """Answer DescribeTrainingJob for a job, with an archive in the store."""
    answers: dict[str, dict[str, Any]] = {}
    group = "slipway-dev-ranker"
    known = estate.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    if not any(one["ModelPackageGroupName"] == group for one in known):
        estate.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)

    def respond(request: Any, **_: Any) -> AWSResponse:
        name = json.loads(request.body)["TrainingJobName"]
        found = answers.get(name)
        body = found or {"__type": "ValidationException", "message": "Requested resource not found."}
        response = AWSResponse("http://described", 200 if found else 400, {}, None)
        response._content = json.dumps(body).encode()
        return response

    def describe(record: Record, members: Mapping[str, bytes] | None = None, **changes: Any) -> None:
        key = f"training/{record.job}/output/{record.remote_name}/output/model.tar.gz"
        content = archive(dict(members or model_members(unique=record.job.encode())))
        estate.client("s3").put_object(Bucket=dev.artifacts().name, Key=key, Body=content)
        answers[record.remote_name or ""] = {
            "TrainingJobName": record.remote_name,
            "TrainingJobStatus": "Completed",
            "ModelArtifacts": {"S3ModelArtifacts": dev.artifacts().uri(key)},
            "AlgorithmSpecification": {
                "TrainingImage": f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@{image}",
                "TrainingInputMode": "File",
            },
            "FinalMetricDataList": [{"MetricName": "ndcg", "Value": 0.75, "Timestamp": 1_770_000_000}],
            "HyperParameters": {"rounds": "20", "api_token": "hunter2", "long": "x" * 300},
            "InputDataConfig": [
                {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": dev.artifacts().uri("training/")}}},
                {"ChannelName": "far", "DataSource": {"S3DataSource": {"S3Uri": "s3://elsewhere/x"}}},
            ],
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "EnableManagedSpotTraining": True,
            "TrainingStartTime": 1_770_000_000,
            "TrainingEndTime": 1_770_000_100,
            "TrainingTimeInSeconds": 100,
            "BillableTimeInSeconds": 30,
            **changes,
        }

    events = dev.sagemaker._client.meta.events
    events.register("before-send.sagemaker.DescribeTrainingJob", respond)
    yield describe
    events.unregister("before-send.sagemaker.DescribeTrainingJob", respond)


def written(session: Session, record: Record) -> dict[str, Any]:
    found = session.artifacts().get_small(f"training/{record.job}/release.json", limit=10_000)
    assert found is not None
    document: dict[str, Any] = json.loads(found[0])
    return document


def packages(estate: Estate, release: str) -> list[dict[str, Any]]:
    listed = estate.client("sagemaker").get_paginator("list_model_packages")
    pages = listed.paginate(ModelPackageGroupName="slipway-dev-ranker")
    every = [one for page in pages for one in page["ModelPackageSummaryList"]]
    return [one for one in every if one.get("ModelPackageDescription") == f"release {release}"]


def test_a_completed_job_is_a_release_that_waits_for_approval(
    described: Callable[..., None], dev: Session, estate: Estate
) -> None:
    record = a_job()
    described(record)
    outcome = release_job(record, session=dev, clock=clock)
    assert (outcome.result, outcome.created, outcome.metrics) == ("released", True, {"ndcg": 0.75})
    made = releases.load_release(dev.artifacts(), outcome.release or "").release
    training: Any = made.training
    assert made.commit == COMMIT_TAG
    assert (training["job"], training["job_name"], training["attempt"]) == (record.job, f"{record.job}-2", 2)
    assert (training["owner"], training["spot"], training["billable_seconds"]) == ("search-team", True, 30)
    assert training["started"] == "2026-02-02T02:40:00Z"
    assert training["hyperparameters"]["rounds"] == "20"
    assert "hunter2" not in json.dumps(training)
    assert training["hyperparameters"]["long"].endswith("… (300 characters)")
    assert training["channels"]["train"]["changed_since"] is True
    assert training["channels"]["far"] == {"s3_uri": "s3://elsewhere/x"}
    (package,) = packages(estate, made.release)
    assert (package["ModelApprovalStatus"], package["ModelPackageArn"]) == (
        "PendingManualApproval",
        outcome.package_arn,
    )
    document = written(dev, record)
    assert (document["result"], document["release"], document["tries"]) == ("released", made.release, 1)
    assert outcome_of(record, session=dev) == outcome
    assert outcome_of(replace(record, remote_name=f"{record.job}-3"), session=dev) is None


def test_the_same_model_trained_again_is_the_same_release(
    described: Callable[..., None], dev: Session, estate: Estate
) -> None:
    first, second = a_job(), a_job()
    for record in (first, second):
        described(record, model_members(unique=b"the same seed"))
    one, other = (release_job(record, session=dev, clock=clock) for record in (first, second))
    assert (one.release, one.created, other.created) == (other.release, True, False)
    assert len(packages(estate, one.release or "")) == 1
    assert release_job(first, session=dev, clock=clock) == one


@pytest.mark.parametrize(
    ("bound", "job", "file", "words"),
    [
        ({"ndcg": {"min": 0.8}}, 0.75, 0.75, "ndcg is 0.75 (metrics.json), less than its bound 0.8"),
        ({"ndcg": {"max": 0.5}}, None, 0.75, "ndcg is 0.75 (metrics.json), more than its bound 0.5"),
        ({"ndcg": {"min": 0.5}}, 0.25, 0.75, "ndcg is 0.25 (the job's log), less than its bound 0.5"),
        ({"ndcg": {"min": 0.5}}, "NaN", None, "ndcg is nan (the job's log), not a finite number"),
        ({"ndgc": {"min": 0.5}}, 0.75, 0.75, "ndgc has a bound, and neither metrics.json in the archive nor the"),
        ({"ndgc": {}}, 0.75, 0.75, "ndgc has a bound, and neither"),
        ({}, 0.75, "NaN", "metric 'ndcg' is nan, not a finite number"),
    ],
)
def test_a_bound_that_does_not_hold_refuses(
    described: Callable[..., None], dev: Session, estate: Estate, bound: Any, job: Any, file: Any, words: str
) -> None:
    record = a_job(terms={"bounds": bound})
    members = model_members(unique=record.job.encode())
    members["metrics.json"] = b"{}" if file is None else f'{{"ndcg": {file}}}'.encode()
    metrics = [] if job is None else [{"MetricName": "ndcg", "Value": float(job), "Timestamp": 1}]
    described(record, members, FinalMetricDataList=metrics)
    before = len(list(dev.artifacts().keys("releases/ranker/")))
    outcome = release_job(record, session=dev, clock=clock)
    assert outcome.result == "refused"
    assert words in outcome.reasons[0]
    assert written(dev, record)["reasons"] == list(outcome.reasons)
    assert len(list(dev.artifacts().keys("releases/ranker/"))) == before


def test_a_bound_is_as_precise_as_sagemakers_own_metrics() -> None:
    terms = job_release.terms_of(json.dumps({"release": {"bounds": {"a": {"min": 0.854, "max": 0.854}}}}))
    assert terms is not None
    single = 0.8539999723434448  # what DescribeTrainingJob says for 0.854
    assert not job_release.missed(terms.bounds, archive={}, job={"a": single})
    assert job_release.missed(terms.bounds, archive={"a": single}, job={})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": Status.STOPPED}, "is a training job that is Stopped"),
        ({"kind": Kind.TUNING}, "is a tuning job that is Completed"),
        ({"remote_name": None}, "is a training job that is Completed"),
        ({"arguments": "{}"}, "has no release settings"),
        ({"arguments": '{"release": {"bound": {}}}'}, "unknown fields: bound"),
        ({"arguments": '{"release": {"bounds": {"a": {"min": NaN}}}}'}, "min is not a finite number"),
    ],
)
def test_what_cannot_become_a_release_is_said(dev: Session, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        release_job(a_job(**changes), session=dev, clock=clock)


def test_what_the_archive_or_image_lacks_is_a_refusal(described: Callable[..., None], dev: Session) -> None:
    plain = {"model.txt": b"w", "metrics.json": b'{"ndcg": 1}'}
    for record, members, changes, words in (
        (a_job(), plain, {}, "holds no golden/requests.json"),
        (a_job(), None, {"AlgorithmSpecification": {"TrainingImage": "elsewhere/ranker:1"}}, "is not in 111111111111"),
        (a_job(terms={"commit": None}), None, {}, "no tag of the image"),
        (a_job(terms={"container_env": {"DB_PASSWORD": "x"}}), None, {}, "looks like a secret"),
    ):
        described(record, members, **changes)
        outcome = release_job(record, session=dev, clock=clock)
        assert (outcome.result, words in outcome.reasons[0]) == ("refused", True), outcome
    assert "Secrets Manager" in outcome.reasons[0], "what to do is said, too"
    record = a_job(terms={"golden": False, "bounds": {}})
    described(record, plain)
    assert release_job(record, session=dev, clock=clock).result == "released"


def test_an_error_of_aws_is_written_down_and_raised(described: Callable[..., None], dev: Session) -> None:
    record = a_job()
    with pytest.raises(AwsError, match="does not exist"):
        release_job(record, session=dev, clock=clock)
    assert written(dev, record)["result"] == "failed"
    assert outcome_of(record, session=dev) is None
    described(record, TrainingJobStatus="InProgress")
    with pytest.raises(AwsError, match="is InProgress"):
        release_job(record, session=dev, clock=clock)
    described(record)
    with (
        failing(dev.artifacts(), "UploadPartCopy", answer(403, "AccessDenied")),
        pytest.raises(AwsError, match="denied"),
    ):
        release_job(record, session=dev, clock=clock)
    assert release_job(record, session=dev, clock=clock, tries=2).result == "released"


@pytest.mark.parametrize("place", range(0, 12, 2))
def test_killed_anywhere_the_next_run_makes_the_one_release(
    described: Callable[..., None], dev: Session, estate: Estate, place: int
) -> None:
    record = a_job()
    described(record)
    before = unfinished(dev)
    with killed_at(dev, place), pytest.raises(Killed):
        release_job(record, session=dev, clock=clock)
    assert written(dev, record)["result"] == "working"
    outcome = release_job(record, session=dev, clock=clock)
    assert (outcome.result, outcome.created) == ("released", True)
    loaded = releases.load_release(dev.artifacts(), outcome.release or "")
    assert loaded.release.training["job"] == record.job
    assert len(packages(estate, outcome.release or "")) == 1
    assert unfinished(dev) == before


def unfinished(session: Session) -> set[str]:
    return {one.release for one in releases.list_releases(session.artifacts(), "ranker") if not one.complete}


@contextmanager
def killed_at(session: Session, place: int) -> Iterator[None]:
    """Kill the process before its S3 write number `place`, counted from 0, after the first record."""
    seen = itertools.count(-1)

    def die(**_: Any) -> None:
        if next(seen) >= place:
            raise Killed

    writes = ["PutObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"]
    hooks = [hooked(session.artifacts(), f"before-send.s3.{name}", die) for name in writes]
    for hook in hooks:
        hook.__enter__()
    try:
        yield
    finally:
        for hook in hooks:
            hook.__exit__(None, None, None)
