"""Submitting: batches that hide nothing, ids that outlive a killed call, waiting that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from glue.aws.function_url import Answer, address
from glue.core import overrides
from glue.errors import AccessDeniedError, AwsError
from glue.training_files import Entry
from glue.training_ids import Ids, journal
from glue.training_submit import LARGEST, Job, Preparer, Sent, submit, with_image
from glue.training_wait import Waited, Waiter

Document = Mapping[str, object]
_IMAGE = ("AlgorithmSpecification", "TrainingImage")


def ready(count: int) -> Iterator[Job | Sent]:
    for number in range(count):
        yield Job(f"{number}.yaml", f"job-{number}", {"id": f"job-{number}"})


def accept(document: Document) -> Answer:
    jobs: Any = document["jobs"]
    return Answer(200, {"results": [{"id": job["id"], "status": "submitted", "errors": []} for job in jobs]})


def test_thousands_go_in_batches_in_order_and_few_at_a_time() -> None:
    read = 0
    lead = 0
    yielded = 0

    def counted() -> Iterator[Job | Sent]:
        nonlocal read, lead
        for job in ready(3000):
            read += 1
            lead = max(lead, read - yielded)
            yield job

    sizes: list[int] = []

    def post(document: Document) -> Answer:
        sizes.append(len(list(document["jobs"])))  # type: ignore[call-overload]
        return accept(document)

    found = []
    for one in submit(counted(), post):
        yielded += 1
        found.append(one)
    assert [one.id for one in found] == [f"job-{number}" for number in range(3000)]
    assert {one.status for one in found} == {"submitted"}
    assert (max(sizes), len(sizes)) == (25, 120)
    assert lead <= 25 * 6


def test_refused_ones_keep_their_place_and_hide_no_other() -> None:
    def mixed() -> Iterator[Job | Sent]:
        for job in ready(30):
            yield Sent("bad.yaml", None, "refused", ("it is wrong",))
            yield job

    def post(document: Document) -> Answer:
        answer = accept(document)
        for one in answer.document["results"]:
            if one["id"] == "job-3":
                one.update(status="refused", errors=["another job has this id"])
            if one["id"] == "job-4":
                one.update(status="known")
        return answer

    found = list(submit(mixed(), post))
    assert [one.status for one in found[::2]] == ["refused"] * 30
    assert [one.status for one in found[1:12:2]] == ["submitted"] * 3 + ["refused", "known", "submitted"]
    assert found[7].errors == ("another job has this id",)


def test_a_batch_that_cannot_be_sent_is_told_and_the_others_go() -> None:
    def post(document: Document) -> Answer:
        jobs: Any = document["jobs"]
        if jobs[0]["id"] == "job-25":
            raise AwsError("the function keeps failing")
        return accept(document)

    found = list(submit(ready(75), post))
    assert [one.status for one in found] == ["submitted"] * 25 + ["unsent"] * 25 + ["submitted"] * 25
    assert found[30].errors == ("the function keeps failing",)


def test_after_a_denial_nothing_more_is_sent() -> None:
    calls = []

    def post(document: Document) -> Answer:
        calls.append(document)
        raise AccessDeniedError("denied", remedy="ask")

    found = list(submit(ready(500), post, at_once=1))
    assert {one.status for one in found} == {"unsent"}
    assert all("denied" in one.errors[0] for one in found)
    assert len(calls) == 1


def test_what_waits_for_a_tuning_is_sent_after_all_others() -> None:
    waits = Job("best.yaml", "best", {"id": "best", "hyperparameters_from": "job-40"})
    seen: list[str] = []

    def post(document: Document) -> Answer:
        jobs: Any = document["jobs"]
        seen.extend(job["id"] for job in jobs)
        return accept(document)

    found = list(submit([waits, *ready(60)], post))
    assert seen[-1] == "best"
    assert [one.id for one in found] == [f"job-{n}" for n in range(60)] + ["best"]


def test_the_first_of_an_id_is_sent_before_any_other_of_it() -> None:
    again = Job("again.yaml", "job-0", {"id": "job-0", "priority": 9})
    seen: list[object] = []

    def post(document: Document) -> Answer:
        jobs: Any = document["jobs"]
        seen.extend((job["id"], job.get("priority")) for job in jobs)
        return accept(document)

    found = list(submit([*ready(1), again, *list(ready(80))[1:]], post))
    assert seen[-1] == ("job-0", 9)
    assert [found[0].where, found[-1].where] == ["0.yaml", "again.yaml"]


def test_one_that_spoils_its_batch_is_found() -> None:
    lock = threading.Lock()
    calls = []

    def post(document: Document) -> Answer:
        jobs: Any = document["jobs"]
        with lock:
            calls.append(len(jobs))
        if any(job["id"] == "job-7" for job in jobs):
            return Answer(400, {"message": "it is no request"})
        return accept(document)

    found = list(submit(ready(25), post))
    assert [one.id for one in found if one.status == "refused"] == ["job-7"]
    assert sum(one.status == "submitted" for one in found) == 24
    assert len(calls) < 12


@pytest.mark.parametrize(
    "results",
    [None, [], [{"id": "job-1", "status": "submitted"}], [{"id": "job-0", "status": "wonderful"}], ["job-0"]],
)
def test_an_answer_that_makes_no_sense_is_no_success(results: object) -> None:
    (found,) = submit(ready(1), lambda _: Answer(200, {"results": results}))
    assert (found.status, len(found.errors)) == ("unsent", 1)


# preparing


def prepare(document: Document | None, *changes: str, image: str | None = None, **more: Any) -> Job | Sent:
    def resolve(model: str, reference: str) -> str:
        if reference == "absent":
            raise ValueError(f"image {model} {reference} does not exist")
        return f"registry/{model}@sha256:{reference}"

    preparer = Preparer(
        [overrides.parse(text) for text in changes],
        image,
        resolve,
        more.get("check", lambda _: ()),
        lambda found: f"{found['model']}-made",
    )
    return preparer(Entry("a.yaml", document, None if document else "it is not UTF-8"))


def test_a_document_gets_changes_an_image_and_an_id() -> None:
    found = prepare({"model": "ranker", "arguments": {}}, "priority=9", image="abc")
    assert isinstance(found, Job)
    assert found.id == "ranker-made"
    assert found.document == {
        "id": "ranker-made",
        "model": "ranker",
        "priority": 9,
        "arguments": {"AlgorithmSpecification": {"TrainingImage": "registry/ranker@sha256:abc"}},
    }


@pytest.mark.parametrize(
    ("kind", "arguments", "path"),
    [
        ("processing", {}, ("AppSpecification", "ImageUri")),
        ("tuning", {}, ("TrainingJobDefinition", *_IMAGE)),
        ("tuning", {"TrainingJobDefinitions": [{}]}, ("TrainingJobDefinitions", 0, *_IMAGE)),
    ],
)
def test_the_image_lies_where_each_kind_has_it(kind: str, arguments: Document, path: tuple[Any, ...]) -> None:
    document = {"kind": kind, "model": "m", "arguments": arguments}
    found: Any = with_image(document, "x", lambda model, reference: f"{model}@{reference}")["arguments"]
    for step in path:
        found = found[step]
    assert found == "m@x"


@pytest.mark.parametrize(
    ("document", "changes", "image", "why"),
    [
        (None, (), None, "it is not UTF-8"),
        ({"id": "a"}, ("id.x=1",), None, "id is a single value"),
        ({"id": "a"}, (), "abc", "--image needs a document with model and arguments"),
        ({"id": "a", "model": "m", "arguments": {}}, (), "absent", "does not exist"),
        ({"id": "a", "model": "m", "arguments": {"AlgorithmSpecification": 5}}, (), "abc", "single value"),
        ({"id": "a", "note": "é" * LARGEST}, (), None, "at most 65,536 are taken"),
    ],
)
def test_what_cannot_be_sent_is_refused_here(
    document: Document | None, changes: tuple[str, ...], image: str | None, why: str
) -> None:
    found = prepare(document, *changes, image=image)
    assert isinstance(found, Sent)
    assert found.status == "refused"
    assert why in found.errors[0]


def test_every_problem_is_told() -> None:
    found = prepare({"id": "a"}, check=lambda _: ("one", "two"))
    assert isinstance(found, Sent)
    assert found.errors == ("one", "two")


# ids


def test_a_killed_call_is_resumed_with_its_ids_and_a_finished_one_is_not(tmp_path: Path) -> None:
    path = journal(tmp_path / "train", "dev", "jobs/")
    numbers = iter(range(100))

    def new(_: Document) -> str:
        return f"job-{next(numbers)}"

    with Ids(path, new) as ids:
        assert [ids({"a": 1}), ids({"a": 1}), ids({"a": 2})] == ["job-0", "job-1", "job-2"]
    with path.open("a") as file:
        file.write('["cut of')  # as a killed process leaves it
    with Ids(path, new) as ids:
        assert ids.resumes == 3
        assert [ids({"a": 2}), ids({"a": 1}), ids({"a": 3}), ids({"a": 1})] == ["job-2", "job-0", "job-3", "job-1"]
        ids.finish()
    with Ids(path, new) as ids:
        assert (ids.resumes, ids({"a": 1})) == (0, "job-4")


def test_a_line_after_a_cut_one_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('["cut of')
    with Ids(path, lambda _: "first") as ids:
        assert ids({}) == "first"
    with Ids(path, lambda _: "second") as ids:
        assert ids({}) == "first"


# where a function URL is

URL = "https://abc.lambda-url.eu-west-1.on.aws/"


@pytest.mark.parametrize(
    ("endpoint", "there"),
    [
        ("https://lambda.eu-west-1.amazonaws.com", URL),
        ("https://lambda.eu-west-1.api.aws", URL),
        ("https://vpce-1-x.lambda.eu-west-1.vpce.amazonaws.com", URL),
        ("https://lambda.cn-north-1.amazonaws.com.cn", URL),
        ("http://127.0.0.1:4700", "http://127.0.0.1:4700/"),
    ],
)
def test_a_function_url_is_reached_where_lambda_is(endpoint: str, there: str) -> None:
    assert address(URL, endpoint) == there


# waiting


class Time:
    """A clock that sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Rows:
    """A table whose jobs go through statuses, one for each look."""

    def __init__(self, **jobs: list[dict[str, object]]) -> None:
        self.jobs = jobs
        self.looks = 0

    def get_all(self, key: str, values: list[str], *, fields: tuple[str, ...]) -> dict[str, dict[str, object]]:
        assert (key, "JobStatus" in fields) == ("JobId", True)
        self.looks += 1
        found = {}
        for job in values:
            states = self.jobs[job]
            state = states.pop(0) if len(states) > 1 else states[0]
            if state:
                found[job] = state
        return found


def waited(
    rows: Rows, outcomes: list[Document | None], *, timeout_s: float = 60
) -> tuple[dict[str, Waited], list[str]]:
    time, said = Time(), []

    def release(_: str) -> Document | None:
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    table: Any = rows
    waiter = Waiter(table, release, say=said.append, sleep=time.sleep, clock=time.clock)
    return waiter.wait(list(rows.jobs), timeout_s=timeout_s), said


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_waiting_ends_on_every_end(status: str) -> None:
    states: list[dict[str, object]] = [
        {"JobStatus": "New", "attempt": 0, "JobArgs": "{}"},
        {"JobStatus": "Launched", "attempt": 1, "JobArgs": "{}"},
        {"JobStatus": status, "attempt": 1, "reason": "why", "JobArgs": "{}"},
    ]
    found, said = waited(Rows(a=states), [None])
    assert (found["a"].status, found["a"].over, found["a"].good) == (status, True, status == "Completed")
    assert said == ["New, attempt 0", "Launched, attempt 1", f"{status}, attempt 1: why"]


def test_a_release_is_waited_for_and_its_refusal_is_no_success() -> None:
    done: dict[str, object] = {"JobStatus": "Completed", "attempt": 1, "JobArgs": '{"release": {}}'}
    found, _ = waited(Rows(a=[done]), [None, {"result": "working"}, {"result": "released", "release": "ranker-1"}])
    assert (found["a"].release, found["a"].good) == ("ranker-1", True)
    found, _ = waited(Rows(a=[done]), [{"result": "refused", "reasons": ["ndcg is 0.1", "x"], "release": None}])
    assert (found["a"].over, found["a"].good, found["a"].reason) == (True, False, "ndcg is 0.1; x")
    assert found["a"].as_json()["release_outcome"] == "refused"


def test_waiting_ends_at_its_time_with_the_last_status() -> None:
    rows = Rows(a=[{"JobStatus": "Launched", "attempt": 2, "JobArgs": "{}"}], b=[{}])
    found, said = waited(rows, [None], timeout_s=600)
    assert (found["a"].status, found["a"].over) == ("Launched", False)
    assert (found["b"].status, found["b"].over, found["b"].good) == (None, True, False)
    assert said == ["1 Launched, 1 not in the table"]
    assert rows.looks < 200
    never, _ = waited(Rows(a=[{"JobStatus": "New", "JobArgs": "{}"}]), [None], timeout_s=0)
    assert never["a"].status == "New"
