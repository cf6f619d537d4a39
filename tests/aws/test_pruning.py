"""Pruning on accounts in this process: what is read from S3, ECR and SageMaker, what goes, and in which order."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest

from glue import auditing, pruning
from glue.auditing import Trail
from glue.aws.session import Session
from glue.console import Console
from glue.core import audit
from glue.core.audit import Record
from glue.core.plan import Change, PlanSummary
from glue.core.release import MANIFEST
from glue.core.request import ReleaseRequest
from glue.core.revision import Revision, Revisions, Variant, number_of
from glue.errors import RefusedError, SlipwayError
from glue.pruning import PrunePlan, Pruner
from glue.releasing import create_release, plan_release
from glue.tf import revisions_file
from glue.tf.runner import Planned
from glue.tf.tfvars import Estate
from glue.workspace import Stack
from tests.aws.conftest import archive, model_members, push_image

ACCOUNT = "111111111111"
CONFIG = "aws_sagemaker_endpoint_configuration"
ENVIRONMENT = """environment = {{
  name       = "{name}"
  account_id = "{account}"
  region     = "eu-west-1"
  owner      = "x"
  repository = "https://example.com/x"
  promotes_from = {source}
  models     = {{ ranker = {{}} }}
}}
"""
ENDPOINT = """endpoint = "{name}"
serving = {{
  variants = {{ main = {{ model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }} }}
}}
"""


@dataclass
class World:
    """Dev with an endpoint, whose Terraform is in memory: its configs are those of the file that was applied last."""

    estate: Estate
    session: Session
    client: Callable[..., Any]
    name: str
    steps: list[str] = field(default_factory=list)
    more: tuple[Change, ...] = ()
    fail: SlipwayError | None = None
    configs: set[str] = field(default_factory=set)

    @property
    def path(self) -> Path:
        return self.estate.revisions_file("dev", self.name)

    # Stacks
    def plan_held(self, stack: Stack) -> Planned:
        wanted = set(revisions_file.load(self.path).revisions)
        gone = sorted(self.configs - wanted, key=number_of)
        changes = [Change(f'module.e.{CONFIG}.this["{n}"]', CONFIG, "delete", {"name": f"x-{n}"}) for n in gone]
        return Planned(stack, PlanSummary((*changes, *self.more), digest="ab" * 32), self.path, 0.0)

    def apply_held(self, _: Stack) -> None:
        self.steps.append("apply")
        if self.fail is not None:
            raise self.fail
        self.configs = set(revisions_file.load(self.path).revisions)

    def discard_held(self, _: Stack) -> None:
        self.steps.append("discard")

    # what a test asks for
    def write(self, revisions: Revisions) -> None:
        revisions_file.save(self.path, revisions)
        self.configs = set(revisions.revisions)

    def pruner(self, now: datetime | None = None) -> Pruner:
        console = Console(stream=io.StringIO(), environ={})
        clock = (lambda: now) if now else auditing.now
        trail = Trail(self.session, console=console)
        return Pruner(
            estate=self.estate,
            session=self.session,
            prover=self.session,
            stacks=self,
            trail=trail,
            console=console,
            clock=clock,  # type: ignore[arg-type]
        )

    def plan(self, keep: int = 1, **options: Any) -> PrunePlan:
        return self.pruner(**options).plan(endpoints=[self.name], keep=keep)

    def records(self, scope: str) -> list[Record]:
        return [entry for entry, _ in auditing.records(self.session, scope) if isinstance(entry, Record)]


@pytest.fixture
def world(dev: Session, estate: Any, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    name = f"e{crc32(request.node.name.encode()) % 10**8}"
    for env, account, source in (("dev", ACCOUNT, "null"),):
        folder = tmp_path / env / "endpoints"
        folder.mkdir(parents=True)
        (folder.parent / "environment.tfvars").write_text(ENVIRONMENT.format(name=env, account=account, source=source))
        (folder / f"{name}.tfvars").write_text(ENDPOINT.format(name=name))
    return World(Estate(tmp_path), dev, estate.client, name)


@pytest.fixture
def releases(dev: Session, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[tuple[str, str]]]:
    """Three releases of this test's own, each with an image of its own."""
    made = []
    seed = crc32(request.node.name.encode()) % 10**6
    for number in range(3):
        content = json.dumps({"of": request.node.name, "n": number}).encode()
        digest = push_image(dev, f"{seed:06x}{number}", content=content)
        path = tmp_path / f"model{number}.tar.gz"
        path.write_bytes(archive(model_members(n=content)))
        asked = ReleaseRequest(model="ranker", archive=str(path), image=digest, commit="1a2b3c4d")
        when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seed * 3 + number)
        plan = plan_release(asked, session=dev, clock=partial(lambda moment: moment, when))
        made.append((create_release(plan, session=dev).release.release, digest))
    yield made
    for release, _ in made:  # what one test superseded, no other may find
        for key in list(dev.artifacts().keys(f"releases/ranker/{release}/")):
            dev.artifacts().delete(key)


def revision(release: str, digest: str, number: int = 1) -> Revision:
    variant = Variant(
        release=release,
        image=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@{digest}",
        model_data_url=f"s3://slipway-dev-artifacts-{ACCOUNT}/releases/ranker/{release}/model.tar.gz",
        execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/x",
        environment={"N": str(number)},
        instance_type="ml.m5.large",
        initial_instance_count=1,
    )
    return Revision(variants={"main": variant})


def history(releases: list[tuple[str, str]]) -> Revisions:
    found = Revisions()
    for release, digest in releases:
        found = found.add(revision(release, digest), created="2026-03-01T00:00:00Z")
    return found


def there(world: World, release: str, digest: str) -> tuple[bool, bool]:
    keys = list(world.session.artifacts().keys(f"releases/ranker/{release}/"))
    return bool(keys), world.session.registry.describe("slipway/ranker", digest) is not None


def test_old_revisions_go_with_their_files_and_images(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    plan = world.plan()
    assert (plan.removed, [entry.release for entry in plan.freed.releases]) == (1, [releases[0][0]])
    assert [image.digest for image in plan.freed.images] == [releases[0][1]]
    assert plan.freed.bytes > 0
    done = world.pruner().carry_out(plan)
    assert done.freed.releases == plan.freed.releases
    assert there(world, *releases[0]) == (False, False)
    assert there(world, *releases[1]) == there(world, *releases[2]) == (True, True)
    assert min(revisions_file.load(world.path).revisions, key=number_of).startswith("r2-")
    (record,) = world.records(world.name)
    assert (record.action, record.outcome, record.releases, record.plan) == (
        "prune", "done", (releases[0][0],), "ab" * 32,
    )  # fmt: skip
    assert releases[0][0] in world.records(pruning.RELEASES)[0].releases
    assert world.plan().empty


def test_a_plan_reads_and_changes_nothing(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    before = world.path.read_bytes()
    world.plan()
    assert world.path.read_bytes() == before
    assert world.steps == []
    assert world.records(world.name) == []


def test_a_plan_of_more_than_destroying_is_refused_and_undone(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    before = world.path.read_bytes()
    world.more = (Change("module.e.aws_sagemaker_endpoint.this", "aws_sagemaker_endpoint", "update"),)
    with pytest.raises(RefusedError, match="also wants to update"):
        world.pruner().carry_out(world.plan())
    assert world.path.read_bytes() == before
    assert world.steps == ["discard"]
    assert there(world, *releases[0]) == (True, True)
    assert world.records(world.name)[0].outcome == "failed"
    assert world.plan().unfinished == frozenset()


def test_a_failed_apply_is_finished_by_the_next(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    world.fail = SlipwayError("the network is gone")
    with pytest.raises(SlipwayError, match="network"):
        world.pruner().carry_out(world.plan())
    assert there(world, *releases[0]) == (True, True)
    world.fail = None
    plan = world.plan()
    assert (plan.removed, plan.unfinished) == (0, frozenset({world.name}))
    assert [entry.release for entry in plan.freed.releases] == [releases[0][0]]
    world.pruner().carry_out(plan)
    assert len(world.configs) == 2
    assert there(world, *releases[0]) == (False, False)
    assert world.plan().empty


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["save", "apply", "image", "first file", "last file"])
def test_killed_anywhere_the_next_run_ends_it(
    world: World, releases: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world.write(history(releases))
    plan = world.plan()
    bucket, registry = world.session.artifacts(), world.session.registry
    places: dict[str, tuple[Any, str, int]] = {
        "save": (world, "plan_held", 0),
        "apply": (world, "apply_held", 0),
        "image": (registry, "delete", 0),
        "first file": (bucket, "delete", 0),
        "last file": (bucket, "delete", 1),
    }
    owner, name, after = places[step]
    real, calls = getattr(owner, name), [0]

    def killed(*words: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise Killed
        return real(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(Killed):
            world.pruner().carry_out(plan)
    assert there(world, *releases[1]) == there(world, *releases[2]) == (True, True)
    again = world.plan()
    assert not again.empty
    world.pruner().carry_out(again)
    assert there(world, *releases[0]) == (False, False)
    assert len(world.configs) == 2
    assert world.plan().empty
    assert "started" not in {record.outcome for record in world.records(world.name) + world.records(pruning.RELEASES)}


def test_what_is_promoted_between_plan_and_deletion_stays(
    world: World, releases: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(history(releases))
    plan = world.plan()
    real = world.apply_held

    def promoted(stack: Stack) -> None:
        real(stack)
        found = revisions_file.load(world.path)
        revisions_file.save(world.path, found.add(revision(*releases[0], number=9), created="x"))

    monkeypatch.setattr(world, "apply_held", promoted)
    monkeypatch.setattr(pruning, "truth_of", lambda *_: SimpleNamespace(state="true"))
    done = world.pruner().carry_out(plan)
    assert done.freed.releases == ()
    assert there(world, *releases[0]) == (True, True)


def behind(world: World, live: list[tuple[str, str]]) -> None:
    """An environment that promotes from dev, with these releases in its file."""
    folder = world.estate.folder / "qa" / "endpoints"
    folder.mkdir(parents=True)
    source = f'{{ name = "dev", account_id = "{ACCOUNT}", region = "eu-west-1" }}'
    text = ENVIRONMENT.format(name="qa", account="222222222222", source=source)
    (folder.parent / "environment.tfvars").write_text(text)
    (folder / "other.tfvars").write_text(ENDPOINT.format(name="other"))
    if live:
        revisions_file.save(folder / "other.revisions.tfvars", history(live))


def test_what_an_environment_behind_this_one_has_stays(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    behind(world, releases[:1])
    later = datetime.now(UTC) + timedelta(days=365)
    plan = world.plan(now=later)
    assert plan.freed.releases == ()
    assert ("needed by qa's endpoint other") in [
        entry.why for entry in plan.freed.kept if entry.release == releases[0][0]
    ]


def test_what_can_still_be_promoted_from_here_stays_for_as_long(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    behind(world, [])
    assert world.plan().freed.releases == ()
    later = world.plan(now=datetime.now(UTC) + timedelta(days=31))
    assert [entry.release for entry in later.freed.releases] == [releases[0][0]]


@pytest.fixture
def running(world: World, releases: list[tuple[str, str]], estate: Any, dev: Session) -> Any:
    """An endpoint at AWS that serves the first release, under a name that no file has."""
    client = estate.client("sagemaker", "dev")
    name = f"slipway-dev-{world.name}x"
    release, digest = releases[0]
    one = revision(release, digest).variants["main"]
    client.create_model(
        ModelName=name,
        PrimaryContainer={"Image": one.image, "ModelDataUrl": one.model_data_url},
        ExecutionRoleArn=one.execution_role_arn,
    )
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return SimpleNamespace(name=name, client=client)


def test_what_any_endpoint_of_the_account_serves_stays(
    world: World, releases: list[tuple[str, str]], running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(history(releases))
    state = SimpleNamespace(status="InService", config=running.name, variants={}, shadow_variants={})
    real = type(world.session.sagemaker).endpoint
    monkeypatch.setattr(
        type(world.session.sagemaker), "endpoint", lambda s, n: state if n == running.name else real(s, n)
    )
    monkeypatch.setattr(type(world.session.sagemaker), "endpoint_names", lambda _, __: (running.name,))
    plan = world.plan()
    assert plan.removed == 1
    assert plan.freed.releases == ()
    assert plan.freed.images == ()
    why = next(entry.why for entry in plan.freed.kept if entry.release == releases[0][0])
    assert why == f"needed by the running endpoint {running.name}"


@pytest.mark.parametrize(
    ("status", "revision_served", "message"),
    [
        ("Updating", 2, "while a deployment is under way"),
        ("InService", 0, "nothing is pruned"),
        ("InService", None, "serves mine"),
    ],
)
def test_it_refuses_while_the_truth_is_not_the_files(
    world: World,
    releases: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    revision_served: int | None,
    message: str,
) -> None:
    found = history(releases)
    world.write(found)
    full = world.session.environment.endpoint_name(world.name)
    names = sorted(found.revisions, key=number_of)
    config = "mine" if revision_served is None else f"{full}-{names[revision_served]}-0badcafe"
    state = SimpleNamespace(status=status, config=config, variants={}, shadow_variants={})
    monkeypatch.setattr(type(world.session.sagemaker), "endpoint", lambda _, name: state if name == full else None)
    with pytest.raises(RefusedError, match=message):
        world.plan()


def test_foreign_objects_in_the_store_are_not_touched(world: World, releases: list[tuple[str, str]]) -> None:
    bucket = world.session.artifacts()
    for key in ("releases/x", "releases/other/ranker-20260101t000000-1a2b3c4/x", "releases/ranker/../x"):
        bucket.put_once(key, b"x", content_type="text/plain")
    world.write(history(releases))
    world.pruner().carry_out(world.plan())
    assert set(bucket.keys("releases/")) >= {"releases/x", "releases/other/ranker-20260101t000000-1a2b3c4/x"}


def test_no_image_goes_while_a_manifest_cannot_be_read(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    bucket = world.session.artifacts()
    broken = "ranker-20260102t030405-1a2b3c4"
    bucket.put_once(f"releases/ranker/{broken}/{MANIFEST}", b"{", content_type="application/json")
    try:
        plan = world.plan()
        assert [entry.release for entry in plan.freed.releases] == [releases[0][0]]
        assert plan.freed.images == ()
    finally:
        bucket.delete(f"releases/ranker/{broken}/{MANIFEST}")


def test_the_trail_tells_each_prune(world: World, releases: list[tuple[str, str]]) -> None:
    world.write(history(releases))
    world.pruner().carry_out(world.plan())
    (record,) = world.records(world.name)
    assert record.live is None or record.live == revisions_file.load(world.path).live
    assert "r1-" in record.why
    assert record.action not in audit.MOVES
