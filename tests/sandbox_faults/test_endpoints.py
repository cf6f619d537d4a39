"""Faults of real endpoints: no instances, instances that never answer, a canary that fails its bake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.page.canary import Estate
from sandbox.runtime import clock
from sandbox.server import Server

from .conftest import Set, hits


@pytest.fixture(scope="module")
def estate(server: Server) -> Iterator[Estate]:
    before = clock.shared().speed
    clock.shared().set_speed(1000)
    made = Estate("production")
    made.furnish()
    yield made
    made.close()
    clock.shared().set_speed(before)


@pytest.fixture(scope="module")
def revisions(estate: Estate) -> tuple[str, str]:
    return estate.revision(6), estate.revision(7)


def gone(estate: Estate) -> None:
    client = estate.client("sagemaker")
    client.delete_endpoint(EndpointName=estate.endpoint)
    client.get_waiter("endpoint_deleted").wait(EndpointName=estate.endpoint, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize(("kind", "reason"), [("capacity", "capacity"), ("never-ready", "health check")])
def test_an_endpoint_that_cannot_be_made(
    estate: Estate, revisions: tuple[str, str], fault: Set, kind: str, reason: str
) -> None:
    one = fault(kind, match={"account": "production", "instance_type": "ml.c7g.*", "operation": "CreateEndpoint"})
    estate.create(revisions[0])
    found = estate.settle()
    assert found["EndpointStatus"] == "Failed"
    assert reason in found["FailureReason"]
    assert hits(one) == 1
    gone(estate)


def test_a_bad_canary_goes_back_and_the_next_one_through(
    estate: Estate, revisions: tuple[str, str], fault: Set
) -> None:
    old, new = revisions
    estate.create(old)
    assert estate.settle()["EndpointStatus"] == "InService"
    for kind in ("capacity", "never-ready", "fail-bake"):
        one = fault(kind, match={"resource": estate.endpoint, "operation": "UpdateEndpoint"}, times=1)
        estate.update(new)
        found = estate.settle()
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old), kind
        assert found["FailureReason"], kind
        assert hits(one) == 1
    estate.update(new)
    found = estate.settle()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", new)
    gone(estate)
