"""What `slipway apply` leaves in the audit trail, whatever the stack and however it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glue import applying
from glue.core.environment import Environment
from glue.core.plan import PlanSummary
from glue.errors import NotFoundError, SlipwayError
from glue.tf import revisions_file
from glue.tf.tfvars import Estate
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, history, revision

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
TWO = history(revision(1), revision(1, release=NEXT_RELEASE))
ONE_ID = min(TWO.revisions)
PLAN = PlanSummary(digest="ab" * 32)


class Account:
    """An account with an endpoint that serves the first revision; its store may not exist yet."""

    environment = QA

    def __init__(self) -> None:
        self.served: str | None = ONE_ID
        self.status = "InService"
        self.store = True

    @property
    def sagemaker(self) -> Account:
        return self

    @property
    def parameters(self) -> Account:
        return self

    def endpoint(self, name: str) -> Any:
        return SimpleNamespace(config=f"{name}-{self.served}-0badcafe", status=self.status) if self.served else None

    def foundation(self, _: Environment) -> None:
        if not self.store:
            raise NotFoundError("no foundation yet")


class Trail:
    def __init__(self) -> None:
        self.session = Account()
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def tell(*words: Any, **said: Any) -> str:
            del words
            self.told.append((name, said))
            return "begun"

        return tell


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    revisions_file.save(tmp_path / "qa/endpoints/ranker.revisions.tfvars", TWO)
    return Estate(tmp_path)


def run(trail: Trail, stack: Stack, estate: Estate, error: SlipwayError | None = None) -> None:
    with applying.recorded(trail, stack, PLAN, estate):  # type: ignore[arg-type]
        trail.told.append(("apply", {}))
        if error is not None:
            raise error


SERVING, FOUNDATION = Stack(QA, "serving", "ranker"), Stack(QA, "foundation")


def test_an_endpoints_apply_says_from_where_to_where(estate: Estate) -> None:
    trail = Trail()
    run(trail, SERVING, estate)
    assert [name for name, _ in trail.told] == ["reconcile", "begin", "apply", "end"]
    begun = trail.told[1][1]
    assert TWO.live_revision is not None
    assert (begun["source"], begun["to"], begun["plan"]) == (ONE_ID, TWO.live, PLAN.digest)
    assert begun["releases"] == TWO.live_revision.releases


def test_a_failure_says_what_aws_serves_then(estate: Estate) -> None:
    trail = Trail()
    with pytest.raises(SlipwayError):
        run(trail, SERVING, estate, SlipwayError("no capacity"))
    assert trail.told[-1] == ("end", {"outcome": "failed", "reason": "no capacity", "returned_to": ONE_ID})


def test_nothing_is_said_to_be_live_while_aws_is_at_work(estate: Estate) -> None:
    trail = Trail()
    trail.session.status = "Updating"
    with pytest.raises(SlipwayError):
        run(trail, SERVING, estate, SlipwayError("killed"))
    assert "reconcile" not in [name for name, _ in trail.told]
    assert trail.told[-1][1]["returned_to"] is None


def test_the_first_apply_of_an_endpoint_comes_from_nothing(estate: Estate) -> None:
    trail = Trail()
    trail.session.served = None
    run(trail, SERVING, estate)
    assert trail.told[1][1]["source"] is None


def test_another_stack_is_recorded_below_its_own_name(estate: Estate) -> None:
    trail = Trail()
    run(trail, FOUNDATION, estate)
    assert [name for name, _ in trail.told] == ["reconcile", "begin", "apply", "end"]
    assert trail.told[1][1]["endpoint"] == "_foundation"


def test_the_apply_that_makes_the_store_is_recorded_at_its_end(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = Trail()
    trail.session.store = False
    answers = iter([False, True])
    monkeypatch.setattr(applying, "_has_store", lambda _: next(answers))
    run(trail, FOUNDATION, estate)
    assert [name for name, _ in trail.told] == ["apply", "note"]


def test_without_a_store_nothing_can_be_recorded(estate: Estate) -> None:
    trail = Trail()
    trail.session.store = False
    run(trail, Stack(QA, "bootstrap"), estate)
    assert [name for name, _ in trail.told] == ["apply"]
