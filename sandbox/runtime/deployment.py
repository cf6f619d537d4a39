"""An endpoint's life: one generator for each thing that happens to it, in AWS seconds.

States and transitions: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping

from sandbox import faults
from sandbox.runtime import clock
from sandbox.runtime.clock import Steps
from sandbox.runtime.container import StartError
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Fleet, Variant
from sandbox.runtime.strategy import Plan
from sandbox.runtime.watch import Watch

log = logging.getLogger(__name__)
PROVISION = 60.0  # AWS seconds from the request until instances run
CAPACITY = 30.0  # until a changed instance count is there
TERMINATE = 30.0
ROLL_BACK = 30.0
WATCH_EVERY = 10.0
Watching = Generator[float, None, tuple[str | None, float]]
Done = Callable[[bool, str], None]
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using "
    "a different ML instance type or after some time."
)
NOT_READY = (
    "The primary container for production variant {} did not pass the ping health check. Please check CloudWatch logs "
    "for this endpoint."
)


def safely(endpoint: Endpoint, steps: Steps) -> Steps:
    """Work through the steps; a fault of the sandbox's own must not leave the endpoint busy for ever."""
    creating = endpoint.status == "Creating"
    try:
        yield from steps
    except Exception as error:
        log.exception("endpoint %s of %s", endpoint.name, endpoint.account_id)
        with endpoint.lock:
            green, endpoint.green, endpoint.share = endpoint.pending, None, 0.0
            endpoint.pending = endpoint.started = None
        if green is not None and green is not endpoint.fleet:
            green.stop()
        endpoint.enter(None)
        endpoint.move("Failed" if creating else "InService", f"InternalServerError: {error!r}")


def create(endpoint: Endpoint) -> Steps:
    """Creating -> InService, or Failed with the reason."""
    endpoint.enter("creating", PROVISION)
    yield PROVISION
    try:
        yield from _start(endpoint, endpoint.fleet, "CreateEndpoint")
    except StartError as error:
        endpoint.enter(None)
        endpoint.move("Failed", str(error))
    else:
        endpoint.enter(None)
        endpoint.move("InService", None)


def update(endpoint: Endpoint, green: Fleet, plan: Plan, watch: Watch) -> Steps:
    """Updating -> InService on the new config; or RollingBack -> InService on the old one, with the reason kept.

    An alarm that rings already stops the deployment before a request reaches the new fleet.
    """
    rings = watch.reason()
    if rings:
        yield from _roll_back(endpoint, green, rings)
        return
    endpoint.enter("creating", PROVISION)
    yield PROVISION
    try:
        yield from _start(endpoint, green, "UpdateEndpoint")
    except StartError as error:
        yield from _roll_back(endpoint, green, str(error))
        return
    with endpoint.lock:
        endpoint.green = green
    spent = PROVISION
    for number, step in enumerate(plan.steps):
        last = number == len(plan.steps) - 1
        pause = plan.bake if last else plan.wait
        endpoint.share = step
        endpoint.enter("baking" if last else "shifting", pause)
        if pause and _fails_its_bake(endpoint, green, step):
            watch.ring()
        reason, spent = yield from _watch(plan, watch, pause, spent)
        if reason:
            yield from _roll_back(endpoint, green, reason)
            return
    yield from _switch(endpoint, green)


def _switch(endpoint: Endpoint, green: Fleet) -> Steps:
    blue = endpoint.fleet
    with endpoint.lock:
        endpoint.fleet, endpoint.config_name = green, green.config_name
        endpoint.green = endpoint.pending = endpoint.started = None
        endpoint.share = 0.0
    endpoint.enter("terminating", 0)
    blue.stop()  # requests that it still works on are answered first
    endpoint.enter(None)
    endpoint.move("InService", None)
    yield 0


def scale(
    endpoint: Endpoint, wanted: Mapping[str, tuple[float | None, int | None]], done: Done = lambda _well, _why: None
) -> Steps:
    """Updating -> InService with other weights and instance counts (UpdateEndpointWeightsAndCapacities).

    New instances fetch image and archive as the first ones did. When they do not start, counts and weights stay.
    """
    variants = endpoint.fleet.variants
    with endpoint.lock:
        for name, (weight, count) in wanted.items():
            variants[name].desired_weight = variants[name].desired_weight if weight is None else weight
            variants[name].desired_count = variants[name].desired_count if count is None else count
    yield CAPACITY
    try:
        for name in wanted:
            yield from _resize(endpoint, variants[name])
    except StartError as error:
        with endpoint.lock:
            for variant in variants.values():
                variant.desired_weight, variant.desired_count = variant.weight, variant.count
        endpoint.move("InService", str(error))
        done(False, str(error))
        return
    with endpoint.lock:
        for variant in variants.values():
            variant.weight = variant.desired_weight
    endpoint.move("InService", endpoint.failure_reason)
    done(True, "")


def delete(endpoint: Endpoint, gone: Callable[[], None]) -> Steps:
    """Deleting -> not there."""
    endpoint.enter("terminating", TERMINATE)
    endpoint.fleet.stop()
    yield TERMINATE
    gone()


def _resize(endpoint: Endpoint, variant: Variant) -> Steps:
    count = variant.desired_count
    if count is None or count == variant.count:
        return
    if count > (variant.count or 0):
        yield from _troubles(endpoint, variant, "UpdateEndpointWeightsAndCapacities")
    variant.server.resize(count)
    with endpoint.lock:
        variant.count = count


def _start(endpoint: Endpoint, fleet: Fleet, operation: str) -> Steps:
    for variant in fleet.everyone():
        yield from _troubles(endpoint, variant, operation)
    fleet.start()


def _troubles(endpoint: Endpoint, variant: Variant, operation: str) -> Steps:
    """Raise StartError when somebody wishes for a bad day: no capacity, or instances that never answer."""
    facts = _facts(endpoint, variant, operation)
    fault = faults.asks("capacity", **facts)
    if fault is not None:
        raise StartError(fault.text("message") or NO_CAPACITY)
    if faults.asks("never-ready", **facts) is not None:
        yield variant.server.container.startup_timeout
        raise StartError(NOT_READY.format(variant.name))


def _fails_its_bake(endpoint: Endpoint, green: Fleet, share: float) -> bool:
    return any(
        faults.asks("fail-bake", **_facts(endpoint, variant, "UpdateEndpoint"), traffic=f"{share:g}") is not None
        for variant in green.variants.values()
    )


def _facts(endpoint: Endpoint, variant: Variant, operation: str) -> dict[str, str]:
    return {
        "account": endpoint.account_id,
        "resource": endpoint.name,
        "variant": variant.name,
        "instance_type": str(variant.settings.get("InstanceType") or "serverless"),
        "operation": operation,
    }


def _watch(plan: Plan, watch: Watch, seconds: float, spent: float) -> Watching:
    """Bake for so many AWS seconds. Returns the reason to roll back, if any, and the AWS seconds spent so far."""
    shared = clock.shared()
    begun = shared.elapsed()
    while True:
        passed = shared.elapsed() - begun
        reason = watch.reason()
        if reason:
            return reason, spent + passed
        if spent + passed > plan.limit:
            late = f"Deployment was rolled back because it took longer than {plan.limit} seconds."
            return late, spent + passed
        if passed >= seconds:
            return None, spent + passed
        yield min(WATCH_EVERY, seconds - passed)


def _roll_back(endpoint: Endpoint, green: Fleet, reason: str) -> Steps:
    """All traffic goes back to the old fleet, which kept its instance counts and weights."""
    with endpoint.lock:
        endpoint.share = 0.0
    endpoint.enter("rolling back", ROLL_BACK)
    endpoint.move("RollingBack", reason)
    yield ROLL_BACK
    with endpoint.lock:
        endpoint.green = endpoint.pending = endpoint.started = None
    green.stop()
    endpoint.enter(None)
    endpoint.move("InService", reason)
