"""The ranker's job files are jobs: read, given an image, and checked as `slipway train submit` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from glue.core.training.words import Kind
from glue.tf.tfvars import Estate
from glue.training_check import Checker
from glue.training_files import entries
from glue.training_queue import settings_of
from glue.training_submit import Job, Preparer

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "models" / "ranker" / "jobs"
IMAGE = f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@sha256:{'ab' * 32}"


@pytest.fixture(scope="module")
def prepare() -> Preparer:
    settings = settings_of(Estate(ROOT / "environments").environment("dev"))
    checker = Checker(settings, "arn:aws:sts::111111111111:assumed-role/operator/me")
    return Preparer((), "1a2b3c4", lambda *_: IMAGE, checker, lambda _: "ranker-made")


@pytest.mark.parametrize("path", sorted(JOBS.iterdir()), ids=lambda path: str(path.name))
def test_every_example_is_a_job(path: Path, prepare: Preparer) -> None:
    found = [prepare(entry) for entry in entries([path])]
    assert [one for one in found if not isinstance(one, Job)] == []
    assert len(found) == 1


def test_there_is_an_example_of_each_kind(prepare: Preparer) -> None:
    found = [prepare(entry) for entry in entries([JOBS])]
    documents = [one.document for one in found if isinstance(one, Job)]
    assert {str(document["kind"]) for document in documents} == {str(kind) for kind in Kind}
    assert any("hyperparameters_from" in document for document in documents)
    assert [document["kind"] for document in documents if "spot" in document] == ["processing", "training"]


def test_what_is_wrong_is_said_before_anything_is_sent(prepare: Preparer) -> None:
    (entry,) = entries([JOBS / "training.yaml"])
    assert entry.document is not None
    arguments = {**dict(entry.document["arguments"]), "HyperParameters": {"seed": 7}, "Tag": []}  # type: ignore[call-overload]
    checker = prepare.check
    problems = checker({**entry.document, "arguments": arguments, "prioritty": 5, "model": "rnker"})
    assert any("prioritty" in problem for problem in problems)
    assert any("rnker" in problem for problem in problems)
