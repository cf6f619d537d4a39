"""A promotion that is killed at every point, one after the other: each run goes on where the last one was killed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.sandbox.bad_days.days import Day, World

pytestmark = pytest.mark.sandbox
STATE = "*serving/ranker.tfstate"


@dataclass(frozen=True)
class Point:
    """A call during which the command is killed: before AWS did the work, or after, when only the answer is missing."""

    name: str
    service: str
    operation: str
    when: str = "after"
    more: dict[str, str] = field(default_factory=dict)
    skip: int = 0


AUDIT = {"resource": "*/audit/*"}
POINTS = (
    Point("a part is copied", "s3", "UploadPartCopy", "before"),
    Point("a file is completed", "s3", "CompleteMultipartUpload"),
    Point("the lineage is registered", "sagemaker", "CreateModelPackage"),
    Point("the plan holds the state", "s3", "PutObject", more={"resource": f"{STATE}.tflock"}),
    Point("the audit record is begun", "s3", "PutObject", more=AUDIT),
    Point("the config is made", "sagemaker", "CreateEndpointConfig"),
    Point("the update is asked for", "sagemaker", "UpdateEndpoint", "before"),
    Point("the update has begun", "sagemaker", "UpdateEndpoint"),
    Point("golden requests", "sagemaker-runtime", "InvokeEndpoint", "before", {"principal": "*/slipway-qa-promote/*"}),
    Point("the evidence is written", "s3", "PutObject", "before", {"resource": "*/evidence/*"}),
)

# While it copies, while Terraform holds the lock, while SageMaker works, when only the record is missing
FEW = tuple(point for number, point in enumerate(POINTS) if number in {0, 3, 7, 9})


def test_a_promotion_killed_at_four_points(world: World):
    killed_at(world, FEW, world.models.release("good", "killed"))


@pytest.mark.long
def test_a_promotion_killed_at_every_point(world: World):
    killed_at(world, POINTS, world.models.release("good", "killed-everywhere"))


def killed_at(world: World, points: tuple[Point, ...], release: str) -> None:
    """Kill a promotion at each point, each run at the next one; the last run ends it, and one more changes nothing."""
    with world.day("glue killed", f"The promotion is killed at {len(points)} points, each run at the next") as day:
        day.new.add(release)
        with world.speed(600):
            for point in points:
                kill_at(world, day, point, release)
                assert day.live()["release"] in {day.old, release}, point
            day.converges(day.promote(release), release)
            again = day.promote(release, "--format", "json")
            assert (again.code, again.document["changed"]) == (0, False)


@pytest.mark.long
def test_a_return_that_is_killed(world: World):
    """The failed release is live nowhere, nobody tries it again by accident, and no lock is left."""
    release = world.models.release("never-healthy", "killed-return")
    back = Point("the return holds the state", "s3", "PutObject", more={"resource": f"{STATE}.tflock"}, skip=2)
    with world.day("return killed", "The glue is killed while it goes back after a failure") as day:
        kill_at(world, day, back, release)
        assert day.live()["release"] == day.old
        assert day.promote(release).code in {1, 3}  # it completes the return first
        day.fails(day.promote(release), "--retry", code=3)
        assert day.live()["release"] == day.old


def kill_at(world: World, day: Day, point: Point, release: str) -> None:
    """Promote, and kill the command with its Terraform at a point."""
    match = {"service": point.service, "operation": point.operation, **point.more}
    with world.fault("timeout", match=match, skip=point.skip, when=point.when, hold_s=20) as fault:
        started = day.start("promote", release, "--to", day.environment, "--apply", "--yes")
        started.kill_when(fault.hit)
