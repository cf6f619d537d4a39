"""SageMaker endpoints: an own engine, since moto's endpoints are InService at once and cannot be updated.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.responses import SageMakerResponse

from sandbox.events import sagemaker as events
from sandbox.ext.sagemaker_common import (
    LOCK,
    arn,
    backend,
    invalid,
    listed,
    matches,
    new_record,
    params,
    patch,
)
from sandbox.ext.sagemaker_configs import config_of
from sandbox.ext.sagemaker_endpoint_view import describe
from sandbox.runtime import context, deployment, fleet, servers, strategy
from sandbox.runtime.container import StartError
from sandbox.runtime.endpoint import BUSY, Endpoint
from sandbox.runtime.watch import Watch
from sandbox.settings import Settings

log = logging.getLogger(__name__)


def install(settings: Settings) -> None:
    """Replace moto's endpoint operations."""
    context.ensure(settings)
    patch(
        SageMakerResponse,
        create_endpoint,
        describe_endpoint,
        list_endpoints,
        update_endpoint,
        update_endpoint_weights_and_capacities,
        delete_endpoint,
    )


def shutdown() -> None:
    """Stop the clock, then end every model server."""
    context.current().clock.stop()
    servers.kill_all()


def create_endpoint(self: Any) -> ActionResult:
    """CreateEndpoint: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html."""
    request = params(self)
    endpoints = backend(self).endpoints
    with LOCK:
        record = new_record(self, "endpoint", request["EndpointName"], endpoints)
        config = config_of(self, request["EndpointConfigName"]).request
        made = Endpoint(
            name=record.name,
            arn=record.arn,
            account_id=self.current_account,
            region=self.region,
            tags=record.tags,
            config_name=config["EndpointConfigName"],
            fleet=_fleet(self, record.name, config),
            last_deployment=request.get("DeploymentConfig"),
            tell=announce,
        )
        _plan(request.get("DeploymentConfig"), made.fleet)
        endpoints[record.name] = made
    announce(made)
    context.current().clock.run(deployment.safely(made, deployment.create(made)), name=f"create {made.name}")
    return ActionResult({"EndpointArn": made.arn})


def describe_endpoint(self: Any) -> ActionResult:
    """DescribeEndpoint."""
    return ActionResult(describe(endpoint_of(self, params(self)["EndpointName"])))


def list_endpoints(self: Any) -> ActionResult:
    """ListEndpoints: newest first unless asked otherwise; StatusEquals and NameContains filter."""
    request = params(self)
    status = request.get("StatusEquals")
    found = [
        endpoint
        for endpoint in list(backend(self).endpoints.values())
        if matches(endpoint, request) and status in {None, endpoint.status}
    ]
    keys = {
        "CreationTime": lambda one: one.creation_time,
        "Name": lambda one: one.name,
        "Status": lambda one: one.status,
    }
    page, token = listed(found, request, sort_keys=keys)
    endpoints = [
        {
            "EndpointName": one.name,
            "EndpointArn": one.arn,
            "CreationTime": one.creation_time,
            "LastModifiedTime": one.last_modified_time,
            "EndpointStatus": one.status,
        }
        for one in page
    ]
    return ActionResult({"Endpoints": endpoints, "NextToken": token})


def update_endpoint(self: Any) -> ActionResult:
    """UpdateEndpoint: a new fleet, traffic moved as the deployment config says, the old fleet ended."""
    request = params(self)
    with LOCK:
        endpoint = endpoint_of(self, request["EndpointName"])
        _must_rest(endpoint)
        config = config_of(self, request["EndpointConfigName"]).request
        wanted = request.get("DeploymentConfig")
        if wanted is None and request.get("RetainDeploymentConfig"):
            wanted = endpoint.last_deployment
        green = _fleet(self, endpoint.name, config)
        if request.get("RetainAllVariantProperties"):
            excluded = [one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties") or []]
            fleet.retain(green, endpoint.fleet, exclude=excluded)
        plan = _plan(wanted, green)
        _check_names(wanted, endpoint, green)
        _check_scaled_variants(endpoint, green)
        endpoint.alarms = plan.alarms
        endpoint.last_deployment = wanted
        endpoint.pending, endpoint.started = green, utcnow()
        endpoint.move("Updating", None)
    steps = deployment.update(endpoint, green, plan, Watch(endpoint.account_id, endpoint.region, plan.alarms))
    context.current().clock.run(deployment.safely(endpoint, steps), name=f"update {endpoint.name}")
    return ActionResult({"EndpointArn": endpoint.arn})


def update_endpoint_weights_and_capacities(self: Any) -> ActionResult:
    """UpdateEndpointWeightsAndCapacities: what is not sent stays; the endpoint is Updating for a while.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
    """
    request = params(self)
    with LOCK:
        endpoint = endpoint_of(self, request["EndpointName"])
        _must_rest(endpoint)
        wanted: dict[str, tuple[float | None, int | None]] = {}
        for one in request["DesiredWeightsAndCapacities"]:
            name = one["VariantName"]
            if name in wanted:
                raise invalid(f'The variant name "{name}" was non-unique within the request.')
            if name not in endpoint.fleet.variants:
                raise invalid(
                    f'The variant name(s) "{name}" is/are not present within endpoint configuration '
                    f'"{endpoint.config_name}".'
                )
            count = one.get("DesiredInstanceCount")
            if count is not None and endpoint.fleet.variants[name].serverless:
                raise invalid(f"The serverless variant {name} has no instance count.")
            wanted[name] = (one.get("DesiredWeight"), count)
        endpoint.move("Updating", endpoint.failure_reason)
    steps = deployment.safely(endpoint, deployment.scale(endpoint, wanted))
    context.current().clock.run(steps, name=f"scale {endpoint.name}")
    return ActionResult({"EndpointArn": endpoint.arn})


def delete_endpoint(self: Any) -> EmptyResult:
    """DeleteEndpoint: Deleting for a while, then gone. Not while it is being created or updated."""
    with LOCK:
        endpoint = endpoint_of(self, params(self)["EndpointName"])
        if endpoint.status == "Deleting":
            return EmptyResult()
        _must_rest(endpoint, also="Failed")
        endpoint.move("Deleting", endpoint.failure_reason)
    endpoints = backend(self).endpoints
    steps = deployment.delete(endpoint, lambda: endpoints.pop(endpoint.name, None))
    context.current().clock.run(steps, name=f"delete {endpoint.name}")
    return EmptyResult()


def announce(endpoint: Endpoint) -> None:
    """Tell the event bus of a change of status, and of the deployment that is under way.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    try:
        events.endpoint(endpoint)
    except Exception:
        log.exception("event of endpoint %s", endpoint.name)


def endpoint_of(response: Any, name: str) -> Endpoint:
    """Return an endpoint of the caller's account. Raises ValidationException in AWS's words."""
    endpoint: Endpoint | None = backend(response).endpoints.get(name)
    if endpoint is None:
        raise invalid(f'Could not find endpoint "{arn(response, "endpoint", name)}".')
    return endpoint


def _must_rest(endpoint: Endpoint, *, also: str = "") -> None:
    if endpoint.status in BUSY:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    if endpoint.status not in {"InService", also}:
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" in status {endpoint.status}; it can only be deleted.')


def _fleet(response: Any, endpoint: str, config: Mapping[str, Any]) -> fleet.Fleet:
    models = {name: record.request for name, record in backend(response)._models.items()}
    try:
        return fleet.build(
            context.current(),
            account_id=response.current_account,
            region=response.region,
            endpoint=endpoint,
            config=config,
            models=models,
        )
    except StartError as error:
        raise invalid(str(error)) from error


def _plan(wanted: Mapping[str, Any] | None, green: fleet.Fleet) -> strategy.Plan:
    try:
        kinds = [str(variant.settings.get("InstanceType") or "") for variant in green.variants.values()]
        return strategy.plan(wanted, {name: variant.count for name, variant in green.variants.items()}, kinds)
    except strategy.InvalidDeploymentError as error:
        raise invalid(str(error)) from error


def _check_scaled_variants(endpoint: Endpoint, green: fleet.Fleet) -> None:
    """Refuse to take away, or to change the type of, a variant that is registered for autoscaling.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
    """
    scaling: Any = applicationautoscaling_backends[endpoint.account_id][endpoint.region]
    targets = scaling.targets.get("sagemaker:variant:DesiredInstanceCount", {})
    changed = [
        name
        for name, variant in endpoint.fleet.variants.items()
        if f"endpoint/{endpoint.name}/variant/{name}" in targets
        and (
            name not in green.variants
            or green.variants[name].settings.get("InstanceType") != variant.settings.get("InstanceType")
        )
    ]
    if changed:
        raise invalid(
            f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets with AWS Auto Scaling '
            "before they can be removed or have their instance type updated."
        )


def _check_names(wanted: Mapping[str, Any] | None, endpoint: Endpoint, green: fleet.Fleet) -> None:
    """Under guardrails the new config has the variants of the old one.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html says so of "a blue/green or
    rolling deployment". All at once is what an update without a DeploymentConfig is, too, and that may change variants:
    taken here to be no such deployment (an assumption).
    """
    routing = ((wanted or {}).get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
    if not wanted or routing.get("Type") == "ALL_AT_ONCE":
        return
    if set(green.variants) != set(endpoint.fleet.variants):
        raise invalid(
            "The variant names of the new endpoint configuration must be the same as those of the current one when a "
            f"DeploymentConfig is used: [{', '.join(sorted(endpoint.fleet.variants))}]."
        )
