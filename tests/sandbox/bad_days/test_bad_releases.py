"""Releases that are bad: what each does to those who ask, and that the endpoint goes back to the old one."""

from __future__ import annotations

import pytest

from tests.sandbox.bad_days.days import LOAD, World

pytestmark = pytest.mark.sandbox
FULL = 20  # answers in a row by one of two releases that share the traffic evenly: one in a million


def test_a_model_that_fails_only_under_load(world: World):
    """Asked quietly it answers as promised; under load the canary's errors undo the deployment."""
    release = world.models.release("fails-under-load")
    with world.day("fails under load", "A model that answers 500 only under load", callers=1 + LOAD) as day:
        day.fails(day.promote(release), "SageMaker rolled", "went into ALARM state", "marked as failed")
        assert day.live()["release"] == day.old


def test_a_model_that_answers_nonsense(world: World):
    """Status 200, and quick: no alarm rings. Golden requests find it while it has half of the traffic, and end it."""
    release = world.models.release("nonsense")
    with world.day("nonsense", "A model that answers nonsense with status 200") as day, world.speed(20):
        day.fails(day.promote(release), "golden request", "slipway-qa-ranker-abort", "marked as failed")
        assert day.live()["release"] == day.old
    assert day.caller.tally.answered[release] > 0
    assert day.caller.longest(release) < FULL


@pytest.mark.long
def test_a_slow_model(world: World):
    release = world.models.release("slow")
    with world.day("slow", "A model that takes 0.6 s where 0.3 s are allowed") as day:
        day.fails(day.promote(release), "SageMaker rolled", "model-latency-p99", "marked as failed")
        assert day.live()["release"] == day.old


@pytest.mark.long
def test_a_model_that_never_becomes_healthy(world: World):
    release = world.models.release("never-healthy")
    with world.day("never healthy", "A model that cannot be loaded") as day:
        day.fails(day.promote(release), "SageMaker rolled", "ping health check", "marked as failed")
        assert day.live()["release"] == day.old
    assert world.seen[-1].new == 0
