"""What is refused at submission, with which words; and that what is taken means the same for ever."""

from __future__ import annotations

import copy
import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.core.training import job as jobs
from glue.core.training import spec
from glue.core.training.document import LIMIT, canonical, from_json
from glue.core.training.words import Kind
from tests.unit.training_support import (
    ACCOUNT,
    BUCKET,
    IMAGE,
    NOW,
    PROCESSING,
    REPOSITORY,
    SETTINGS,
    TRAINING,
    TUNING,
    changed,
    parsed,
    problems,
    validate,
)

OTHER = "222222222222"
ROLE = "arn:aws:iam::{}:role/slipway-dev-ranker-execution"


@pytest.mark.parametrize("document", [TRAINING, TUNING, PROCESSING], ids=lambda one: one["kind"])
def test_a_valid_document_is_a_job_and_reads_back(document: dict[str, Any]) -> None:
    job = parsed(document)
    again = jobs.of_text(job.text)
    assert again.text == job.text
    assert (again.instance_types, again.instance_count) == (job.instance_types, job.instance_count)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"kindd": "training"}, "kindd: is no field; did you mean kind?"),
    ({"kind": "trainig"}, "kind: is 'trainig'; give training, tuning or processing"),
    ({"model": "rankr"}, "model: rankr is not known here; give one of: closed, ranker"),
    ({"id": "_launcher"}, "id: is '_launcher'; names that begin with _ are the queue's own"),
    ({"id": "Ranker 1"}, "id: is 'Ranker 1'; give 1 to 59 lower-case letters, digits and single hyphens"),
    ({"id": "a" * 60}, "id: has 60 characters; give at most 59"),
    ({"owner": "a,b"}, "owner: is 'a,b'; give 1 to 64 letters"),
    ({"priority": 10}, "priority: is 10; give a whole number from 0 to 9"),
    ({"priority": True}, "priority: is True; give a whole number"),
    ({"priority": 5.5}, "priority: is 5.5; give a whole number"),
    ({"retry__algorithm": -1}, "retry.algorithm: is -1; give a whole number from 0 to 20"),
    ({"retry__transient": 10**9}, "retry.transient: is 1000000000; give a whole number from 0 to 100"),
    ({"retry__give_up_after_hours": 0}, "retry.give_up_after_hours: is 0; give a number above 0"),
    ({"retry__transient": False}, "retry.transient: is False"),
    ({"retry__often": 3}, "retry.often: is no field"),
    ({"spot": {}}, "spot.max_wait_minutes: is missing"),
    ({"spot": {"max_wait_minutes": 60, "attempts": 0}}, "spot.attempts: is 0; give a whole number from 1 to 20"),
    ({"instance_types": ["ml.m5.large", 3]}, "instance_types: is ['ml.m5.large', 3]; give a list of strings"),
    ({"instance_types": ["ml.p5.48xlarge"]}, "instance_types: 'ml.p5.48xlarge' has no budget in this queue"),
    ({"arguments__ResourceConfig__InstanceType": "ml.p5.48xlarge"}, "'ml.p5.48xlarge' has no budget in this queue"),
    ({"arguments__ResourceConfig__InstanceCount": 0}, "ResourceConfig.InstanceCount: is 0; give 1 or more"),
    ({"arguments__ResourceConfig__InstanceCount": None}, "ResourceConfig.InstanceCount: is None; give 1 or more"),
    ({"arguments__StoppingCondition": {"MaxRuntimeInSeconds": 10**8}}, "28 days are the most"),
    ({"arguments__ResourceConfig__InstanceCount": 21}, "21 instances of ml.m5.large at once; the budget is 20"),
    ({"arguments__ResourceConfig__InstanceCount": 5, "instance_types": ["ml.m5.xlarge"]}, "the budget is 4"),
    (
        {"arguments__ResourceConfig__InstanceType": "ml.c5.xlarge", "spot": {"max_wait_minutes": 60}},
        "1 spot instances of ml.c5.xlarge at once; the spot budget is 0",
    ),
    ({"arguments__ResourceConfig": None}, "arguments: no one instance type; give ResourceConfig.InstanceType"),
    ({"hyperparameters_from": "ranker-1"}, "hyperparameters_from: names the job itself"),
    ({"hyperparameters_from": "x" * 40}, "no tuning job has such an id"),
    ({"release__bounds": {"ndcg_at_10": {"min": 2, "max": 1}}}, "min 2 is above max 1: no value can pass"),
    ({"release__bounds": {"ndcg_at_10": {}}}, "has neither min nor max"),
    ({"release__bounds": {"ndcg_at_10": {"min": True}}}, "release.bounds.ndcg_at_10.min: is True; give a number"),
    ({"release__commit": "main"}, "release.commit: is 'main'; give a git commit"),
    ({"release__golden": "yes"}, "release.golden: is 'yes'; give true or false"),
    ({"release__container_env": {"API_KEY": 3}}, "release.container_env: give strings only"),
    ({"arguments": None}, "arguments: is missing; give the members of CreateTrainingJob"),
    ({"arguments": []}, "arguments: is [], not an object"),
    ({"arguments__RoleArn": ROLE.format(OTHER)}, "leave it out"),
    ({"arguments__RoleArn": f"arn:aws:iam::{ACCOUNT}:role/Admin"}, f"jobs of ranker run as {ROLE.format(ACCOUNT)}"),
    ({"arguments__TrainingJobName": "x"}, "arguments.TrainingJobName: the queue names attempts"),
    ({"arguments__Tags": []}, "arguments.Tags: the queue sets the tags"),
    ({"arguments__EnableManagedSpotTraining": True}, "the queue buys spot: leave it out, and give `spot`"),
    ({"arguments__StoppingCondition": {"MaxWaitTimeInSeconds": 60}}, "give `spot.max_wait_minutes`"),
    (
        {"spot": {"max_wait_minutes": 60}, "arguments__StoppingCondition": {"MaxRuntimeInSeconds": 7200}},
        "spot.max_wait_minutes: 60 minutes to wait and run are less than MaxRuntimeInSeconds, 7200: give 120 or more",
    ),
    (
        {
            "spot": {"max_wait_minutes": 60},
            "arguments__CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/training/x"},
        },
        "arguments.CheckpointConfig: with spot the queue sets it",
    ),
    ({"arguments__AlgorithmSpecification__TrainingImage": f"{REPOSITORY}:latest"}, "a tag may move"),
    ({"arguments__AlgorithmSpecification__TrainingImage": f"{REPOSITORY}:v1@sha256:{'a' * 64}"}, "a tag may move"),
    ({"arguments__AlgorithmSpecification__TrainingImage": f"{REPOSITORY}-evil@sha256:{'a' * 64}"}, "own repository"),
    ({"arguments__AlgorithmSpecification__TrainingImage": IMAGE.replace(ACCOUNT, OTHER)}, "own repository"),
    ({"arguments__AlgorithmSpecification__TrainingImage": None}, "TrainingImage: is missing"),
    ({"arguments__AlgorithmSpecification__AlgorithmName": "arn:aws:x"}, "jobs run the model's own image"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": "s3://elsewhere/out"}}, "may write to; give one below"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": "s3://clicks/daily/out"}}, "may write to"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/releases/ranker/x"}}, "may write to"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training-history/x"}}, "may write to"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training/../releases"}}, "may write to"),
    ({"arguments__OutputDataConfig": {"S3OutputPath": "https://elsewhere/out"}}, "give an S3 location"),
    (
        {
            "arguments__OutputDataConfig": {
                "S3OutputPath": f"s3://{BUCKET}/training/x",
                "KmsKeyId": f"arn:aws:kms:eu-west-1:{OTHER}:key/1",
            }
        },
        f"names account {OTHER}",
    ),
    (
        {"arguments__ResourceConfig__VolumeKmsKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"},
        "names a key in us-east-1",
    ),
    ({"arguments__HyperParameters__data": "s3://elsewhere/x"}, "arguments.HyperParameters.data: 's3://elsewhere/x'"),
    ({"arguments__HyperParameters__data": '{"x": "S3://elsewhere/x"}'}, "arguments.HyperParameters.data"),
    ({"arguments__Environment": {"X": "a,s3://elsewhere/x"}}, "arguments.Environment.X: 's3://elsewhere/x'"),
    ({"arguments__HyperParameters": {f"k{at}": "1" for at in range(101)}}, "has 101 entries; AWS takes 100"),
    ({"arguments__HyperParameters": {"rounds": 20}}, "arguments.HyperParameters.rounds: is 20; give a string"),
    ({"arguments__AlgorithmSpecificaton": {}}, "did you mean AlgorithmSpecification?"),
    ({"arguments__ResourceConfig__VolumeSizeInGB": "10"}, "VolumeSizeInGB: is '10'; give a whole number"),
    ({"arguments__AlgorithmSpecification__TrainingInputMode": "Files"}, "did you mean File?"),
    ({"arguments__InputDataConfig": []}, "arguments.InputDataConfig: has 0 entries; AWS wants 1 or more"),
    ({"arguments__ResourceConfig__InstanceGroups": []}, "budgets count one instance type"),
    ({"arguments__VpcConfig": {"Subnets": "subnet-1"}}, "VpcConfig.SecurityGroupIds: is missing"),
]


@pytest.mark.parametrize(
    ("changes", "words"), REFUSED, ids=[f"{at}-{'-'.join(one)}" for at, (one, _) in enumerate(REFUSED)]
)
def test_a_document_is_refused_with_one_clear_sentence(changes: dict[str, Any], words: str) -> None:
    found = problems(TRAINING, **changes)
    assert [one for one in found if words in one], found
    assert all("\n" not in one and len(one) < 700 for one in found)


@pytest.mark.parametrize(
    ("document", "changes", "words"),
    [
        (TUNING, {"id": "t" * 29}, "id: has 29 characters; give at most 28"),
        (TUNING, {"release": {}}, "release: is for kind training only"),
        (TUNING, {"hyperparameters_from": "tune-0"}, "hyperparameters_from: is for kind training only"),
        (
            TUNING,
            {"arguments__HyperParameterTuningJobConfig__ResourceLimits__MaxParallelTrainingJobs": 21},
            "21 instances of ml.m5.large at once",
        ),
        (TUNING, {"arguments__TrainingJobDefinition__EnableManagedSpotTraining": True}, "give `spot`"),
        (TUNING, {"arguments__WarmStartConfig": {}}, "arguments.WarmStartConfig: the queue's tunings have no parents"),
        (TUNING, {"arguments__TrainingJobDefinition__ResourceConfig__InstanceCount": 0}, "give 1 or more"),
        (TUNING, {"arguments__HyperParameterTuningJobConfig__Strategy": "Guess"}, "Strategy: is 'Guess'; give one of"),
        (PROCESSING, {"arguments__ProcessingInputs__0__S3Input__S3Uri": "s3://clicks/weekly/x"}, "may read"),
        (
            PROCESSING,
            {"spot": {"max_wait_minutes": 60}, "arguments__ProcessingInputs__0__S3Input__LocalPath": "/data"},
            "with spot it must be /opt/ml/processing/input/clicks",
        ),
        (
            PROCESSING,
            {"spot": {"max_wait_minutes": 60}, "arguments__AppSpecification__ContainerEntrypoint": None},
            "ContainerEntrypoint: is missing; with spot give it",
        ),
        (
            PROCESSING,
            {
                "spot": {"max_wait_minutes": 60},
                "arguments__ProcessingOutputConfig__Outputs__0__S3Output__S3Uri": f"s3://{BUCKET}/datasets/x",
            },
            "with spot it must end with /train",
        ),
    ],
)
def test_other_kinds_have_rules_of_their_own(document: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    found = problems(document, **changes)
    assert [one for one in found if words in one], found


def test_a_model_with_a_network_runs_in_it_only() -> None:
    image = IMAGE.replace("ranker", "closed")
    document = changed(TRAINING, model="closed", arguments__AlgorithmSpecification__TrainingImage=image)
    inside = {"Subnets": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert problems(document) == []
    assert problems(document, arguments__VpcConfig=inside) == []
    (found,) = problems(document, arguments__VpcConfig=inside | {"Subnets": ["subnet-2", "subnet-9"]})
    assert found.startswith("arguments.VpcConfig.Subnets: 'subnet-9' is outside the model's network")


def test_all_problems_come_at_once() -> None:
    found = problems(kind="x", priority=-1, retry={"algorithm": -1}, owner="", colour="red")
    assert {one.split(":")[0] for one in found} == {"kind", "priority", "retry.algorithm", "owner", "colour"}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "Ranker_1"},
        {"id": "r" * 64},
        {"id": "_launcher"},
        {"id": "_launcher", "spot": {"max_wait_minutes": 1440}},
        {"arguments__ResourceConfig__InstanceType": "ml.m5.lage"},
        {"arguments__ResourceConfig__InstanceCount": None},
        {"arguments__AlgorithmSpecification__TrainingImage": f"{IMAGE}\n"},
    ],
)
def test_what_is_wrong_once_is_told_once(changes: dict[str, Any]) -> None:
    assert len(problems(**changes)) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\x00b", "has control characters"),
        ("\ud800", "has control characters"),
        (date(2026, 11, 21), "is a date; put it in quotes"),
        (math.nan, "is not a finite number"),
        (math.inf, "is not a finite number"),
        (2**64, "beyond 64 bits"),
        ({1: "x"}, "the key 1 is no string"),
        (b"x", "is a bytes"),
    ],
)
def test_what_is_no_plain_json_is_refused(value: object, words: str) -> None:
    found = problems(arguments__HyperParameters__x=value)
    assert [one for one in found if words in one], found


def test_size_and_depth_are_bounded() -> None:
    assert "the document has" in problems(arguments__HyperParameters__x="x" * LIMIT)[0]
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert "nested more than" in problems_of({**TRAINING, "arguments": deep})[0]


def test_aliases_that_make_billions_of_values_are_refused_at_once() -> None:
    much: list[Any] = ["lol"] * 9
    for _ in range(12):
        much = [much] * 9
    assert problems(arguments__HyperParameters__x=Shared(much)) == [f"the document: has more than {LIMIT} values"]
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert "nested more than" in problems_of(endless)[0]


class Shared(list[Any]):
    """A list that copy.deepcopy leaves as it is."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return self


def problems_of(document: Any) -> list[str]:
    try:
        jobs.parse(document, settings=SETTINGS, caller="x", now=NOW, nonce="", validate=validate())
    except jobs.JobError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    "text",
    [b'{"id": 1, "id": 2}', b'{"x": NaN}', b"[]", b"\xff", b"{" * 10, b'{"x": "' + b"a" * LIMIT + b'"}', b"[" * 60_000],
)
def test_json_is_read_strictly(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(path=st.sampled_from(sorted({path for changes, _ in REFUSED for path in changes})), value=values)
def test_whatever_stands_in_a_document_gets_an_answer(path: str, value: Any) -> None:
    document = changed(TRAINING, **({path: value} if value is not None else {}))
    try:
        job = jobs.parse(document, settings=SETTINGS, caller="x", now=NOW, nonce="", validate=validate())
    except jobs.JobError:
        return  # with its sentences; anything else would be a bug
    assert jobs.of_text(job.text).text == job.text


def test_the_same_document_is_the_same_job() -> None:
    shuffled = dict(reversed(list(copy.deepcopy(TRAINING).items())))
    explicit = changed(TRAINING, priority=5, retry={"algorithm": 0, "transient": 10}, instance_types=[])
    assert parsed(shuffled).digest == parsed(TRAINING).digest == parsed(explicit).digest
    assert parsed(TRAINING, priority=6).digest != parsed(TRAINING).digest
    by_another = jobs.parse(TRAINING, settings=SETTINGS, caller="bela", now=NOW + 5, nonce="m", validate=validate())
    assert by_another.digest == parsed(TRAINING).digest
    assert by_another.owner == "bela"


def test_an_owner_is_the_caller_unless_the_document_says_so() -> None:
    assert parsed(TRAINING).owner == "anna"
    assert parsed(TRAINING, owner="search-team").owner == "search-team"
    odd = jobs.parse(TRAINING, settings=SETTINGS, caller="=,anna x", now=NOW, nonce="", validate=validate())
    assert odd.owner == "anna-x"


@pytest.mark.parametrize("kind", list(Kind))
def test_generated_ids_fit_and_are_the_same_for_the_same_words(kind: Kind) -> None:
    model = "a-rather-long-model-name-of-47-characters-abcde"
    name = spec.new_id(model, NOW, "nonce", kind=kind)
    assert name == spec.new_id(model, NOW, "nonce", kind=kind)
    assert name != spec.new_id(model, NOW, "other", kind=kind)
    assert len(name) <= (28 if kind is Kind.TUNING else 59)
    without = changed(TRAINING, id=None)
    assert parsed(without).id == parsed(without).id
    assert parsed(without).id.startswith("ranker-20261118t")


def test_canonical_text_is_one_text() -> None:
    assert canonical({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"é"],"b":1}'
    assert json.loads(parsed(TRAINING).text)["priority"] == 5
